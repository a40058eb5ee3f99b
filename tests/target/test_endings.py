"""How a load ends before its input does: by a signal, or because nobody reads its states."""

from __future__ import annotations

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
    What waits is not loaded, and no state claims it; the exit code is the one a shell expects.
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
    With stdout closed the load ends with 1 and one line: a state that is not kept is no state.
    """
    with start(database) as target:
        assert target.stdin and target.stdout and target.stderr
        target.stdout.close()
        target.stdin.write(LINES)
        target.stdin.close()
        assert target.wait(END_S) == 1
        errors = [line for line in target.stderr if line.startswith(b"ERROR")]
    assert len(errors) == 1
    assert b"the state cannot be written to stdout" in errors[0]
