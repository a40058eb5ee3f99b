"""
The parts of the page, and the template that makes an HTML file of them. Pure.

The file needs nothing from outside: no script, font or picture. The policy allows only the style
in the file.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from engagements_report.page.colours import declarations
from mysql_settings.visible import visible

FOLDER = Path(__file__).parent
MAX_SHORT_LENGTH = 20  # characters of a row's name that stay on one line


@dataclass(frozen=True)
class Check:
    """A table's value that is the result of a check: `ok`, `wrong` or any other text."""

    state: str


Value = object
"""A table's value: a number, a text, None or a Check."""


@dataclass(frozen=True)
class Table:
    """The numbers of a chart; `caption` names them and their order."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]


@dataclass(frozen=True)
class Legend:
    """Names with their colours, which are CSS values."""

    entries: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "legend"


@dataclass(frozen=True)
class Figure:
    """SVG elements of a chart in several widths; the style shows the fitting width."""

    pictures: Sequence[Markup]
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class KeyFigure:
    """A number at the top of the page; a `wrong` figure is red."""

    name: str
    value: str
    wrong: bool = False


@dataclass(frozen=True)
class Section:
    """
    A report on the page.

    `lead` is a sentence on the result. Without a `table` there is nothing to show: `empty` or,
    if the report failed, `problem` says why.
    """

    name: str
    title: str
    question: str
    lead: str = ""
    pictures: Sequence[Legend | Figure] = ()
    table: Table | None = None
    empty: str = ""
    problem: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Head:
    """The top of the page: sentences and key figures."""

    title: str
    lines: Sequence[str]
    figures: Sequence[KeyFigure] = ()


@dataclass(frozen=True)
class Cell:
    """A table's cell: the text, and the CSS classes as a text."""

    text: str
    classes: str


def render(head: Head, sections: Sequence[Section]) -> str:
    """Return the page as HTML with every text escaped."""
    style = (
        f":root{{color-scheme:light dark;{declarations(dark=False)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{declarations(dark=True)}}}}}\n"
        f"{(FOLDER / 'page.css').read_text(encoding='utf-8')}"
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = _environment().get_template("page.html")
    return template.render(
        head=head, sections=sections, style=Markup(style), style_digest=Markup(digest)
    )


def table_cells(table: Table) -> list[list[Cell]]:
    """Return the cells of the table's rows."""
    numeric = numeric_columns(table)
    return [
        [_to_cell(index, value, numeric[index]) for index, value in enumerate(row)]
        for row in table.rows
    ]


def numeric_columns(table: Table) -> list[bool]:
    """Return a flag for each column: has numbers or shares."""
    return [
        any(_is_number(row[index]) or str(row[index]).endswith(" %") for row in table.rows)
        for index in range(len(table.columns))
    ]


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_make_visible,
    )
    environment.filters |= {
        "breakable": _breakable,
        "cells": table_cells,
        "numeric_columns": numeric_columns,
    }
    return environment


def _make_visible(value: object) -> object:
    """Return text without characters that HTML must not hold; markup is our own."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _breakable(name: str) -> Markup:
    """Return a column's name that may break after each of HubSpot's underscores."""
    return Markup("_<wbr>").join(escape(visible(part)) for part in name.split("_"))


# A check's CSS class, and a sign for readers who see no colours.
_CHECK_SIGNS = {"wrong": ("wrong", "✕"), "ok": ("right", "✓")}


def _to_cell(index: int, value: Value, numeric: bool) -> Cell:
    classes, sign = "", ""
    if isinstance(value, Check):
        classes, sign = _CHECK_SIGNS.get(value.state, ("soft", "?"))
    text = f"{sign} {_to_text(value)}".strip()
    short = "short" if index == 0 and len(text) <= MAX_SHORT_LENGTH else ""
    number = "number" if numeric and index else ""
    return Cell(text, " ".join(filter(None, (classes, short, number))))


def _to_text(value: Value) -> str:
    if value is None:
        return "–"
    if isinstance(value, Check):
        return value.state
    return f"{value:,}" if _is_number(value) else str(value)


def _is_number(value: Value) -> bool:
    return hasattr(value, "as_integer_ratio")
