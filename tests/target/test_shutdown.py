"""A load that ends before its input: by a signal, or because stdout is closed."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.conftest import PROGRAMS, TestDatabase, clean_environment
from tests.target.feeding import END_S

LINES = (
    b'{"type":"SCHEMA","stream":"things","schema":{"properties":{"id":{"type":"integer"}}},'
    b'"key_properties":["id"]}\n'
    b'{"type":"RECORD","stream":"things","record":{"id":1}}\n{"type":"STATE","value":1}\n'
)


def start(database: TestDatabase) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [PROGRAMS / "target-mysql"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment() | database.environment,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_load(database: TestDatabase, number: signal.Signals, code: int) -> None:
    """
    Waiting rows are not loaded, and no state claims them; the exit code follows shell conventions.
    """
    with start(database) as target:
        assert target.stdin and target.stderr
        target.stdin.write(LINES)
        target.stdin.flush()
        # The table is made when the SCHEMA has been read: the handlers are set by then.
        for line in target.stderr:
            if b"created table" in line:
                break
        target.send_signal(number)
        out, err = target.communicate(timeout=END_S)
    assert (target.returncode, out) == (code, b"")
    assert f"ERROR stopped by {number.name}".encode() in err
    assert database.query("SELECT * FROM things") == []


def test_states_that_nobody_reads_are_an_error(database: TestDatabase) -> None:
    """
    With a closed stdout the load ends with 1 and a single line.
    """
    with start(database) as target:
        assert target.stdin and target.stdout and target.stderr
        target.stdout.close()
        target.stdin.write(LINES)
        target.stdin.close()
        assert target.wait(END_S) == 1
        errors = [line for line in target.stderr if b" ERROR " in line]
    assert len(errors) == 1
    assert b"the state cannot be written to stdout" in errors[0]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("blocking", [True, False])
def test_states_are_written_whole(database: TestDatabase, unbuffered: str, blocking: bool) -> None:
    """
    A state longer than the capacity of the pipe arrives whole, with any buffering, and on a
    non-blocking stdout, as under some orchestrators.
    """
    state = b'{"long":"' + b"s" * 3_000_000 + b'"}'
    reading, writing = os.pipe()
    os.set_blocking(writing, blocking)
    environment = database.environment | {"PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(
        [PROGRAMS / "target-mysql"],
        stdin=subprocess.PIPE,
        stdout=writing,
        env=clean_environment() | environment,
    ) as target:
        os.close(writing)
        assert target.stdin
        target.stdin.write(LINES + b'{"type":"STATE","value":' + state + b"}\n")
        target.stdin.close()
        with os.fdopen(reading, "rb") as states:
            assert states.read() == state + b"\n"
    assert target.returncode == 0
