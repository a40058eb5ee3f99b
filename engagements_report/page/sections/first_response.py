"""How soon incoming e-mails are answered: a table with a bar for each span of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engagements_report.page.colours import css_class
from engagements_report.page.document import Section
from engagements_report.page.formatting import percent, plural
from engagements_report.page.sections.parts import SectionInput, bar_table
from engagements_report.queries.database import Rows
from engagements_report.queries.measures import rounded
from engagements_report.queries.response_times import Pair

TOO_RECENT = "too recent"
# Spans of time to the answer and their ends in ms, and what has no answer: the report's rows.
SPANS_MS = {
    "15 minutes": 900_000,
    "1 hour": 3_600_000,
    "4 hours": 14_400_000,
    "1 day": 86_400_000,
    "3 days": 259_200_000,
    "7 days": 604_800_000,
}
LONGER, NO_REPLY, NO_CONTACT = "longer", "no reply", "no contact"
COLUMNS = ("replied_within", "num_emails", "share", "share_so_far")
WITHOUT_REPLY = (NO_REPLY, NO_CONTACT, TOO_RECENT)  # bars in grey


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


def spans_of(pairs: Sequence[Pair]) -> Rows:
    """Return the rows of the report first-response, from the times of all answers."""
    if not pairs:
        return Rows(COLUMNS, [])
    numbers = Counter(map(_span_of, pairs))
    judged = len(pairs) - numbers[TOO_RECENT]
    rows: list[list[object]] = []
    so_far = 0
    for name in (*SPANS_MS, LONGER, NO_REPLY, NO_CONTACT, TOO_RECENT):
        so_far += numbers[name]
        is_answered = name in SPANS_MS or name == LONGER
        rows.append(
            [
                name,
                numbers[name],
                None if name == TOO_RECENT else _share(numbers[name], judged),
                _share(so_far, judged) if is_answered else None,
            ]
        )
    return Rows(COLUMNS, rows)


def _span_of(pair: Pair) -> str:
    if pair.is_recent:
        return TOO_RECENT
    if pair.response_ms is None:
        return NO_REPLY if pair.has_contact else NO_CONTACT
    return next((name for name, ms in SPANS_MS.items() if pair.response_ms <= ms), LONGER)


def _share(number: int, judged: int) -> Decimal | None:
    return rounded(Fraction(number, judged), 4) if judged else None
