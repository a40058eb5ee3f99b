"""Runs a program to its end and reads the operating system's own account of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from private_servers.shell import last_lines, read_end

LAUNCH = Path(__file__).parent / "programs" / "launch.py"


@dataclass(frozen=True)
class Usage:
    """
    What a finished process took: seconds on the wall and of processors, peak memory in MB.

    `server_cpu_s` is what the server that it asked took meanwhile, `requests` how often it asked.
    """

    wall_s: float
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    server_cpu_s: float | None = None
    requests: int | None = None


class Run:
    """
    A process that was started, to be waited for by `usage`.

    `server` is the process id of the server that it asks, where that one's share is wanted.
    Without `stderr`, a named file, what it writes there is kept until it has ended.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        stdin: IO[Any] | int = subprocess.DEVNULL,
        stdout: IO[Any] | int = subprocess.DEVNULL,
        stderr: IO[Any] | None = None,
        server: int | None = None,
    ) -> None:
        self._server = None if server is None else psutil.Process(server)
        self._server_cpu_s = self._server_has_taken()
        self._report, report = os.pipe()
        self._log = Path(stderr.name) if stderr else None
        self._errors = stderr or tempfile.TemporaryFile()  # noqa: SIM115, closed by usage
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", LAUNCH, str(report), *command],
            pass_fds=[report],
            env={**_environment(), **environment},
            stdin=stdin,
            stdout=stdout,
            stderr=self._errors,
        )
        os.close(report)

    def usage(self) -> Usage:
        """Wait for the end; raises RuntimeError, with its errors, where it was a failure."""
        self.process.wait()
        with os.fdopen(self._report) as report:
            took = json.loads(report.read() or '{"code": null}')  # it could not be started
        errors = self._end_of_errors()
        if took.pop("code") != 0:
            raise RuntimeError(f"it failed: {self.process.args!r}\n{errors}")
        if self._server is None:
            return Usage(**took)
        return Usage(**took, server_cpu_s=self._server_has_taken() - self._server_cpu_s)

    def _end_of_errors(self) -> str:
        if self._log:
            return read_end(self._log)
        with self._errors as errors:
            errors.seek(0)
            return last_lines(errors.read().decode(errors="replace"))

    def _server_has_taken(self) -> float:
        if self._server is None:
            return 0.0
        # PostgreSQL works in children, one a connection.
        return sum(map(_has_taken, [self._server, *self._server.children(recursive=True)]))


def _environment() -> dict[str, str]:
    """Return this process's, without what makes Python work otherwise than it does for others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _has_taken(process: psutil.Process) -> float:
    """Return the seconds of a process and of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # its parent has its seconds now
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
