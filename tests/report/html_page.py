"""A page that engagements-report wrote, read as HTML."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

Write = Callable[..., str]
"""Writes the page with the arguments of a command line, and returns the HTML."""


class Page(HTMLParser):
    """The texts of a page, and each table's rows by the section's id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.tables: dict[str, list[list[str]]] = {}
        self.addresses: list[str] = []
        self.section = "head"
        self.tags: list[str] = []
        self.is_in_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attributes if name in ("href", "src")]
        if tag in ("section", "div") and values.get("id"):
            self.section = values["id"] or ""
        if tag == "tr":
            self.tables.setdefault(self.section, []).append([])
        if tag in ("td", "th"):
            self.tables[self.section][-1].append("")
            self.is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("thead", "tbody"):  # cells need no end
            self.is_in_cell = False

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.setdefault(self.section, []).append(data.strip())
            if self.is_in_cell:
                self.tables[self.section][-1][-1] += data.strip("\n")

    def text(self, section: str) -> str:
        return " ".join(self.texts[section])
