"""Rows as text: a table or Markdown for people, CSV or JSON for programs."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table

from engagements_report.queries.database import Rows
from mysql_settings.visible import visible

NULL_TEXT = "-"  # in a table for people
MAX_WIDTH = 10_000  # characters of a line in a file or pipe
MIN_TEXT_WIDTH = 10  # characters of a text, as long as a day; longer ones are folded
FRAME_WIDTH = 3  # of a column: a line and two spaces
FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def to_table(rows: Rows) -> str:
    """
    Return a table; on a terminal, no wider than that, with longer texts folded.

    Where the numbers would have to be broken, each row is a list of its values instead.
    """
    width = Console().width if sys.stdout and sys.stdout.isatty() else MAX_WIDTH
    texts = [[NULL_TEXT if it is None else visible(str(it)) for it in row] for row in rows.rows]
    numbers = [_is_number(rows, index) for index in range(len(rows.columns))]
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
    for name, is_number, least in zip(rows.columns, numbers, least_widths, strict=True):
        justify: Literal["right", "left"] = "right" if is_number else "left"
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


def to_csv(rows: Rows) -> str:
    """Return CSV with a header; NULL is empty, days are ISO dates, decimals keep all digits."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows(rows.rows)
    return out.getvalue()


def to_excel(rows: Rows) -> str:
    """
    Return CSV for spreadsheets: with a byte order mark, so that Excel reads it as UTF-8.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    guarded = [[_guard(value) for value in row] for row in rows.rows]
    return "\ufeff" + to_csv(Rows(rows.columns, guarded))


def _guard(value: Any) -> Any:
    is_formula = isinstance(value, str) and value.lstrip().startswith(FORMULA_STARTS)
    is_control = isinstance(value, str) and value[:1] in ("\t", "\r", "\n")
    return f"'{value}" if is_formula or is_control else value


def to_json(rows: Rows) -> str:
    """Return a list of objects; NULL is null, days are ISO strings, counts whole numbers."""
    objects = [dict(zip(rows.columns, row, strict=True)) for row in rows.rows]
    return json.dumps(objects, default=_to_json_value, ensure_ascii=False, indent=1) + "\n"


def to_markdown(rows: Rows) -> str:
    """Return a Markdown table with numbers to the right; NULL is empty."""
    numbers = [_is_number(rows, index) for index in range(len(rows.columns))]
    rule = ["---:" if number else "---" for number in numbers]
    cells = [["" if value is None else str(value) for value in row] for row in rows.rows]
    lines = [map(_escape, rows.columns), rule, *(map(_escape, row) for row in cells)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


FORMATS: Mapping[str, Callable[[Rows], str]] = {
    "table": to_table,
    "csv": to_csv,
    "excel": to_excel,
    "json": to_json,
    "markdown": to_markdown,
}


def _is_number(rows: Rows, index: int) -> bool:
    return any(isinstance(row[index], (int, Decimal)) for row in rows.rows)


def _escape(text: str) -> str:
    """Return `text` on a single line, with Markdown's special characters escaped."""
    return visible(" ".join(re.sub(r"([\\`*_|<>\[\]])", r"\\\1", text).split()))


def _to_json_value(value: Any) -> object:
    if isinstance(value, Decimal):
        # The server's sums of whole numbers are decimals without digits after the point.
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {value!r}")
