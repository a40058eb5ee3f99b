"""
Installs the sdist and the wheel, each alone, on every Python here, and runs all commands.

Run by `make test-wheel`. Each venv is in a new folder, so that no file of the checkout is found.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from demo.pythons import VERSIONS, find_pythons
from private_servers.shell import CommandFailed, exit_code, run_steps, say
from tests.distributions import build_distributions

COMMANDS = (
    "tap-hubspot-engagements --version",
    "tap-hubspot-engagements --help",
    "tap-hubspot-engagements --discover",
    "target-mysql --version",
    "target-mysql --help",
    "target-mysql --about",
    "target-mysql --about --format markdown",
    "hubspot-engagements --version",
    "hubspot-engagements sync --help",
    "engagements-report --version",
    "engagements-report --help",
    "python -m hubspot_simulator --version",
    "python -m hubspot_simulator --help",
)


def main() -> int:
    """Return 0 when every command runs on every Python found, of which there must be one."""
    pythons = dict(find_pythons())
    failed = not pythons
    with tempfile.TemporaryDirectory(prefix="distributions-") as name:
        packages = build_distributions(Path(name))
        for version, python in pythons.items():
            for package in packages:
                failure = _failure(package, python)
                say(f"Python {version}, {package.name}: {failure or 'every command runs'}")
                failed = failed or bool(failure)
    missing = ", ".join(version for version in VERSIONS if version not in pythons)
    if missing:
        say(f"Not on this machine: Python {missing}")
    return 1 if failed else 0


def _failure(package: Path, python: Path) -> str:
    """Install a package alone and run the commands; returns what fails, empty for nothing."""
    with tempfile.TemporaryDirectory(prefix="installed-") as name:
        folder = Path(name)
        programs = folder / "venv" / "bin"
        try:
            run_steps(
                [python, "-m", "venv", folder / "venv"],
                [programs / "python", "-m", "pip", "install", "--quiet", package],
            )
            (folder / "empty").mkdir()
            for command in COMMANDS:
                program, *arguments = command.split()
                run_steps([programs / program, *arguments], folder=folder / "empty")
        except CommandFailed as error:
            return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(exit_code("test-wheel", main))
