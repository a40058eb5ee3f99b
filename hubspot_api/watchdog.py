"""
A deadline for a whole exchange, since a socket's time-out covers each read alone.

Without a deadline a response whose headers or body arrive at two bytes a second never times out.
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
    The moment that cuts an exchange off; `passed` tells whether that has happened.

    The deadline shuts the connection down through a copy of the file descriptor. The copy works at
    every stage: TLS handshake, headers, body, and after the response has taken the socket over.
    """

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s
        self.passed = False
        self._copy: socket.socket | None = None

    def attach(self, connection: HasFileno) -> None:
        """Watch this connection from now on, instead of any earlier connection."""
        self.close()
        copy = os.dup(connection.fileno())
        self._copy = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, copy)
        if self.passed:
            self._shut_down()

    def expire(self) -> None:
        """Cut the connection off: the reader sees the end of the stream."""
        self.passed = True
        self._shut_down()

    def close(self) -> None:
        """Stop watching the connection, which stays open."""
        if self._copy is not None:
            self._copy.close()

    def _shut_down(self) -> None:
        if self._copy is not None:
            with contextlib.suppress(OSError):
                self._copy.shutdown(socket.SHUT_RDWR)


class Watchdog:
    """
    Expires deadlines, from one thread.

    All clients of a process share WATCHDOG: a thread for each would outlive the client.
    """

    def __init__(self) -> None:
        self._deadlines: set[Deadline] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def deadline(self, seconds: float) -> Iterator[Deadline]:
        """Yield a deadline in `seconds`; the deadline ends with the block."""
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
