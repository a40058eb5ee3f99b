"""Servers that break the protocol: an error line, and never a traceback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence

import pytest

from tests.conftest import Outcome, run_program
from tests.target.conftest import settings
from tests.target.feeding import END_S
from tests.wire import OK, greeting, receive, send

FOREIGN = b"HTTP/1.1 400 Bad Request\r\n\r\n"  # as a web server answers
NOT_MYSQL = "the server's answer is not MySQL's protocol"
OLD = "this user logs in by mysql_old_password, which is not supported: let it log in by caching"


def switch(plugin: bytes) -> bytes:
    return b"\xfe" + plugin + b"\0" + b"x" * 20 + b"\0"


# A server's packets, each sent after a packet of the client; and the error of the program.
LOGINS: dict[str, tuple[list[bytes], str]] = {
    "empty greeting": ([b""], NOT_MYSQL),
    "short greeting": ([b"\n5.6\0\1"], NOT_MYSQL),
    "greeting without version": ([b"\n" + b"x" * 50], NOT_MYSQL),
    "odd version": ([greeting().replace(b"10.11.0-MariaDB", b"MariaDB-10.11.0")], NOT_MYSQL),
    "plugin that is no text": ([greeting()[:-3] + b"\xff\xfe\0"], NOT_MYSQL),
    "empty answer": ([greeting(), b""], NOT_MYSQL),
    "unknown answer": ([greeting(), b"\x42"], NOT_MYSQL),
    "short error": ([greeting(), b"\xff\x15"], NOT_MYSQL),
    "error without text": ([greeting(), b"\xff\x15\x04"], NOT_MYSQL),
    "extra data": ([greeting(), b"\1\4"], NOT_MYSQL),
    "two switches": ([greeting(), *[switch(b"mysql_native_password")] * 2], NOT_MYSQL),
    "switch to no text": ([greeting(), switch(b"\xff\xff")], "is not supported"),
    "switch to nothing": ([greeting(), b"\xfe"], NOT_MYSQL),
    "old password": ([greeting(), switch(b"mysql_old_password")], OLD),
    "unknown plugin": ([greeting(), switch(b"parsec")], "logs in by parsec, which is not"),
    "short error of a statement": ([greeting(), OK, b"\xff"], NOT_MYSQL),
}


@contextlib.contextmanager
def serving(packets: Sequence[bytes]) -> Iterator[int]:
    """Serve the packets to every client, and then nothing; yields the port."""

    def talk(client: socket.socket) -> None:
        if packets[0] is FOREIGN:
            client.sendall(FOREIGN)
            return
        number = -1
        for packet in packets:
            send(client, number + 1, packet)
            number, _ = receive(client)
        while client.recv(4096):
            pass

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.settimeout(END_S)
                with client, contextlib.suppress(OSError):
                    talk(client)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def run(program: str, port: int) -> Outcome:
    environment = settings(host="127.0.0.1", port=port, password="s3cr3t", retry_limit_seconds=0.1)
    arguments = ["daily"] if program == "engagements-report" else []
    return run_program(program, *arguments, environment=environment)


@pytest.mark.parametrize("program", ["target-mysql", "engagements-report"])
@pytest.mark.parametrize("name", LOGINS)
def test_a_login_with_malformed_packets(program: str, name: str) -> None:
    """
    Whatever a server sends during the login, one line names the problem and says what to do.
    """
    packets, problem = LOGINS[name]
    with serving(packets) as port:
        outcome = run(program, port)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1), outcome.err
    assert f"cannot connect to MySQL at 127.0.0.1:{port} as root: " in outcome.err
    assert problem in outcome.err


@pytest.mark.parametrize("program", ["target-mysql", "engagements-report"])
def test_another_protocol(program: str) -> None:
    """
    A server of another protocol causes the same error line.
    """
    with serving([FOREIGN]) as port:
        outcome = run(program, port)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1), outcome.err
    assert "cannot connect to MySQL at 127.0.0.1:" in outcome.err
