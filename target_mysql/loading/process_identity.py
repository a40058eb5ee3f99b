"""Which process of which machine a load is, and whether such a process has ended."""

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
    A process, as other machines may name it and as its own machine can look it up.

    machine is the machine's boot and the namespace that `pid` counts in, `start` the process's
    start in clock ticks since the boot. Both are empty where there is no /proc.
    """

    host: str
    pid: int
    machine: str
    start: str

    @classmethod
    def of_this_process(cls) -> ProcessIdentity:
        state = _read_state(os.getpid())
        # What is no UTF-8 in it could not be written.
        host = socket.gethostname().encode("utf-8", "replace").decode()
        return cls(host, os.getpid(), _read_machine(), state[1] if state else "")

    def has_ended(self) -> bool:
        """
        Tell whether this process certainly runs no more.

        False for a process of another machine or another container: its end cannot be seen from
        here. A pid that was given to a later process is told apart by its start.
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
    """Return which machine's processes a pid of ours is one of; nothing where /proc has others."""
    try:
        if str((PROC / "self").readlink()) != str(os.getpid()):
            return ""
        boot_id = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot_id} {(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _read_state(pid: int) -> tuple[str, str] | None:
    """Return a process's state letter and start, None where /proc does not show it."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The command's name, in brackets, may hold blanks and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return fields[0], fields[19]
