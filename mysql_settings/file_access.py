"""Warnings about configuration files that every user of this machine may read or change."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

MAX_DEPTH = 10  # of option files that include others
# A password that is not empty, in JSON or in an option file.
_PASSWORD = re.compile(r"""\bpass(?:word|wd)["']?\s*[=:]\s*["']?[^\s"',}]""", re.IGNORECASE)
_INCLUDE = re.compile(r"^\s*!include(dir)?\s+(\S.*?)\s*$", re.MULTILINE)


def to_warnings(paths: Iterable[Path]) -> list[str]:
    """Return a warning for each file that other users may change, or read a password in."""
    return [warning for path in paths for warning in _warnings(path.expanduser(), depth=0)]


def _warnings(path: Path, depth: int) -> Iterator[str]:
    try:
        mode = path.stat().st_mode
        if depth > MAX_DEPTH or not stat.S_ISREG(mode):
            return
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # reported by the code that needs the file
        return
    if mode & stat.S_IWOTH:
        yield f"{path}: every user of this machine may change it: chmod o-w it"
    if mode & stat.S_IROTH and _PASSWORD.search(text):
        yield f"{path}: every user of this machine may read its password: chmod o-r it"
    for is_folder, name in _INCLUDE.findall(text):
        for file in sorted(Path(name).glob("*.cnf")) if is_folder else [Path(name)]:
            yield from _warnings(file, depth + 1)
