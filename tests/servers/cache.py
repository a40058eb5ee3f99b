"""Where server programs that Debian's stable release lacks are kept between runs."""

from __future__ import annotations

import os
import shutil
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
