"""
Starts the tap and the target, passes signals on, and reads their logs.

Configuration, catalog and state reach a program as files in memory: no secret is written to a
disk. Each program runs in a session of its own, so that Ctrl-C reaches each program once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any

from hubspot_engagements.exceptions import StopRequested, SyncError
from hubspot_engagements.outcome import ProgramReport

LOGGER = logging.getLogger(__name__)
TAP, TARGET = "tap-hubspot-engagements", "target-mysql"
# Seconds for the target to commit the tap's records, before the signal reaches the target, too.
# Container engines kill a process 10 s after SIGTERM, and the target takes up to 5 s to stop.
TARGET_GRACE_S = 4.0

Process = subprocess.Popen[bytes]


def find_program(name: str) -> str:
    """Find a program beside this program, beside Python, or in PATH; raises SyncError."""
    folders = (Path(sys.argv[0]).resolve().parent, Path(sys.executable).parent)
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return str(folder / name)
    path = shutil.which(name)
    if path is None:
        raise SyncError(f"{name} is not installed beside hubspot-engagements: install it again")
    return path


@contextlib.contextmanager
def memory_file(name: str, content: object) -> Iterator[int]:
    """Yield the descriptor of a file in memory that only this user may open, with JSON content."""
    descriptor = os.memfd_create(name)
    try:
        os.fchmod(descriptor, 0o600)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield descriptor
    finally:
        os.close(descriptor)


def path_of(descriptor: int) -> str:
    """Return the path by which a child process opens the descriptor that it inherits."""
    return f"/dev/fd/{descriptor}"


@dataclass
class Programs:
    """
    The running programs, and the signal that asked to stop, if any.

    The tap gets a signal at once, the target only after TARGET_GRACE_S: until then the target
    commits the records before the signal.
    """

    options: Sequence[str] = ()  # for each program, before its own
    stopped_by: int | None = None
    _running: dict[str, Process] = field(default_factory=dict)
    _relays: list[threading.Thread] = field(default_factory=list)
    _timers: list[threading.Timer] = field(default_factory=list)
    _ended_here: set[str] = field(default_factory=set)

    def pass_signals_on(self) -> None:
        """Have SIGTERM and SIGINT stop the programs instead of this process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        descriptors: Sequence[int],
        report: ProgramReport,
        **streams: Any,
    ) -> Process:
        """
        Start a program, whose log goes to stderr and into `report`.

        It inherits `descriptors`. Raises StopRequested after a signal, and SyncError.
        """
        if self.stopped_by is not None:
            raise StopRequested
        try:
            process = subprocess.Popen(
                [find_program(name), *self.options, *arguments],
                pass_fds=descriptors,
                stderr=subprocess.PIPE,
                start_new_session=True,
                **streams,
            )
        except OSError as error:
            raise SyncError(f"{name} cannot be started: {error.strerror}") from error
        self._running[name] = process
        assert process.stderr
        relay = threading.Thread(target=_relay, args=(process.stderr, report), daemon=True)
        relay.start()
        self._relays.append(relay)
        if self.stopped_by is not None:  # the signal came while the program was being started
            self._signal_running(name, self.stopped_by)
        return process

    def wait(self, name: str, report: ProgramReport) -> None:
        """Wait for the end of a program, and report the exit code."""
        report.exit_code = self._running[name].wait()
        del self._running[name]
        is_unexpected = self.stopped_by is None and name not in self._ended_here
        report.was_killed = report.exit_code < 0 and is_unexpected
        if report.was_killed:
            by = signal.Signals(-report.exit_code).name
            report.error = f"{name} was ended by {by}: run again; the stored state is valid"
            LOGGER.error("%s", report.error)

    def stop(self, name: str) -> None:
        """Ask a running program to end; that end is no error of the program."""
        self._ended_here.add(name)
        self._signal_running(name, signal.SIGTERM)

    def close(self) -> None:
        """Wait for the logs; stop programs that still run because of an error here."""
        for timer in self._timers:
            timer.cancel()
        for name, process in list(self._running.items()):
            self.stop(name)
            process.wait()
        for relay in self._relays:
            relay.join()

    def _stop(self, number: int, _: FrameType | None) -> None:
        is_first, self.stopped_by = self.stopped_by is None, number
        first, second = (TAP, TARGET) if TAP in self._running else (TARGET, TAP)
        self._signal_running(first, number)
        if not is_first:
            self._signal_running(second, number)
        elif second in self._running:
            timer = threading.Timer(TARGET_GRACE_S, self._signal_running, [second, number])
            timer.daemon = True
            timer.start()
            self._timers.append(timer)

    def _signal_running(self, name: str, number: int) -> None:
        if process := self._running.get(name):
            process.send_signal(number)


def _relay(log: IO[bytes], report: ProgramReport) -> None:
    """Copy a program's log to stderr, line by line, and report metrics and errors."""
    for line in log:
        with contextlib.suppress(OSError, ValueError, AttributeError):  # a closed stderr
            os.write(sys.stderr.fileno(), line)
        report.read_line(line.decode(errors="replace").rstrip("\n"))
