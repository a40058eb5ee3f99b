"""Runs the commands inside the bare Debian, as the first process, and reports the results."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import time
from pathlib import Path

from private_servers.packages import install_packages
from private_servers.shell import exit_code, say

PROJECT = "/srv/project"
END_S = 10.0  # after which no process of a command may run


def main() -> int:
    plan = json.loads(sys.argv[1])
    if plan["packages"]:
        install_packages(*plan["packages"])
    user = pwd.getpwnam(plan["user"])
    subprocess.run(["chown", "-R", plan["user"], PROJECT], check=True)
    results, code = [], 0
    for command in plan["commands"]:
        code, result = run(command, user, plan["environment"])
        results.append(result)
        if code:
            break
    for result in results:
        say(f"test-bare: {plan['name']} as {plan['user']}: {result}")
    return code


def run(command: str, user: pwd.struct_passwd, environment: dict[str, str]) -> tuple[int, str]:
    """Run one command as a user; returns the exit code and a line with the result."""
    say(f"test-bare: $ {command}")
    began_s = time.monotonic()
    code = subprocess.run(
        ["sh", "-c", command],
        cwd=PROJECT,
        env={**environment, "HOME": user.pw_dir, "USER": user.pw_name},
        stdin=subprocess.DEVNULL,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=(),
    ).returncode
    result = f"exit {code} after {time.monotonic() - began_s:.0f} s: {command}"
    if processes := wait_for_end():
        return code or 1, f"{result}; left running: {', '.join(processes)}"
    return code, result


def wait_for_end() -> list[str]:
    """Return the command lines of processes that still run after END_S."""
    give_up_at_s = time.monotonic() + END_S
    while (processes := running()) and time.monotonic() < give_up_at_s:
        time.sleep(0.1)
    return processes


def running() -> list[str]:
    """Return the command lines of all other processes; a zombie has no command line."""
    lines: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) != os.getpid():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:  # the process has ended
                continue
            lines += [line] if line else []
    return lines


if __name__ == "__main__":
    sys.exit(exit_code("test-bare", main))
