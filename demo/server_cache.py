"""Where server programs that are not installed are kept between runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

FOLDER = "tap-hubspot-engagements/servers"


def cached(name: str, fetch: Callable[[Path], None]) -> Path:
    """
    Return the cache's folder `name`; where it is not there, `fetch` fills one that becomes it.

    A fetch that fails or is stopped leaves nothing behind.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / FOLDER
    folder = root / name
    if not folder.is_dir():
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=root) as scratch:
            made = Path(scratch) / name
            made.mkdir()
            fetch(made)
            shutil.move(made, folder)
    return folder


def unpack_packages(target: Path, *packages: str) -> None:
    """
    Unpack Debian packages of the system's own release into `target`; nothing is installed.

    Raises OSError or CalledProcessError where one cannot be had.
    """
    command = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages]
    subprocess.run(command, cwd=target, check=True, stdout=subprocess.DEVNULL)
    for archive in target.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
        archive.unlink()
