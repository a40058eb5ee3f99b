"""Every line that is written arrives, or the run fails, whatever stdout is."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from hubspot_simulator.portal import Portal
from tests.conftest import PROGRAMS, clean_environment
from tests.tap.conftest import Serve, Tap, select_everything

UNBUFFERED = {"PYTHONUNBUFFERED": "1"}
ENVIRONMENTS = pytest.mark.parametrize("environment", [{}, UNBUFFERED], ids=["", "unbuffered"])


@pytest.fixture
def command(serve: Serve, tmp_path: Path) -> list[str]:
    """The command that writes some 2 MB, more than any pipe holds."""
    tap = Tap(tmp_path, serve(Portal.generate(1500, seed=1)))
    return [str(PROGRAMS / "tap-hubspot-engagements"), *tap.arguments(catalog=select_everything())]


def records(out: bytes) -> int:
    return sum(line.startswith(b'{"type":"RECORD"') and line[-1:] == b"}" for line in lines(out))


def lines(out: bytes) -> list[bytes]:
    return out.split(b"\n")[:-1]


@ENVIRONMENTS
@pytest.mark.parametrize("arguments", [(), ("--discover",)], ids=["sync", "discover"])
def test_a_pipe_that_does_not_block(
    environment: dict[str, str], arguments: Sequence[str], command: list[str]
) -> None:
    """
    A slow reader of a pipe that does not block gets every line.
    """
    whole = subprocess.run([*command, *arguments], capture_output=True, check=True).stdout
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    flags = fcntl.fcntl(write_end, fcntl.F_GETFL)
    fcntl.fcntl(write_end, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    process = subprocess.Popen(
        [*command, *arguments],
        stdout=write_end,
        stderr=subprocess.DEVNULL,
        env=clean_environment() | environment,
    )
    os.close(write_end)
    time.sleep(0.5)  # the pipe is full by now, or will be: either way nothing may be lost
    out = b""
    while piece := os.read(read_end, 65536):
        out += piece
    os.close(read_end)
    assert process.wait() == 0
    assert len(lines(out)) == len(lines(whole))
    assert records(out) == records(whole)


@ENVIRONMENTS
def test_stopped_and_continued(environment: dict[str, str], command: list[str]) -> None:
    """
    A tap that is stopped and continued in the middle of a write goes on with the rest.
    """
    whole = subprocess.run(command, capture_output=True, check=True).stdout
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment() | environment,
    )
    assert process.stdout
    out = process.stdout.read(1)  # it has begun to write
    for _ in range(3):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
    out += process.stdout.read()
    process.stdout.close()
    assert process.wait() == 0
    assert records(out) == records(whole)


@ENVIRONMENTS
@pytest.mark.parametrize("missing", [1, 20, 100_000])
def test_a_disk_that_is_full(
    missing: int, environment: dict[str, str], command: list[str], tmp_path: Path
) -> None:
    """
    A run whose last bytes cannot be written does not end with 0.
    """
    whole = subprocess.run(command, capture_output=True, check=True).stdout
    room = len(whole) - missing
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            command,
            stdout=out,
            stderr=subprocess.PIPE,
            env=clean_environment() | environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
            check=False,
        )
    assert done.returncode == 1
    assert b"ERROR cannot write: " in done.stderr


def test_a_reader_that_goes_away(command: list[str]) -> None:
    """
    A target that is gone is a single line and exit code 1.
    """
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stderr
    process.stdout.read(1)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert err.count(b"ERROR") == 1
    assert b"see what the target says" in err
