"""A proxy between the target and a server that breaks connections on demand."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from enum import Enum

CHUNK = 65_536


# A packet with a statement that a server answers with error 1235.
_SIGNAL = b"\x03SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1235, MESSAGE_TEXT = 'not supported'"
NOT_SUPPORTED = len(_SIGNAL).to_bytes(3, "little") + b"\0" + _SIGNAL


class Fate(Enum):
    """The fate of bytes that the target sends."""

    PASS = "they reach the server"
    LOSE = "they do not, and the connection is cut"
    LAST = "they do, and the connection is cut before the target has the answer"
    UNSUPPORTED = "they do not, and the server answers that it does not support this"


class Proxy:
    """
    As a context manager: forwards connections on its own `port` to the server at `server_port`.

    `decide` returns the fate of each piece that the target sends, or bytes to send instead, and may
    block.
    """

    def __init__(self, server_port: int, decide: Callable[[bytes], Fate | bytes]) -> None:
        self.port = 0
        self._server_port = server_port
        self._decide = decide
        self._listener = socket.socket()

    def __enter__(self) -> Proxy:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                deaf = threading.Event()
                for pass_on in (self._pass_up, self._pass_down):
                    thread = threading.Thread(
                        target=pass_on, args=(client, server, deaf), daemon=True
                    )
                    thread.start()

    def _pass_up(self, client: socket.socket, server: socket.socket, deaf: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK):
                fate = self._decide(data)
                if fate is Fate.LOSE:
                    hang_up(client)
                    break
                if fate is Fate.LAST:
                    deaf.set()
                if fate is Fate.UNSUPPORTED:
                    data = NOT_SUPPORTED
                server.sendall(fate if isinstance(fate, bytes) else data)
        if not deaf.is_set():
            hang_up(server)

    def _pass_down(
        self, client: socket.socket, server: socket.socket, deaf: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(CHUNK):
                if deaf.is_set():
                    break
                client.sendall(data)
        hang_up(client)
        hang_up(server)


def hang_up(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def first_time(word: bytes, then: Fate, do: Callable[[], object] = bool) -> Callable[[bytes], Fate]:
    """
    Return a function that decides `then` once, the first time that `word` is sent, after `do`.
    """
    met = threading.Event()

    def decide(data: bytes) -> Fate:
        if word not in data or met.is_set():
            return Fate.PASS
        met.set()
        do()
        return then

    return decide
