"""How calls and meetings ended: bars, and a table."""

from __future__ import annotations

from engagements_report.page.charts import bars
from engagements_report.page.document import KeyFigure
from engagements_report.page.formatting import percent, plural
from engagements_report.page.sections.parts import (
    SectionContent,
    SectionInput,
    draw_figure,
    plain_table,
)

HELD = "COMPLETED"  # HubSpot's outcome of a meeting that took place
WITHOUT_OUTCOME = ("(none)",)


def build_calls(section_input: SectionInput) -> SectionContent:
    *rows, total = section_input.rows
    rate = percent(total["connect_rate"])
    calls = plural(total["num_calls"], "call")
    lead = (
        f"{rate} of {calls} reached someone."
        f" All calls together, answered or not, took {total['total_minutes']:,} minutes."
    )
    counts = [(row["disposition"], row["num_calls"]) for row in rows]
    figure = draw_figure(
        lambda width: bars.bars(counts, "CALL", width, WITHOUT_OUTCOME),
        f"Bars of calls by outcome. {lead}",
    )
    table = plain_table("By outcome", section_input)
    return SectionContent(lead, [figure], table, KeyFigure("Calls that reached someone", rate))


def build_meetings(section_input: SectionInput) -> SectionContent:
    *rows, total = section_input.rows
    meetings = plural(total["num_meetings"], "meeting")
    held = next((row for row in rows if row["outcome"] == HELD), None)
    lead = f"{meetings}; {held['num_meetings'] if held else 0:,} are known to have been held"
    lead += f", {held['total_hours']:,} hours." if held else "."
    counts = [(row["outcome"], row["num_meetings"]) for row in rows]
    figure = draw_figure(
        lambda width: bars.bars(counts, "MEETING", width, WITHOUT_OUTCOME),
        f"Bars of meetings by outcome. {lead}",
    )
    return SectionContent(
        lead, [figure], plain_table("By outcome; hours as planned", section_input)
    )
