"""
How fast to ask: one pace for everybody who asks, and one pause when HubSpot wants one.

Source of the limits: HubSpot's usage guidelines, 100 to 250 requests in 10 seconds by plan.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

PAUSE_AT_NONE_LEFT_S = 1.0
WINDOW_S = 10.0  # the window of HubSpot's TEN_SECONDLY_ROLLING limit


class Pace:
    """
    Lets at most `requests` begin in any ten seconds, and none during a pause.

    `clock` gives seconds that only grow, `sleep` waits; tests give their own.
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
        self._began: deque[float] = deque()
        self._paused_until = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when a request may begin; it counts from then on."""
        while True:
            with self._lock:
                wait_s = self._wait_s()
                if wait_s <= 0:
                    self._began.append(self._clock())
                    return
                self.waited_s += wait_s
            self._sleep(wait_s)

    def pause(self, seconds: float) -> None:
        """Let nobody begin for this long."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def heed(self, allowed: int | None, left: int | None) -> None:
        """
        Take what HubSpot says of its limit: `allowed` in ten seconds, `left` of them just now.

        What is left may be less than we know of: others ask with the same token.
        """
        with self._lock:
            if allowed is not None and 0 < allowed < self._requests:
                self._requests = allowed
            if left == 0:
                until = self._clock() + PAUSE_AT_NONE_LEFT_S
                self._paused_until = max(self._paused_until, until)

    def _wait_s(self) -> float:
        now = self._clock()
        while self._began and self._began[0] <= now - WINDOW_S:
            self._began.popleft()
        full = len(self._began) >= self._requests
        free_at = self._began[-self._requests] + WINDOW_S if full else now
        return max(self._paused_until, free_at) - now
