"""One HTML page that needs nothing but itself: no script, font or picture from outside. Pure."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engagements_report.page.colours import declarations, variable
from mysql_settings.visible import visible

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
SHORT = 20  # characters of a row's name that are kept on one line
# Of a state: its class, and the sign that says it to those who see no colours.
WRONG = ' class="wrong"'
SIGNS = {"wrong": ("wrong", "✕"), "ok": ("right", "✓")}


class State(str):
    """A table's value that says whether something is right: `ok`, `wrong` or anything else."""


@dataclass(frozen=True)
class Table:
    """What a chart shows, as numbers; `caption` says what they are, and of what."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Section:
    """
    A report on the page.

    `lead` is what it says, in a sentence; `pictures` are SVG elements or groups of them; without a
    table there is nothing to show: `empty` or, where something is wrong, `problem` says why.
    """

    name: str
    title: str
    question: str
    lead: str = ""
    pictures: Sequence[str] = ()
    table: Table | None = None
    empty: str = ""
    problem: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Head:
    """What stands above all sections: sentences, and (name, value, whether it is wrong)."""

    title: str
    lines: Sequence[str]
    figures: Sequence[tuple[str, str, bool]] = ()


def to_page(head: Head, sections: Sequence[Section]) -> str:
    """Return the page, its policy allowing its own style and nothing else."""
    style = (
        f":root{{color-scheme:light dark;{declarations(dark=False)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{declarations(dark=True)}}}}}\n"
        f"{STYLE}"
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(head.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'{_header(head, sections)}\n<main id="main">\n{"".join(map(_section, sections))}</main>\n'
        "<footer><p>Made by engagements-report. Whatever a chart shows is in the table beside it;"
        " <code>engagements-report sql NAME</code> prints the SQL of each.</p></footer>\n"
        "</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """Return text as HTML shows it, with what it must not hold as escapes."""
    return html.escape(visible(text))


def legend(kinds: Sequence[str], colours: Sequence[str] = ()) -> str:
    """Return names with their colours, a type's own where none are given."""
    swatches = colours or [variable(kind) for kind in kinds]
    return (
        '<ul class="legend">'
        + "".join(
            '<li><svg width="14" height="14" aria-hidden="true">'
            f'<rect width="14" height="14" rx="2" fill="{colour}"/></svg>{escape(kind)}</li>'
            for kind, colour in zip(kinds, swatches, strict=True)
        )
        + "</ul>"
    )


def multiples(pictures: Sequence[tuple[str, str]]) -> str:
    """Return small pictures, each below its heading."""
    items = (
        f"<li><figure><figcaption><h3>{escape(heading)}</h3></figcaption>{svg}</figure></li>"
        for heading, svg in pictures
    )
    return f'<ul class="multiples">{"".join(items)}</ul>'


def figure(*pictures: str) -> str:
    return f"<figure>{''.join(pictures)}</figure>"


def _header(head: Head, sections: Sequence[Section]) -> str:
    lines = "".join(f"<p>{escape(line)}</p>\n" for line in head.lines)
    links = "".join(f'<li><a href="#{one.name}">{escape(one.title)}</a></li>' for one in sections)
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd{WRONG * wrong}>{escape(value)}</dd></div>"
        for name, value, wrong in head.figures
    )
    return (
        '<a class="skip" href="#main">Skip to the reports</a>\n<header>\n'
        f"<h1>{escape(head.title)}</h1>\n{lines}"
        + (f'<dl class="figures">{figures}</dl>\n' if figures else "")
        + f'<nav aria-label="Reports"><ul>{links}</ul></nav>\n</header>'
    )


def _section(section: Section) -> str:
    body = [f'<p class="soft">{escape(section.question)}</p>']
    if section.lead:
        body.append(f"<p>{escape(section.lead)}</p>")
    body += [f'<p class="soft">Note: {escape(note)}.</p>' for note in section.notes]
    if section.empty:
        body.append(f"<p>{escape(section.empty)}</p>")
    if section.problem:
        body.append(
            f'<p class="problem"><span class="wrong">✕</span> {escape(section.problem)}</p>'
        )
    if section.table:
        table = _table(section.name, section.table)
        pictures = f"<div>{''.join(section.pictures)}</div>" if section.pictures else ""
        kind = "beside" if pictures else "alone"
        body.append(f'<div class="{kind}">{pictures}{table}</div>')
    heading = f'<h2 id="{section.name}-title">{escape(section.title)}</h2>'
    return (
        f'<section id="{section.name}" aria-labelledby="{section.name}-title">\n{heading}\n'
        + "\n".join(body)
        + "\n</section>\n"
    )


def _table(name: str, table: Table) -> str:
    numbers = [
        any(_is_numeric(row[index]) or str(row[index]).endswith(" %") for row in table.rows)
        for index in range(len(table.columns))
    ]
    head = "".join(
        f'<th scope="col"{" class=number" if number else ""}>{_breakable(column)}</th>'
        for column, number in zip(table.columns, numbers, strict=True)
    )
    rows = "\n".join(f"<tr>{_cells(row, numbers)}</tr>" for row in table.rows)
    label = escape(table.caption)
    names = f"{name}-title {name}-caption"
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{names}">'
        f'<table><caption id="{name}-caption">{label}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _cells(row: Sequence[object], numbers: Sequence[bool]) -> str:
    cells = []
    for index, (value, number) in enumerate(zip(row, numbers, strict=True)):
        mark, sign = SIGNS.get(value, ("soft", "?")) if isinstance(value, State) else ("", "")
        text = f"{sign} {_in_words(value)}".strip()
        short = "short" if index == 0 and len(text) <= SHORT else ""
        names = " ".join(filter(None, (mark, short, "number" if number and index else "")))
        attribute = f' class="{names}"' if names else ""
        tag, scope = ("th", ' scope="row"') if index == 0 else ("td", "")
        cells.append(f"<{tag}{scope}{attribute}>{escape(text)}</{tag}>")
    return "".join(cells)


def _breakable(name: str) -> str:
    """Return a column's name, which may go on in the next line where HubSpot has an underscore."""
    return escape(name).replace("_", "_<wbr>")


def _is_numeric(value: object) -> bool:
    return not isinstance(value, str) and hasattr(value, "as_integer_ratio")


def _in_words(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if _is_numeric(value) else str(value)
