"""
A deadline for a whole exchange: a socket's time-out is for each of its reads.

A response whose headers or body come at two bytes a second would otherwise never time out.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Protocol

POLL_S = 0.5


class HasFileno(Protocol):
    """A socket, with or without TLS."""

    def fileno(self) -> int: ...


class Deadline:
    """
    The moment at which an exchange is cut off; `passed` tells whether it was.

    It shuts the connection down through a copy of its file descriptor, which works at any time:
    in the TLS handshake, in the headers, in the body, after the response has taken the socket over.
    """

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s
        self.passed = False
        self._copy: socket.socket | None = None

    def attach(self, connection: HasFileno) -> None:
        """Cut this connection off when the deadline passes, instead of any given before."""
        self.close()
        self._copy = socket.socket(
            socket.AF_INET, socket.SOCK_STREAM, 0, os.dup(connection.fileno())
        )
        if self.passed:
            self._shut_down()

    def expire(self) -> None:
        """Cut the connection off: whoever reads from it sees it end."""
        self.passed = True
        self._shut_down()

    def close(self) -> None:
        """Let go of the connection, which goes on."""
        if self._copy is not None:
            self._copy.close()

    def _shut_down(self) -> None:
        if self._copy is not None:
            with contextlib.suppress(OSError):
                self._copy.shutdown(socket.SHUT_RDWR)


class Watchdog:
    """
    Expires deadlines, from one thread.

    All clients of a process share WATCHDOG: a thread for each would outlive its client.
    """

    def __init__(self) -> None:
        self._deadlines: set[Deadline] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def deadline(self, seconds: float) -> Iterator[Deadline]:
        """Yield a deadline in `seconds`, which has no effect any more once the block has ended."""
        deadline = Deadline(time.monotonic() + seconds)
        with self._lock:
            self._deadlines.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        try:
            yield deadline
        finally:
            with self._lock:
                self._deadlines.remove(deadline)
                deadline.close()

    def _run(self) -> None:
        while True:
            time.sleep(POLL_S)
            with self._lock:
                now = time.monotonic()
                for deadline in self._deadlines:
                    if deadline.at_s <= now and not deadline.passed:
                        deadline.expire()


WATCHDOG = Watchdog()
