"""Detects that a table was altered during a load, by the output of SHOW CREATE TABLE. Pure."""

from __future__ import annotations

import re

_ENGINE = re.compile(r"\) ENGINE=\w+")
_NAME = re.compile(r"`(?:[^`]|``)*`")


def find_alteration(before: str, after: str) -> str | None:
    """
    Return the first line that differs in a way that affects rows, None without any.

    Columns, the primary key, unique indexes and the engine matter. New columns and other indexes
    are harmless to a load.
    """
    if before == after:  # the usual case, after nearly every batch
        return None
    old, new = _essential(before), _essential(after)
    removals = [line for line in old if line not in new]
    additions = [line for line in new if line not in old and not _is_column(line)]
    if not (removals or additions):
        return None
    name = _NAME.match(removals[0]) if removals else None
    now = [line for line in new if name and line.startswith(f"{name[0]} ")]
    return (additions or now or [f"no more {removals[0]}"])[0]


def _essential(definition: str) -> list[str]:
    lines = [line.strip().rstrip(",") for line in definition.split("\n")]
    essential = [
        line for line in lines if _is_column(line) or line.startswith(("PRIMARY", "UNIQUE"))
    ]
    engine = _ENGINE.match(lines[-1])
    return [*essential, *([engine[0].removeprefix(") ")] if engine else [])]


def _is_column(line: str) -> bool:
    return line.startswith("`")
