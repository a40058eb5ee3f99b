"""The limits of requests in a window, and the headers about them."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Literal

HeaderCase = Literal["documented", "title", "lower"]

DAILY_LIMIT = 500_000  # HubSpot usage limits: a Professional portal's, before late 2024
RATE_WINDOW_S = 10.0
SEARCH_WINDOW_S = 1.0


class RollingLimit:
    """At most `most` requests in any `window_s` seconds; rejected requests do not count."""

    def __init__(self, most: int, window_s: float) -> None:
        self.most = most
        self.window_s = window_s
        self._times_s: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self) -> int | None:
        """Count a request; returns how many remain, None if the limit rejects the request."""
        with self._lock:
            now_s = time.monotonic()
            while self._times_s and self._times_s[0] <= now_s - self.window_s:
                self._times_s.popleft()
            if len(self._times_s) >= self.most:
                return None
            self._times_s.append(now_s)
            return self.most - len(self._times_s)


class RateLimits:
    """
    At most `rate_limit` requests in `window_s` seconds, and `search_limit` searches in a second.

    None is no limit. `header_case` is the case of the headers, which varies in recordings.
    """

    def __init__(
        self,
        rate_limit: int | None,
        window_s: float,
        search_limit: int | None,
        header_case: HeaderCase,
    ) -> None:
        self._limit = None if rate_limit is None else RollingLimit(rate_limit, window_s)
        self._search_limit = (
            None if search_limit is None else RollingLimit(search_limit, SEARCH_WINDOW_S)
        )
        self._header_case = header_case

    def take(self) -> int | None:
        """Count a request; returns how many remain, None if the limit rejects the request."""
        return self._limit.take() if self._limit else 0

    def take_search(self) -> bool:
        """Count a search; returns False if the limit rejects the search."""
        return self._search_limit is None or self._search_limit.take() is not None

    def headers(self, number: int, remaining: int) -> dict[str, str]:
        """Return the headers of the response to request `number`, counted from 1."""
        values = {
            "X-HubSpot-RateLimit-Daily": DAILY_LIMIT,
            "X-HubSpot-RateLimit-Daily-Remaining": max(0, DAILY_LIMIT - number),
        }
        if self._limit is not None:
            # HubSpot still sends the secondly headers, but no longer enforces them (usage limits).
            secondly = max(1, self._limit.most // 10)
            values |= {
                "X-HubSpot-RateLimit-Interval-Milliseconds": int(self._limit.window_s * 1000),
                "X-HubSpot-RateLimit-Max": self._limit.most,
                "X-HubSpot-RateLimit-Remaining": remaining,
                "X-HubSpot-RateLimit-Secondly": secondly,
                "X-HubSpot-RateLimit-Secondly-Remaining": min(remaining, secondly),
            }
        return {self._in_header_case(name): str(value) for name, value in values.items()}

    def _in_header_case(self, name: str) -> str:
        if self._header_case == "documented":
            return name
        return name.title() if self._header_case == "title" else name.lower()
