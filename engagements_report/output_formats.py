"""Rows as text: a table or Markdown for people, CSV or JSON for programs."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

from engagements_report.queries.database import Rows
from mysql_settings.visible import visible

FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def to_table(rows: Rows) -> str:
    """
    Return a table; on a terminal, no wider than that, with longer texts folded.

    Where the numbers would have to be broken, each row is a list of its values instead.
    """
    # Imported here: rich takes a sixth of a start, and programs read no tables.
    from engagements_report import text_table

    return text_table.to_table(rows)


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
    numbers = [rows.has_numbers(index) for index in range(len(rows.columns))]
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
