"""How soon incoming e-mails are answered: a table with a bar for each span of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engagements_report.page.colours import css_class
from engagements_report.page.document import Section
from engagements_report.page.formatting import percent, plural
from engagements_report.page.sections.parts import SectionInput, bar_table

TOO_RECENT = "too recent"
WITHOUT_REPLY = ("no reply", "no contact", TOO_RECENT)  # bars in grey


def build_first_response(section_input: SectionInput) -> Section:
    """Return the section on answers: the share within a day, and all spans of time."""
    rows = section_input.rows
    shares = {row["replied_within"]: row["share_so_far"] for row in rows}
    caption, colour = "By time to the next e-mail", css_class("INCOMING_EMAIL")
    table = bar_table(caption, section_input, "num_emails", colour, WITHOUT_REPLY)
    return replace(section_input.section, lead=_response_sentence(rows, shares), table=table)


def _response_sentence(
    rows: Sequence[Mapping[str, Any]], shares: Mapping[str, Decimal | None]
) -> str:
    """Return how many e-mails were answered within a day, of those that have had a day."""
    numbers = {row["replied_within"]: row["num_emails"] for row in rows}
    recent = numbers[TOO_RECENT]
    old_enough = sum(numbers.values()) - recent
    sentences = []
    if old_enough:
        half = next((name for name, share in shares.items() if share and share >= 0.5), "longer")
        within = f"within {half}" if half != "longer" else "within 7 days"
        sentences = [
            f"{plural(old_enough, 'incoming e-mail')}; {percent(shares['1 day'])} answered within"
            " a day.",
            f"{'Half' if half != 'longer' else 'Fewer than half'} of them were answered {within}.",
        ]
    if recent:
        sentences.append(
            f"{plural(recent, 'e-mail')} of the last day before the load: too recent to judge."
        )
    return " ".join(sentences)
