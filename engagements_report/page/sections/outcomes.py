"""How calls and meetings ended: a table with a bar for each outcome."""

from __future__ import annotations

from dataclasses import replace

from engagements_report.page.colours import css_class
from engagements_report.page.document import Section
from engagements_report.page.formatting import percent, plural
from engagements_report.page.sections.parts import SectionInput, bar_table

HELD = "COMPLETED"  # HubSpot's outcome of a meeting that took place
WITHOUT_OUTCOME = ("(none)",)


def build_calls(section_input: SectionInput) -> Section:
    """Return the section on calls: the share that reached someone, and all outcomes."""
    *_, total = section_input.rows
    calls = plural(total["num_calls"], "call")
    lead = (
        f"{percent(total['connect_rate'])} of {calls} reached someone."
        f" All calls together, answered or not, took {total['total_minutes']:,} minutes."
    )
    colour = css_class("CALL")
    table = bar_table("By outcome", section_input, "num_calls", colour, WITHOUT_OUTCOME)
    return replace(section_input.section, lead=lead, table=table)


def build_meetings(section_input: SectionInput) -> Section:
    """Return the section on meetings: how many were held, and all outcomes."""
    *rows, total = section_input.rows
    meetings = plural(total["num_meetings"], "meeting")
    held = next((row for row in rows if row["outcome"] == HELD), None)
    lead = f"{meetings}; {held['num_meetings'] if held else 0:,} are known to have been held"
    lead += f", {held['total_hours']:,} hours." if held else "."
    caption, colour = "By outcome; hours as planned", css_class("MEETING")
    table = bar_table(caption, section_input, "num_meetings", colour, WITHOUT_OUTCOME)
    return replace(section_input.section, lead=lead, table=table)
