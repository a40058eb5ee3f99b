"""The mysql client's option files, with the client's rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

OPTION_FILES = ("/etc/my.cnf", "/etc/mysql/my.cnf", "~/.my.cnf")
OPTION_GROUPS = ("client", "client-server", "client-mariadb")
# The mysql client's names where they are not ours with dashes for underscores.
OPTION_NAMES = {"socket": "unix_socket"}
MAX_DEPTH = 10  # of files that include files, as in the mysql client


def read_option_files(
    paths: Sequence[str], names: Collection[str], own_group: str
) -> tuple[dict[str, object], list[str]]:
    """
    Return the values of `names` in the clients' groups and in `own_group`, and warnings.

    Of several values of an option the last counts, in any group.
    """
    groups = (*OPTION_GROUPS, own_group)
    values: dict[str, object] = {}
    warnings: list[str] = []
    for path in paths:
        group = ""
        for line in _iter_lines(Path(path).expanduser(), warnings, depth=0):
            if line.startswith("["):
                group = line[1:].partition("]")[0].strip()
            elif group in groups:
                values |= _parse_option(line, names)
    if values.get("host", "localhost") != "localhost":
        values.pop("unix_socket", None)  # the mysql client uses sockets only for localhost
    return values, warnings


def _parse_option(line: str, names: Collection[str]) -> dict[str, object]:
    """Return the line's option by our name; nothing for a name not in `names`."""
    option, equals, value = line.partition("=")
    name = option.strip().replace("-", "_")
    name = OPTION_NAMES.get(name, name)
    return {name: _parse_value(value)} if equals and name in names else {}


def _parse_value(text: str) -> str:
    """Return a value without comment and quotes, with escapes replaced."""
    value = _COMMENT.sub(r"\1", text).strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return _ESCAPE.sub(lambda match: _ESCAPES[match[1]], value)


# A comment may begin anywhere outside of quotes.
_COMMENT = re.compile(r"""^((?:[^#'"]|'[^']*(?:'|$)|"[^"]*(?:"|$))*)#.*$""")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "r": "\r", "s": " ", "\\": "\\"}
_ESCAPE = re.compile(r"\\([btnrs\\])")


def _iter_lines(path: Path, warnings: list[str], depth: int) -> Iterator[str]:
    """Yield the file's lines without comments and empty lines, and included files' in place."""
    if depth > MAX_DEPTH or not path.is_file():
        return
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        warnings.append(f"option file {path} cannot be read: {error.strerror}")
        return
    for line in map(str.strip, lines):
        word, _, rest = line.partition(" ")
        if word == "!include":
            yield from _iter_lines(Path(rest.strip()), warnings, depth + 1)
        elif word == "!includedir":
            for file in sorted(Path(rest.strip()).glob("*.cnf")):
                yield from _iter_lines(file, warnings, depth + 1)
        elif line and line[0] not in "#;":
            yield line
