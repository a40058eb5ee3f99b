"""How soon incoming e-mails are answered: bars, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from engagements_report.page.charts import bars
from engagements_report.page.document import KeyFigure
from engagements_report.page.formatting import percent, plural
from engagements_report.page.sections.parts import (
    SectionContent,
    SectionInput,
    draw_figure,
    plain_table,
)

TOO_RECENT = "too recent"
WITHOUT_REPLY = ("no reply", "no contact", TOO_RECENT)  # bars in grey


def build_first_response(section_input: SectionInput) -> SectionContent:
    rows = section_input.rows
    shares = {row["replied_within"]: row["share_so_far"] for row in rows}
    within_a_day = percent(shares["1 day"])
    lead = _response_sentence(rows, shares)
    counts = [(row["replied_within"], row["num_emails"]) for row in rows]
    figure = draw_figure(
        lambda width: bars.bars(counts, "INCOMING_EMAIL", width, WITHOUT_REPLY),
        f"Bars of incoming e-mails by the time to the answer. {lead}",
    )
    key_figure = KeyFigure("E-mails answered within a day", within_a_day)
    table = plain_table("By time to the next e-mail", section_input)
    return SectionContent(lead, [figure], table, key_figure)


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
