"""What the option files of the mysql client say."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

LOGGER = logging.getLogger(__name__)

OPTION_FILES = ("/etc/my.cnf", "/etc/mysql/my.cnf", "~/.my.cnf")
OPTION_GROUPS = ("client", "client-server", "client-mariadb")
# The mysql client's names where they are not ours with dashes for underscores.
OPTION_NAMES = {"socket": "unix_socket"}


def read_option_files(
    paths: Sequence[str], keys: Collection[str], own_group: str
) -> dict[str, object]:
    """Return what the files say of `keys`; of one option the last, whatever its group."""
    groups = (*OPTION_GROUPS, own_group)
    found: dict[str, object] = {}
    for path in paths:
        group = ""
        for line in _option_lines(Path(path).expanduser(), depth=0):
            if line.startswith("["):
                group = line[1:].partition("]")[0].strip()
            elif group in groups:
                found |= _option(line, keys)
    if found.get("host", "localhost") != "localhost":
        found.pop("unix_socket", None)  # the mysql client has sockets for localhost alone
    return found


def _option(line: str, keys: Collection[str]) -> dict[str, object]:
    """Return the line's option by our name for it, if it is one of ours with a value."""
    option, equals, value = line.partition("=")
    name = option.strip().replace("-", "_")
    name = OPTION_NAMES.get(name, name)
    return {name: _option_value(value)} if equals and name in keys else {}


def _option_value(text: str) -> str:
    """Return an option's value as the mysql client reads it: comments, quotes and escapes."""
    value = _COMMENT.sub(r"\1", text).strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return _OPTION_ESCAPE.sub(lambda found: _OPTION_ESCAPES[found[1]], value)


# A comment may begin anywhere outside of quotes.
_COMMENT = re.compile(r"""^((?:[^#'"]|'[^']*(?:'|$)|"[^"]*(?:"|$))*)#.*$""")
_OPTION_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "r": "\r", "s": " ", "\\": "\\"}
_OPTION_ESCAPE = re.compile(r"\\([btnrs\\])")


def _option_lines(path: Path, depth: int) -> Iterator[str]:
    """Yield the option file's lines that say something, and in their place included files'."""
    # The mysql client goes ten deep as well; a file that includes itself must end somewhere.
    if depth > 10 or not path.is_file():
        return
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        LOGGER.warning("option file %s cannot be read: %s", path, error.strerror)
        return
    for line in map(str.strip, lines):
        word, _, rest = line.partition(" ")
        if word == "!include":
            yield from _option_lines(Path(rest.strip()), depth + 1)
        elif word == "!includedir":
            for included in sorted(Path(rest.strip()).glob("*.cnf")):
                yield from _option_lines(included, depth + 1)
        elif line and line[0] not in "#;":
            yield line
