"""Runs commands as a person would type them, and shows them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAMS = Path(sys.executable).parent


class CommandFailed(RuntimeError):
    """A command of the demo ended with another exit code than 0."""


class Shell:
    """Runs command lines in `folder`, with the installed programs first in PATH."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        path = os.pathsep.join((str(PROGRAMS), os.environ.get("PATH", "")))
        self.environment = {**os.environ, **environment, "PATH": path}

    def run(self, line: str, *, show: bool = True) -> str:
        """
        Run a command line and return its standard output; its errors go where ours do.

        Raises CommandFailed when any command of a pipe fails.
        """
        if show:
            say(f"\n$ {line}")
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailed(f"exit code {done.returncode}: {line}")
        return done.stdout


def say(text: str) -> None:
    print(text, flush=True)
