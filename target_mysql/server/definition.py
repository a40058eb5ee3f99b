"""Whether a table is still the one that a load prepared, by what SHOW CREATE TABLE says. Pure."""

from __future__ import annotations

import re

_ENGINE = re.compile(r"\) ENGINE=\w+")
_NAME = re.compile(r"`(?:[^`]|``)*`")


def find_alteration(before: str, after: str) -> str | None:
    """
    Return the line of a definition that makes rows other ones than before; None without any.

    Columns, the primary key, unique indexes and the engine count. New columns do not, nor do other
    indexes: whoever adds one does no harm to a load that is under way.
    """
    if before == after:  # as it is after nearly every batch
        return None
    old, new = _essential(before), _essential(after)
    gone = [line for line in old if line not in new]
    added = [line for line in new if line not in old and not _is_column(line)]
    if not (gone or added):
        return None
    name = _NAME.match(gone[0]) if gone else None
    now = [line for line in new if name and line.startswith(f"{name[0]} ")]
    return (added or now or [f"no more {gone[0]}"])[0]


def _essential(definition: str) -> list[str]:
    lines = [line.strip().rstrip(",") for line in definition.split("\n")]
    found = [line for line in lines if _is_column(line) or line.startswith(("PRIMARY", "UNIQUE"))]
    engine = _ENGINE.match(lines[-1])
    return [*found, *([engine[0].removeprefix(") ")] if engine else [])]


def _is_column(line: str) -> bool:
    return line.startswith("`")
