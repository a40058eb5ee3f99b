"""A server that asks for this machine's files gets none of them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import Outcome, run_program
from tests.target.conftest import TEXT, record, schema, settings, state, to_lines
from tests.target.feeding import END_S
from tests.wire import OK, greeting, receive, send

ONE_ROW_CHANGED = b"\0\1\0\2\0\0\0"
END_OF_PART = b"\xfe\0\0\2\0"
# The answer to the target's first question: version, comment, local_infile, packet, case, timeout.
FACTS = ("10.11.0-MariaDB", "rogue", "1", "16777216", "0", "28800", "16384")
# A table's row of _sdc_tables: nobody holds it.
UNLOCKED = (None, None, None, None, None, None, None, "0", None, None)


@dataclass
class RogueServer:
    """
    Speaks enough of MySQL's protocol to be believed.

    Responds to statements that contain `asks_at` with a request for the file `wish`; `uploaded` is
    the received data.
    """

    wish: Path
    asks_at: bytes
    uploaded: bytes = b""
    port: int = 0
    _listener: socket.socket = field(default_factory=socket.socket)

    def __enter__(self) -> RogueServer:
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
                client.settimeout(END_S)
                with client, contextlib.suppress(OSError):
                    self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        send(client, 0, greeting())
        number, _ = receive(client)
        send(client, number + 1, OK)
        while True:
            number, packet = receive(client)
            if packet[:1] == b"\1":  # it says goodbye
                return
            if self.asks_at in packet:
                for data in self._ask(client, number):
                    self.uploaded += data
            elif b"LOAD DATA" in packet:  # as an honest server does
                for _ in self._ask(client, number):
                    pass
            elif b"VERSION()" in packet:
                send(client, number + 1, *result(FACTS))
            elif b"FROM _sdc_tables" in packet:
                send(client, number + 1, *result(UNLOCKED))
            elif b"UPDATE _sdc_tables" in packet:
                send(client, number + 1, ONE_ROW_CHANGED)
            elif b"SHOW CREATE TABLE" in packet:
                send(client, number + 1, *result(("things", "CREATE TABLE things")))
            elif packet[1:7] == b"SELECT":
                send(client, number + 1, *result(None))
            else:
                send(client, number + 1, OK)

    def _ask(self, client: socket.socket, number: int) -> Iterator[bytes]:
        """Request the file, and yield the received data."""
        send(client, number + 1, b"\xfb" + str(self.wish).encode())
        number, data = receive(client)
        while data:
            yield data
            number, data = receive(client)
        send(client, number + 1, OK)


def result(row: tuple[str | None, ...] | None) -> Iterator[bytes]:
    """Yield the packets of a result of text columns: a row, or a column without rows."""
    width = len(row) if row else 1
    yield bytes([width])
    for _ in range(width):
        yield b"\3def\0\0\0\1c\0\x0c" + struct.pack("<HIBHBH", 45, 1024, 253, 0, 0, 0)
    yield END_OF_PART
    if row:
        yield b"".join(
            b"\xfb" if value is None else bytes([len(value)]) + value.encode() for value in row
        )
    yield END_OF_PART


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("the contents of a file")
    return file


def load_into(server: RogueServer) -> Outcome:
    messages = (schema({"text": TEXT}), record({"id": 7, "text": "a row of ours"}), state(1))
    with server:
        environment = settings(host="127.0.0.1", port=server.port, retry_limit_seconds=1)
        return run_program("target-mysql", stdin=to_lines(*messages), environment=environment)


@pytest.mark.parametrize(
    "asks_at", ["SET SESSION", "VERSION()", "information_schema", "CREATE TABLE", "COMMIT"]
)
def test_a_file_that_a_server_asks_for_is_not_sent(secret: Path, asks_at: str) -> None:
    """
    When a server responds to a statement with a request for a file, nothing is sent, and the run
    fails.
    """
    server = RogueServer(secret, asks_at.encode())
    done = load_into(server)
    assert server.uploaded == b""
    assert (done.code, done.out) == (1, "")
    assert "the server asks for a file of this machine, and gets none" in done.err
    assert "Traceback" not in done.err


def test_a_load_of_ours_is_answered_from_memory(secret: Path) -> None:
    """
    Only during the target's own LOAD DATA is a request served: with the rows, whatever file the
    server names.
    """
    server = RogueServer(secret, b"LOAD DATA")
    done = load_into(server)
    assert server.uploaded.split(b"\x1f")[:2] == [b"7", b"a row of ours"]
    assert (done.code, done.out) == (0, "1\n"), done.err
