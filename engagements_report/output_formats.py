"""Rows as text: a table or Markdown for people, CSV or JSON for programs."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from engagements_report.queries.database import Rows
from mysql_settings.visible import visible

NULL_TEXT = "-"  # in a table for people
MAX_WIDTH = 10_000  # characters of a line in a file or pipe


def to_table(rows: Rows) -> str:
    """Return a table; on a terminal, folded to the terminal's width."""
    is_unicode = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    table = Table(*map(str, rows.columns), box=box.HEAVY_HEAD if is_unicode else box.ASCII)
    for index, column in enumerate(table.columns):
        if _is_number(rows, index):
            column.justify = "right"
        column.overflow = "fold"
    for row in rows.rows:
        table.add_row(*(NULL_TEXT if value is None else visible(str(value)) for value in row))
    width = Console().width if sys.stdout and sys.stdout.isatty() else MAX_WIDTH
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


def to_json(rows: Rows) -> str:
    """Return a list of objects; NULL is null, days are ISO strings, decimals numbers."""
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
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON for {value!r}")
