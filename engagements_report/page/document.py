"""
The parts of the page, and the template that makes an HTML file of them. Pure.

The file needs nothing from outside: no font, no picture. Its policy allows the style and the script
in the file, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from engagements_report.page.colours import declarations, rules
from mysql_settings.visible import visible

FOLDER = Path(__file__).parent
MAX_SHORT_LENGTH = 20  # characters of a text that stay on one line
MAX_NUMBER_LENGTH = 12  # characters of a number with its unit, such as 12.6 h


@dataclass(frozen=True)
class Check:
    """A table's value that is the result of a check: `ok`, `wrong` or any other text."""

    state: str


@dataclass(frozen=True)
class Change:
    """
    A change in words, such as −14 %; `direction` is up, down or same.

    One that is not `notable`, being no more than chance, has no colour.
    """

    text: str
    direction: str
    notable: bool = True

    @property
    def sign(self) -> str:
        return {"up": "▲", "down": "▼"}.get(self.direction, "●")

    @property
    def css_class(self) -> str:
        return self.direction if self.notable else "same"


@dataclass(frozen=True)
class Marked:
    """A number or text with a picture beside it, such as a bar or a line of weeks."""

    value: Value
    picture: Markup
    after: bool = True


@dataclass(frozen=True)
class Link:
    """A text that leads to another place, of this page or of HubSpot."""

    text: str
    address: str


@dataclass(frozen=True)
class Heat:
    """A number on one of the colour steps, from 0."""

    number: int
    step: int


Value = object
"""A table's value: a number, a text, None, or one of the classes above."""


@dataclass(frozen=True)
class Table:
    """
    Rows with a name and values each; `caption` names them and their order.

    `row_classes` has CSS classes for each row. A `plain` table is as wide as its text.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    row_classes: Sequence[str] = ()
    kind: str = ""


@dataclass(frozen=True)
class KeyFigure:
    """A number at the top of the page, with its change, the numbers before, and 13 weeks."""

    name: str
    value: str
    change: Change | None = None
    notes: Sequence[str] = ()
    picture: Markup = Markup()


@dataclass(frozen=True)
class ChangeLine:
    """What changed: whose and which figure, from what to what."""

    change: Change
    subject: str
    text: str


@dataclass(frozen=True)
class Section:
    """
    A part of the page that answers a question.

    `lead` is a sentence on the result. Without a `table` there is nothing to show: `empty` or,
    if the report failed, `problem` says why. With a `chart`, or if `folded`, the table is
    collapsed.
    """

    name: str
    title: str
    question: str = ""
    lead: str = ""
    chart: Markup = Markup()
    legend: Sequence[tuple[str, str]] = ()
    table: Table | None = None
    empty: str = ""
    problem: str = ""
    notes: Sequence[str] = ()
    folded: bool = False


@dataclass(frozen=True)
class Freshness:
    """A sentence on the last load; `state` is ok, wrong or unknown."""

    text: str
    state: str


@dataclass(frozen=True)
class Person:
    """A person's section: what is folded up under the name."""

    anchor: str
    name: str
    summary: str
    css_class: str
    chart: Markup
    legend: Sequence[tuple[str, str]]
    engagements: Table | None


@dataclass(frozen=True)
class People:
    """The table of people, the teams by which it can be filtered, and a section a person."""

    section: Section
    teams: Sequence[str] = ()
    persons: Sequence[Person] = ()


@dataclass(frozen=True)
class Head:
    """The top of the page: what it is about, and how old it is."""

    title: str
    lines: Sequence[str]
    freshness: Freshness | None = None


@dataclass(frozen=True)
class Page:
    """All of the page; without `figures` there is no first screen, only sections."""

    head: Head
    figures: Sequence[KeyFigure] = ()
    charts: Sequence[Section] = ()
    changes: Sequence[ChangeLine] = ()
    changes_note: str = ""
    teams: Section | None = None
    people: People | None = None
    sections: Sequence[Section] = field(default=())


def render(page: Page) -> str:
    """Return the page as HTML with every text escaped."""
    style = _style(len(page.people.teams) if page.people else 0)
    script = (FOLDER / "page.js").read_text(encoding="utf-8").strip()
    return (
        environment()
        .get_template("page.html")
        .render(
            page=page,
            style=Markup(style),
            style_digest=_digest(style),
            script=Markup(script),
            script_digest=_digest(script),
        )
    )


def _style(teams: int) -> str:
    """Return the style, with a rule that hides other teams for each of the teams."""
    filters = "".join(
        f"body:has(#team-{n}:checked) .of-team:not(.t{n}){{display:none}}" for n in range(teams)
    )
    return (
        f":root{{color-scheme:light dark;{declarations(dark=False)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{declarations(dark=True)}}}}}\n"
        f"{rules()}\n{(FOLDER / 'page.css').read_text(encoding='utf-8')}{filters}"
    )


def _digest(content: str) -> Markup:
    return Markup(base64.b64encode(hashlib.sha256(content.encode()).digest()).decode())


def environment() -> Environment:
    """Return the templates' environment, which escapes every text."""
    jinja = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_make_visible,
    )
    jinja.filters |= {"breakable": breakable, "body": table_body, "numeric": numeric_columns}
    return jinja


def _make_visible(value: object) -> object:
    """Return text without characters that HTML must not hold; markup is our own."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def breakable(name: str) -> Markup:
    """Return a name that may break after each of HubSpot's underscores."""
    return Markup("_<wbr>").join(escape(visible(part)) for part in name.split("_"))


def table_body(table: Table) -> Markup:
    """
    Return the rows of a table.

    HTML lets the ends of rows and cells be left out, which makes the page a third smaller.
    """
    numeric = numeric_columns(table)
    classes = table.row_classes or [""] * len(table.rows)
    lines = [
        (f'<tr class="{css}">' if css else "<tr>")
        + "".join(_cell(index, value, numeric[index]) for index, value in enumerate(row))
        for row, css in zip(table.rows, classes, strict=True)
    ]
    return Markup("\n".join(lines))


def numeric_columns(table: Table) -> list[bool]:
    """Return a flag for each column: its values stand at the right, being numbers."""
    return [
        all(row[index] is None or _is_numeric(row[index]) for row in table.rows)
        for index in range(len(table.columns))
    ]


def _is_numeric(value: Value) -> bool:
    if isinstance(value, Marked):
        return _is_numeric(value.value)
    is_short = isinstance(value, str) and len(value) <= MAX_NUMBER_LENGTH and value[:1].isdigit()
    return is_short or isinstance(value, (int, Decimal, Change, Heat))


# A check's CSS class, and a sign for readers who see no colours.
CHECK_SIGNS = {"wrong": ("wrong", "✕"), "ok": ("right", "✓")}


def _cell(index: int, value: Value, numeric: bool) -> str:
    """Return a cell; numbers, which are most of them, need no class."""
    is_short = len(value.text if isinstance(value, Link) else str(value)) <= MAX_SHORT_LENGTH
    content, css = to_html(value), "" if numeric else "t short" if is_short else "t"
    if isinstance(value, Check):
        css = CHECK_SIGNS.get(value.state, ("soft", "?"))[0] + " t"
    if isinstance(value, Change):
        css = value.css_class
    if isinstance(value, Heat):
        css = f"h{value.step}"
    if index == 0:
        return f'<th class="short">{content}' if is_short else f"<th>{content}"
    return f'<td class="{css}">{content}' if css else f"<td>{content}"


def to_html(value: Value) -> Markup:
    """Return a value as escaped text, with its sign or picture."""
    if isinstance(value, Marked):
        texts = [to_html(value.value), value.picture]
        return Markup(" ").join(texts if value.after else reversed(texts))
    if isinstance(value, Link):
        return Markup('<a href="{}">{}</a>').format(value.address, visible(value.text))
    if isinstance(value, Check):
        sign = CHECK_SIGNS.get(value.state, ("", "?"))[1]
        return Markup("{} {}").format(sign, visible(value.state))
    if isinstance(value, Change):
        return Markup("{} {}").format(value.sign, value.text)
    return escape(visible(to_text(value)))


def to_text(value: Value) -> str:
    """Return a value as text: numbers with thousands, a dash for None."""
    if value is None:
        return "–"
    if isinstance(value, Heat):
        return f"{value.number:,}"
    return f"{value:,}" if isinstance(value, (int, Decimal)) else str(value)
