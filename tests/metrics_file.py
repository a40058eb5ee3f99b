"""Reads a metrics file as Prometheus does."""

from __future__ import annotations

import re
from pathlib import Path


def read_metrics(path: Path) -> dict[str, float]:
    """Return the values of a metrics file, by name and labels; checks HELP and TYPE of each."""
    values: dict[str, float] = {}
    known: dict[str, set[str]] = {}
    for line in path.read_text().splitlines():
        if match := re.fullmatch(r"# (HELP|TYPE) (\w+) (.+)", line):
            known.setdefault(match[2], set()).add(match[1])
            continue
        match = re.fullmatch(r'(\w+)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\}) (\S+)', line)
        assert match, line
        assert known[match[1]] == {"HELP", "TYPE"}, line
        values[match[1] + match[2]] = float(match[3])
    return values
