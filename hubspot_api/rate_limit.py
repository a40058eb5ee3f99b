"""
The rate limiter that all threads share; when HubSpot asks for a pause, all of them pause.

Source of the limits: HubSpot's usage guidelines, 100 to 250 requests in 10 seconds by plan.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

PAUSE_AT_NONE_LEFT_S = 1.0
WINDOW_S = 10.0  # the window of HubSpot's TEN_SECONDLY_ROLLING limit
POLL_S = 0.05  # how often to look while all allowed requests are in flight


class RateLimiter:
    """
    Throttles requests: at most `requests` in any `window_s` seconds, none during a pause.

    The limiter counts a request until a window after its response. HubSpot may count it as late
    as that; counting from the send time led to 429s at the edges of the window and took 1.6 times
    as long. `clock` returns seconds that only grow; `sleep` waits for seconds. `general` limits
    the same requests together with others.
    """

    def __init__(
        self,
        requests: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        window_s: float = WINDOW_S,
        general: RateLimiter | None = None,
    ) -> None:
        self.waited_s = 0.0
        self._window_s = window_s
        self._requests = requests
        self._clock = clock
        self._sleep = sleep
        self._in_flight = 0
        self._finished_at: deque[float] = deque()
        self._pause_until = 0.0
        self._lock = threading.Lock()
        self._general = general
        self._special: dict[tuple[int, float], RateLimiter] = {}

    def special(self, requests: int, window_s: float) -> RateLimiter:
        """
        Return the limiter of requests with a limit of their own: one object for each limit.

        They count against the general limit, too. HubSpot does not say whether they do; if not,
        this costs little, and otherwise each window would end with 429s.
        """
        key = requests, window_s
        if key not in self._special:
            self._special[key] = RateLimiter(requests, self._clock, self._sleep, window_s, self)
        return self._special[key]

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until a request may start; the request is in flight inside the block."""
        self._wait()
        try:
            with self._general.slot() if self._general else nullcontext():
                yield
        finally:
            with self._lock:
                self._in_flight -= 1
                self._finished_at.append(self._clock())

    def pause(self, seconds: float) -> None:
        """Let no request start for this long."""
        with self._lock:
            self._pause_until = max(self._pause_until, self._clock() + seconds)

    def update_from_headers(self, allowed: int | None, remaining: int | None) -> None:
        """
        Adopt HubSpot's own limit: `allowed` requests in ten seconds, `remaining` of them now.

        When none remain although this client has sent fewer than `allowed`, another program uses
        the same token. Then the limiter pauses for PAUSE_AT_NONE_LEFT_S.
        """
        with self._lock:
            if allowed is not None and 0 < allowed < self._requests:
                self._requests = allowed
            if remaining == 0 and self._count() < (allowed or self._requests):
                until = self._clock() + PAUSE_AT_NONE_LEFT_S
                self._pause_until = max(self._pause_until, until)

    def _wait(self) -> None:
        while True:
            with self._lock:
                wait_s = self._wait_s()
                if wait_s <= 0:
                    self._in_flight += 1
                    return
                self.waited_s += wait_s
            self._sleep(wait_s)

    def _wait_s(self) -> float:
        now = self._clock()
        free_at = now
        surplus = self._count() - self._requests + 1
        if surplus > len(self._finished_at):
            free_at = now + POLL_S
        elif surplus > 0:
            free_at = self._finished_at[surplus - 1] + self._window_s
        return max(self._pause_until, free_at) - now

    def _count(self) -> int:
        """Return how many requests HubSpot may count at this moment."""
        now = self._clock()
        while self._finished_at and self._finished_at[0] <= now - self._window_s:
            self._finished_at.popleft()
        return len(self._finished_at) + self._in_flight
