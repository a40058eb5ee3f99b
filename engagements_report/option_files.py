"""The mysql client's option files, read as it reads them: groups, comments, quotes, includes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

MAX_DEPTH = 10  # of files that include files, as in the mysql client
ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "r": "\r", "s": " ", "\\": "\\"}


def read_options(paths: Collection[str], groups: Collection[str]) -> dict[str, str]:
    """Return what `groups` say; of one option the last, whatever its group; no dashes in names."""
    found = {}
    for path in paths:
        group = ""
        for line in _lines(Path(path).expanduser(), depth=0):
            if line.startswith("["):
                group = line[1:].partition("]")[0].strip()
                continue
            name, equals, value = line.partition("=")
            if equals and group in groups:
                found[name.strip().replace("-", "_")] = _value(value)
    return found


def _lines(path: Path, depth: int) -> Iterator[str]:
    """Yield the file's lines that say something, and in their place those of included files."""
    if depth > MAX_DEPTH or not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return  # the mysql client passes over what it may not read, too
    for line in map(str.strip, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "!include":
            yield from _lines(Path(rest.strip()), depth + 1)
        elif word == "!includedir":
            for included in sorted(Path(rest.strip()).glob("*.cnf")):
                yield from _lines(included, depth + 1)
        elif line and line[0] not in "#;":
            yield line


def _value(text: str) -> str:
    """Return an option's value without its comment and its quotes, escapes undone."""
    value = _COMMENT.sub(r"\1", text).strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return _ESCAPE.sub(lambda found: ESCAPES[found[1]], value)


# A comment may begin anywhere outside of quotes.
_COMMENT = re.compile(r"""^((?:[^#'"]|'[^']*(?:'|$)|"[^"]*(?:"|$))*)#.*$""")
_ESCAPE = re.compile(r"\\([btnrs\\])")
