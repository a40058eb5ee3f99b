"""Identifies the process of a load, and tells whether that process has ended."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
ENDED_STATES = ("Z", "X")  # a zombie runs no more code; see proc(5)


@dataclass(frozen=True)
class ProcessIdentity:
    """
    A process, identified across machines.

    `machine` is the boot and the pid namespace, `start` the start of the process in clock ticks
    since the boot. Both are empty without /proc.
    """

    host: str
    pid: int
    machine: str
    start: str

    @classmethod
    def of_this_process(cls) -> ProcessIdentity:
        state = _read_state(os.getpid())
        # Other bytes than UTF-8 could not be stored.
        host = socket.gethostname().encode("utf-8", "replace").decode()
        return cls(host, os.getpid(), _read_machine(), state[1] if state else "")

    def has_ended(self) -> bool:
        """
        Whether this process has certainly ended.

        False for a process on another machine or in another container, which cannot be observed. A
        later process with the same pid differs by its start.
        """
        if not self.machine or self.machine != _read_machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # another user's; /proc may hide it
        state = _read_state(self.pid)
        return state is not None and (state[0] in ENDED_STATES or state[1] != self.start)


def _read_machine() -> str:
    """Return the boot and the pid namespace of this process; empty without a /proc of its own."""
    try:
        if str((PROC / "self").readlink()) != str(os.getpid()):
            return ""
        boot_id = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot_id} {(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _read_state(pid: int) -> tuple[str, str] | None:
    """
    Return the state letter and the start of a process, None if /proc does not show the process.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The command's name, in brackets, may hold blanks and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return fields[0], fields[19]
