"""
How fast to ask: one pace for everybody who asks, and one pause when HubSpot wants one.

Source of the limits: HubSpot's usage guidelines, 100 to 250 requests in 10 seconds by plan.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PAUSE_AT_NONE_LEFT_S = 1.0
WINDOW_S = 10.0  # the window of HubSpot's TEN_SECONDLY_ROLLING limit
POLL_S = 0.05  # how often to look where every request that is allowed is under way


class Pace:
    """
    Lets at most `requests` be in any ten seconds, and none begin during a pause.

    A request counts until ten seconds after its answer: when HubSpot counted it is not known, but
    it was not later. `clock` gives seconds that only grow, `sleep` waits; tests give their own.
    """

    def __init__(
        self,
        requests: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.waited_s = 0.0
        self._requests = requests
        self._clock = clock
        self._sleep = sleep
        self._under_way = 0
        self._answered: deque[float] = deque()
        self._paused_until = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until a request may begin; inside, it is under way."""
        self._wait()
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._answered.append(self._clock())

    def pause(self, seconds: float) -> None:
        """Let nobody begin for this long."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def heed(self, allowed: int | None, left: int | None) -> None:
        """
        Take what HubSpot says of its limit: `allowed` in ten seconds, `left` of them just now.

        Where none is left though we have asked for less than is allowed, others ask with the same
        token, and there is a pause.
        """
        with self._lock:
            if allowed is not None and 0 < allowed < self._requests:
                self._requests = allowed
            if left == 0 and self._counted() < (allowed or self._requests):
                until = self._clock() + PAUSE_AT_NONE_LEFT_S
                self._paused_until = max(self._paused_until, until)

    def _wait(self) -> None:
        while True:
            with self._lock:
                wait_s = self._wait_s()
                if wait_s <= 0:
                    self._under_way += 1
                    return
                self.waited_s += wait_s
            self._sleep(wait_s)

    def _wait_s(self) -> float:
        now = self._clock()
        free_at = now
        surplus = self._counted() - self._requests + 1
        if surplus > len(self._answered):
            free_at = now + POLL_S
        elif surplus > 0:
            free_at = self._answered[surplus - 1] + WINDOW_S
        return max(self._paused_until, free_at) - now

    def _counted(self) -> int:
        """Return how many requests HubSpot may count at this moment."""
        now = self._clock()
        while self._answered and self._answered[0] <= now - WINDOW_S:
            self._answered.popleft()
        return len(self._answered) + self._under_way
