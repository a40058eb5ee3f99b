"""
The page as mail: HTML of tables with styles of their own, and a picture.

Mail clients leave out scripts, SVG, style sheets and details, and most of them pictures that are
inside of the HTML. So a message has the picture as a part of its own.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP

from engagements_report.page.document import (
    Change,
    Link,
    Marked,
    Page,
    Table,
    Value,
    environment,
    to_text,
)
from mysql_settings.visible import visible

PICTURE_ID = "engagements@report"
LEFT_OUT = ("last seen", "overdue", "median response")  # too wide for mail


def to_html(page: Page, png: bytes) -> str:
    """Return the mail's HTML with the picture inside, for whatever shows it, and for browsers."""
    return _render(page, f"data:image/png;base64,{base64.b64encode(png).decode()}")


def to_message(page: Page, png: bytes) -> bytes:
    """Return a whole message, without sender and recipients, of text, HTML and picture."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = visible(" ".join(page.head.title.split()))
    message.set_content(_to_plain_text(page))
    message.add_alternative(_render(page, f"cid:{PICTURE_ID}"), subtype="html")
    html = message.get_payload()[1]  # type: ignore[index]  # a list, as it has alternatives
    assert isinstance(html, EmailMessage), "added above"
    html.add_related(png, "image", "png", cid=f"<{PICTURE_ID}>", filename="engagements.png")
    return message.as_bytes()


def _render(page: Page, picture: str) -> str:
    jinja = environment()
    jinja.filters["plain"] = to_plain
    template = jinja.get_template("email.html")
    return template.render(page=page, picture=picture, alt=_alt(page), table=_people_table(page))


def _alt(page: Page) -> str:
    """Return what the picture shows, for those who do not see it."""
    return "; ".join(label for section in page.charts for label, _ in section.legend[:9])


def _people_table(page: Page) -> Table | None:
    """Return the table of people without pictures and what is too wide for mail."""
    table = page.people.section.table if page.people else None
    if table is None or not table.rows:
        return None
    keep = [
        nth
        for nth, column in enumerate(table.columns)
        if column not in LEFT_OUT and not (_is_picture(table.rows[0][nth]))
    ]
    rows = [[row[nth] for nth in keep] for row in table.rows]
    return replace(table, columns=[table.columns[nth] for nth in keep], rows=rows)


def _is_picture(value: Value) -> bool:
    return isinstance(value, Marked) and value.value == ""


def to_plain(value: Value) -> str:
    """Return a table's value as text alone."""
    if isinstance(value, Marked):
        return to_plain(value.value)
    if isinstance(value, Link):
        return value.text
    return f"{value.sign} {value.text}" if isinstance(value, Change) else to_text(value)


def _to_plain_text(page: Page) -> str:
    """Return the figures and changes for clients that show text alone."""
    lines = [page.head.title, " · ".join(page.head.lines)]
    lines += [page.head.freshness.text] if page.head.freshness else []
    lines.append("")
    for figure in page.figures:
        change = f" ({figure.change.text})" if figure.change else ""
        notes = f", {', '.join(figure.notes)}" if figure.notes else ""
        lines.append(f"{figure.name}: {figure.value}{change}{notes}")
    lines += ["", *(f"{it.change.text} {it.subject}{it.text}" for it in page.changes)]
    return "\n".join(map(visible, lines)) + "\n"
