"""Runs commands: as a person would type them, or unseen for as long as they succeed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
LINES_SHOWN = 30

Command = Sequence[str | Path]


class DemoError(RuntimeError):
    """
    Something that a run needs failed.

    `message` is a single line; `output`, which may be empty, is the end of the program's output.
    """

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(f"{output}\n{message}" if output else message)
        self.message = message
        self.output = output


class CommandFailed(DemoError):
    """A command ended with another exit code than 0, or is not on this machine."""


@dataclass(frozen=True)
class Output:
    """What a command line wrote to standard output, and what its programs logged to stderr."""

    stdout: str
    log: str


class Shell:
    """
    Runs command lines in `folder`, with the installed programs first in PATH.

    The file `log` in the folder collects the lines and what their programs log.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.log = folder / "log"
        path = os.pathsep.join((str(PROGRAMS), os.environ.get("PATH", "")))
        self.environment = {**os.environ, **environment, "PATH": path}

    def run(self, line: str, *, show: bool = True) -> Output:
        """
        Run a command line; stderr goes into the log instead of this process's stderr.

        Raises CommandFailed, with the end of both outputs, when any command of a pipe fails.
        """
        if show:
            say(f"\n$ {line}")
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"$ {line}\n")
            file.flush()
            begin = file.tell()
            done = subprocess.run(
                ["bash", "-c", f"set -o pipefail; {line}"],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                check=False,
            )
        log = self.log.read_bytes()[begin:].decode(errors="replace")
        if done.returncode:
            output = last_lines(f"{done.stdout.rstrip()}\n{log}")
            raise CommandFailed(f"exit code {done.returncode}: {line}", output)
        return Output(done.stdout, log)


def run_steps(
    *commands: Command,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: Path = Path(os.devnull),
) -> str:
    """
    Run programs in turn, each on the file `stdin`; returns all output, errors included.

    Raises CommandFailed, with the end of that output, at the first program that fails.
    """
    output = ""
    for command in commands:
        line = shlex.join(map(str, command))
        try:
            with stdin.open("rb") as file:
                done = subprocess.run(
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=file,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
        except OSError as error:
            raise CommandFailed(f"{line}: {error.strerror}", last_lines(output)) from error
        output += done.stdout.decode(errors="replace")
        if done.returncode:
            raise CommandFailed(f"exit code {done.returncode}: {line}", last_lines(output))
    return output


def exit_code(name: str, main: Callable[[], int | None]) -> int:
    """
    Run a program's main function and return its exit code.

    A failure is reported without a traceback: the program's output, then a single line.
    """
    try:
        return main() or 0
    except DemoError as error:
        output = f"{error.output}\n" if error.output else ""
        print(f"{output}{name}: {error.message}", file=sys.stderr)
        return 1
    except OSError as error:  # no room, no rights, or a portal that does not answer
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130


def last_lines(text: str) -> str:
    """Return the last lines of a program's output, without empty lines around them."""
    return "\n".join(text.strip().splitlines()[-LINES_SHOWN:])


def read_end(path: Path) -> str:
    """Return the last lines of a log; of a missing log, an empty text."""
    return last_lines(path.read_text(errors="replace")) if path.is_file() else ""


def say(text: str) -> None:
    print(text, flush=True)
