"""A failing demo shows the program's output and an error line, and no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.excerpts import log_excerpt, table_excerpt
from private_servers.shell import CommandFailed, Shell, last_lines, run_steps
from tests.conftest import PROGRAMS, REPOSITORY, Outcome, clean_environment

PACKAGES = "mariadb-server-core mariadb-client-core"
PROGRAMS_OF_MARIADB = ("mariadbd", "mariadb-install-db", "my_print_defaults")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs, the first in the demo's PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    return folder


def failing(folder: Path, name: str, words: str) -> None:
    write_program(folder, name, f"echo '{words}' >&2; exit 9")


def write_program(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def copy_demo(folder: Path) -> None:
    for package in ("demo", "private_servers"):
        shutil.copytree(REPOSITORY / package, folder / package)


def run_demo(tmp_path: Path, *path: str | Path) -> Outcome:
    """Run the demo in a separate folder, with these folders as PATH."""
    copy_demo(tmp_path)
    environment = {
        **clean_environment(),
        "PATH": os.pathsep.join(map(str, path)),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    outcome = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(outcome.returncode, outcome.stdout, outcome.stderr)


def test_a_server_that_cannot_be_installed(tmp_path: Path, programs: Path) -> None:
    """
    Without MariaDB and without packages, the last line says what to install, after apt's output.
    """
    failing(programs, "apt-get", "E: no such mirror")
    # A MariaDB without the client's my_print_defaults is unusable.
    outcome = run_demo(tmp_path, programs)
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert lines[-1].startswith(f"demo: no MariaDB here: run `apt-get install {PACKAGES}` as root")
    assert "E: no such mirror" in lines
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("program", ["mariadb-install-db", "mariadbd"])
def test_a_server_that_does_not_start(tmp_path: Path, programs: Path, program: str) -> None:
    """
    The demo shows the output of the server's failed programs.
    """
    for name in PROGRAMS_OF_MARIADB:
        write_program(programs, name, "exit 0")
    failing(programs, program, "no more memory")
    outcome = run_demo(tmp_path, programs, os.environ["PATH"])
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1].startswith("demo: ")
    assert "no more memory" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_command_that_fails(tmp_path: Path) -> None:
    """
    The error has the last lines of both outputs of all steps, and the command.
    """
    with pytest.raises(CommandFailed) as error:
        run_steps(["echo", "first"], ["sh", "-c", "echo second; echo third >&2; exit 3"])
    assert error.value.output == "first\nsecond\nthird"
    assert error.value.message.startswith("exit code 3: sh -c ")
    with pytest.raises(CommandFailed, match="^nowhere: No such file or directory$"):
        run_steps(["nowhere"])
    assert last_lines("\n".join(map(str, range(100)))).split()[-1] == "99"


def test_the_log_of_a_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """
    What a command logs is in the file, the line before it, and not on the screen; a failure has it.
    """
    shell = Shell(tmp_path, {})
    shell.run("echo earlier >&2")
    output = shell.run("echo rows; echo METRIC >&2")
    assert (output.stdout, output.log) == ("rows\n", "METRIC\n")
    assert (
        shell.log.read_text()
        == "$ echo earlier >&2\nearlier\n$ echo rows; echo METRIC >&2\nMETRIC\n"
    )
    screen = capfd.readouterr()
    assert "METRIC\n" not in screen.out.replace("METRIC >&2\n", "")
    assert not screen.err
    with pytest.raises(CommandFailed) as error:
        shell.run("echo rows; echo no such table >&2; exit 2")
    assert error.value.output == "rows\nno such table"


def test_what_is_shown_of_a_log() -> None:
    """
    Of INFO lines the summaries are shown, and each warning, each error and each line of no level.
    """
    log = """\
2026-11-26T03:29:20.464Z INFO reading all engagements
2026-11-26T03:29:20.470Z INFO newly selected: contacts; reading all engagements
2026-11-26T03:29:20.480Z WARNING U+0000 removed from the texts of 2 engagements
2026-11-26T03:29:20.492Z INFO METRIC: {"type": "counter", "metric": "record_count", "value": 65}
2026-11-26T03:29:20.493Z INFO done: 65 engagements in 0.0 s
engagements-report: wrote report.html
"""
    assert list(log_excerpt(log)) == [
        "newly selected: contacts; reading all engagements",
        "WARNING U+0000 removed from the texts of 2 engagements",
        "done: 65 engagements in 0.0 s",
        "engagements-report: wrote report.html",
    ]


def test_what_is_shown_of_a_table() -> None:
    """
    The middle of a long text is replaced by the number of its lines; a short text stays whole.
    """
    lines = [str(number) for number in range(9)]
    assert table_excerpt("\n".join(lines), 2, 1).splitlines() == ["0", "1", "… 6 more lines …", "8"]
    assert table_excerpt("\n".join(lines), 2, 0).splitlines() == ["0", "1", "… 7 more lines …"]
    assert table_excerpt("a\nb\nc", 1, 1) == "a\nb\nc"


def test_a_second_demo_waits(tmp_path: Path, programs: Path) -> None:
    """
    While a demo runs, another demo waits for the end, and does not remove the first one's files.
    """
    failing(programs, "apt-get", "E: no such mirror")
    holder = (
        "import sys, pathlib, private_servers.cache as cache\n"
        "with cache.locked(pathlib.Path('demo')):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    copy_demo(tmp_path)
    command = [PROGRAMS / "python", "-c", holder]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as first:  # type: ignore[call-overload]
        assert first.stdout.readline() == b"held\n"
        (tmp_path / ".demo").mkdir()
        (tmp_path / ".demo" / "kept").touch()
        second = subprocess.Popen(
            [sys.executable, "-m", "demo"],
            cwd=tmp_path,
            env={**clean_environment(), "PATH": str(programs), "XDG_CACHE_HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with second:
            assert second.stdout
            assert second.stdout.readline() == b"Waiting for another demo here to end ...\n"
            assert (tmp_path / ".demo" / "kept").exists()
            first.stdin.close()
            second.communicate()
    assert second.returncode == 1  # without a server
    assert not (tmp_path / ".demo" / "kept").exists()
