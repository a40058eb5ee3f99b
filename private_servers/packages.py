"""
Debian packages: installed if that is allowed, or unpacked beside the system.

`python -m private_servers.packages NAME...` installs them, or prints the command to run as root.
The Makefile runs this module before anything is installed: only Python's own modules are imported.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from private_servers.shell import CommandFailed, run_steps, say

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT_SOURCES = Path("/etc/apt")


def main(packages: Sequence[str]) -> int:
    """Install packages; returns the exit code."""
    try:
        install_packages(*packages)
    except CommandFailed as error:
        names = " ".join(packages)
        print(f"{error}: run `apt-get install {names}` as root", file=sys.stderr)
        return 1
    return 0


def install_packages(*packages: str) -> None:
    """
    Install Debian packages as root, or by a sudo that needs no password.

    Raises CommandFailed if that is not allowed or fails.
    """
    names = " ".join(packages)
    root: list[str] = []
    if os.geteuid() != 0:
        root = ["sudo", "-n"]
        try:
            run_steps([*root, "apt-get", "--version"])
        except CommandFailed as refusal:
            raise CommandFailed(f"{names} cannot be installed without root") from refusal
    say(f"Installing {names} ...")
    waiting = ["-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"]
    apt = [*root, "apt-get", "-qq", *waiting]
    run_steps(
        [*apt, "update"],
        [*apt, "install", "-y", "--no-install-recommends", *packages],
        environment={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )


def unpack_packages(
    target: Path,
    *packages: str,
    suite: str | None = None,
    dependencies: bool = True,
    without: tuple[str, ...] = (),
) -> None:
    """
    Unpack Debian packages into `target`; nothing is installed, and no rights are needed.

    The packages are of the system's release; `dependencies` adds those that the system lacks. Of
    another `suite`, all dependencies are added. Packages whose file names begin with a name in
    `without` are left out. Raises OSError or CommandFailed if a package is not available.
    """
    with tempfile.TemporaryDirectory(prefix="apt-") as name:
        apt = Path(name)
        for part in ("lists/partial", "archives/partial"):
            (apt / part).mkdir(parents=True)
        command = _apt(apt, _own_state(apt) | (_other_suite(apt, suite) if suite else {}))
        # A package that is installed is wanted, too: all of a server is to be in one place.
        install = "install --reinstall --no-install-recommends --download-only -y".split()
        fetch = install if dependencies else ["download"]
        run_steps([*command, "update"], [*command, *fetch, *packages], folder=apt / "archives")
        for archive in (apt / "archives").glob("*.deb"):
            if not archive.name.startswith(without):
                run_steps(["dpkg-deb", "-x", archive, target])


def _apt(apt: Path, settings: Mapping[str, str | Path]) -> list[str]:
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    return ["apt-get", "-qq", *options]


def _own_state(apt: Path) -> dict[str, str | Path]:
    """Return apt's settings to keep downloads and package lists in the folder `apt`."""
    return {
        "Dir::State::lists": apt / "lists",
        "Dir::Cache::archives": apt / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
    }


def _other_suite(apt: Path, suite: str) -> dict[str, str | Path]:
    """Return apt's settings to know another suite, and nothing of the system."""
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={KEYRING}] {debian_mirror()} {suite} main\n")
    return {
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::status": apt / "status",
    }


def debian_mirror() -> str:
    """Return the Debian mirror that this system uses."""
    files = [APT_SOURCES / "sources.list", *(APT_SOURCES / "sources.list.d").glob("*")]
    text = "\n".join(file.read_text() for file in files if file.is_file())
    match = re.search(r"^(?:URIs:|deb\s).*?(https?://\S+/debian/?)(?:\s|$)", text, re.M)
    return match[1] if match else "http://deb.debian.org/debian"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
