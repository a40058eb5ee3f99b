"""Rows as a table for people, no wider than their terminal. It loads rich, a sixth of a start."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import StringIO
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table

from engagements_report.queries.database import Rows
from mysql_settings.visible import visible

NULL_TEXT = "-"  # in a table for people
MAX_WIDTH = 10_000  # characters of a line in a file or pipe
MIN_TEXT_WIDTH = 10  # characters of a text, as long as a day; longer ones are folded
FRAME_WIDTH = 3  # of a column: a line and two spaces


def to_table(rows: Rows) -> str:
    """
    Return a table; on a terminal, no wider than that, with longer texts folded.

    Where the numbers would have to be broken, each row is a list of its values instead.
    """
    width = Console().width if sys.stdout and sys.stdout.isatty() else MAX_WIDTH
    texts = [[NULL_TEXT if it is None else visible(str(it)) for it in row] for row in rows.rows]
    numbers = [rows.has_numbers(index) for index in range(len(rows.columns))]
    least_widths = [
        max((len(row[index]) for row in texts), default=0)
        if numbers[index] or columns_are_short(texts, index)
        else MIN_TEXT_WIDTH
        for index in range(len(rows.columns))
    ]
    if sum(least_widths) + FRAME_WIDTH * len(least_widths) + 1 > width:
        return _to_lists(rows.columns, texts, width)
    is_unicode = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    table = Table(box=box.HEAVY_HEAD if is_unicode else box.ASCII)
    for name, is_right, least in zip(rows.columns, numbers, least_widths, strict=True):
        justify: Literal["right", "left"] = "right" if is_right else "left"
        table.add_column(name, justify=justify, overflow="fold", min_width=least)
    for row in texts:
        table.add_row(*row)
    return _print(table, width)


def columns_are_short(texts: Sequence[Sequence[str]], index: int) -> bool:
    """Whether a column's texts are as short as a day, so that none needs to be folded."""
    return all(len(row[index]) <= MIN_TEXT_WIDTH for row in texts)


def _to_lists(columns: Sequence[str], texts: Sequence[Sequence[str]], width: int) -> str:
    """Return a line `name: value` for each value, and an empty line after each row."""
    lines = []
    for row in texts:
        for name, text in zip(columns, row, strict=True):
            line = f"{name}: {text}"
            lines += [line[at : at + width] for at in range(0, len(line), width)]
        lines.append("")
    return "\n".join(lines)


def _print(table: Table, width: int) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(table, markup=False)
    out = console.file
    assert isinstance(out, StringIO)  # made above
    return out.getvalue()
