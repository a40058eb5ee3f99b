"""
An end to answers that do not end: a socket's time-out is for each of its reads.

An answer that comes at two bytes a second would otherwise never time out.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import requests

POLL_S = 0.5


class Watch:
    """
    Cuts off answers that are still being read at their deadline, from one thread.

    All clients of a process share WATCH: a thread for each would outlive its client.
    """

    def __init__(self) -> None:
        self._deadlines: dict[requests.Response, float] = {}
        self._cut: set[requests.Response] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def over(self, response: requests.Response, seconds: float) -> Iterator[None]:
        """Give what is inside `seconds` to read the answer; it then sees the answer end."""
        with self._lock:
            self._deadlines[response] = time.monotonic() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._deadlines[response]

    def cut(self, response: requests.Response) -> bool:
        """Tell whether an answer was cut off, once."""
        with self._lock:
            found = response in self._cut
            self._cut.discard(response)
        return found

    def _run(self) -> None:
        while True:
            time.sleep(POLL_S)
            with self._lock:
                now = time.monotonic()
                late = [one for one, at in self._deadlines.items() if at <= now]
                for response in late:
                    self._cut.add(response)
                    with contextlib.suppress(OSError, ValueError, RuntimeError):
                        response.raw.shutdown()


WATCH = Watch()
