"""Where server programs that are not installed are kept between runs."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "tap-hubspot-engagements/servers"


def cached(name: str, fetch: Callable[[Path], None]) -> Path:
    """
    Return the cache's folder `name`; where it is not there, `fetch` fills one that becomes it.

    A fetch that fails or is stopped leaves nothing behind; a second process waits for the first.
    """
    folder = cache_folder(name)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            if not folder.is_dir():
                _fill(folder, fetch)
    return folder


def cache_folder(name: str) -> Path:
    """Return where the cache keeps `name`, which may not be there."""
    # A server that root starts runs as another user, who cannot look into root's home.
    default = Path.home() / ".cache" if os.geteuid() else Path("/var/cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or default) / FOLDER / name


def _fill(folder: Path, fetch: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        fetch(made)
        made.rename(folder)


@contextmanager
def locked(folder: Path, wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """
    Hold a folder's lock, which one process has at a time; it goes with the process.

    `wait` is called where another process has it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
