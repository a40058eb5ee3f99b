"""A cache of server programs that are not installed, kept between runs."""

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
    Return the cache's folder `name`; of a missing name, filled by `fetch`.

    A failed or stopped fetch leaves nothing behind. A second process waits for the first.
    """
    folder = cache_folder(name)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            if not folder.is_dir():
                _fill(folder, fetch)
    return folder


def cache_folder(name: str) -> Path:
    """Return the path of `name` in the cache, whether the folder exists or not."""
    # A server that root starts runs as another user, who cannot look into root's home.
    default = Path.home() / ".cache" if os.geteuid() else Path("/var/cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or default) / FOLDER / name


def _fill(folder: Path, fetch: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent) as scratch:
        new_folder = Path(scratch) / folder.name
        new_folder.mkdir()
        fetch(new_folder)
        new_folder.rename(folder)


@contextmanager
def locked(folder: Path, wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """
    Hold a folder's exclusive lock; the system releases the lock of a process that ends.

    `wait` is called once if another process holds the lock.
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
