"""What the demo shows of a program's log, and of a long table. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

SUMMARIES = ("done: ", "newly selected: ")
"""How those INFO lines begin that the demo shows."""

LOG_LINE = re.compile(r"\S+Z (?P<level>[A-Z]+) (?P<message>.*)")


def log_excerpt(log: str) -> Iterator[str]:
    """Yield the lines of a log without the routine: of INFO only SUMMARIES, all others whole."""
    for line in log.splitlines():
        match = LOG_LINE.fullmatch(line)
        if not match:
            yield line
        elif match["level"] != "INFO":
            yield f"{match['level']} {match['message']}"
        elif match["message"].startswith(SUMMARIES):
            yield match["message"]


def table_excerpt(text: str, first: int, last: int) -> str:
    """Return the first and last lines of a text, and between them how many are left out."""
    lines = text.splitlines()
    left_out = len(lines) - first - last
    if left_out <= 1:
        return text
    return "\n".join([*lines[:first], f"… {left_out} more lines …", *lines[first + left_out :]])
