"""Runs a program and reads the operating system's account of CPU time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from private_servers.shell import last_lines, read_end

LAUNCH = Path(__file__).parent / "programs" / "launch.py"
IDLE_CPU_S = 0.02  # a second: two ticks of the kernel's clock


@dataclass(frozen=True)
class Usage:
    """
    The usage of a finished process: wall and CPU time in seconds, peak memory in MB.

    `server_cpu_s` is the CPU time of the process's server meanwhile, in seconds; `requests` counts
    the requests that the process sent. `redo_mb` and `binlog_mb` are what a server of MySQL's
    family wrote meanwhile to its redo log and to its binary log, in MB.
    """

    wall_s: float
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    server_cpu_s: float | None = None
    requests: int | None = None
    redo_mb: float | None = None
    binlog_mb: float | None = None


class Run:
    """
    A started process; `usage` waits for the end.

    `server` is the process id of the process's server, to measure the server's CPU time too.
    Without a named file as `stderr`, the errors go to a temporary file, for the error message.
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
        self._server_cpu_s = self._server_cpu_time_s()
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
        """Wait for the end; raises RuntimeError with the last errors if the process fails."""
        self.process.wait()
        with os.fdopen(self._report) as report:
            took = json.loads(report.read() or '{"code": null}')  # the process could not be started
        errors = self._end_of_errors()
        if took.pop("code") != 0:
            raise RuntimeError(f"failed: {self.process.args!r}\n{errors}")
        if self._server is None:
            return Usage(**took)
        return Usage(**took, server_cpu_s=self._server_cpu_time_s() - self._server_cpu_s)

    def _end_of_errors(self) -> str:
        if self._log:
            return read_end(self._log)
        with self._errors as errors:
            errors.seek(0)
            return last_lines(errors.read().decode(errors="replace"))

    def _server_cpu_time_s(self) -> float:
        if self._server is None:
            return 0.0
        # PostgreSQL works in children, one a connection.
        return sum(map(cpu_time_s, [self._server, *self._server.children(recursive=True)]))


def wait_until_idle(process_id: int | None) -> None:
    """Wait until a server has done its work in the background: a second with little CPU time."""
    process = psutil.Process(process_id)
    before_s = float("-inf")
    while (now_s := cpu_time_s(process)) - before_s > IDLE_CPU_S:
        before_s = now_s
        time.sleep(1)


def _environment() -> dict[str, str]:
    """Return this process's environment without Python's variables, which change its speed."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def cpu_time_s(process: psutil.Process) -> float:
    """Return the CPU time of a process and of its ended children, in seconds."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # the parent has the time of ended children
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
