"""Runs a program to its end and reads the operating system's own account of it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Usage:
    """What a finished process took: seconds on the wall and of processors, peak memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float

    def row(self, name: str, records: int) -> str:
        """Return a line of the table for a run over this many records."""
        return (
            f"{name:34}{records / self.wall_s:12,.0f}{self.wall_s:9.2f}{self.cpu_s:9.2f}"
            f"{1e6 * self.cpu_s / records:11.1f}{self.peak_mb:10.1f}"
        )


HEAD = f"{'':34}{'records/s':>12}{'wall s':>9}{'CPU s':>9}{'CPU µs/rec':>11}{'peak MB':>10}"


class Run:
    """A process that was started, to be waited for by `usage`."""

    def __init__(
        self,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        stdin: IO[Any] | int = subprocess.DEVNULL,
        stdout: IO[Any] | int = subprocess.DEVNULL,
        stderr: IO[Any] | int = subprocess.DEVNULL,
    ) -> None:
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )

    def usage(self) -> Usage:
        """Wait for the end; raises RuntimeError where it was a failure."""
        _, status, used = os.wait4(self.process.pid, 0)
        wall_s = time.monotonic() - self._started
        code = self.process.returncode = os.waitstatus_to_exitcode(status)
        if code:
            raise RuntimeError(f"exit code {code}: {self.process.args!r}")
        return Usage(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
