"""Engagements by weekday and hour: a table whose cells are darker for more of them."""

from __future__ import annotations

from dataclasses import replace

from engagements_report.page.colours import HEAT
from engagements_report.page.document import Heat, Section, Table, Value
from engagements_report.page.formatting import plural
from engagements_report.page.sections.parts import SectionInput
from engagements_report.queries.calendar import DAY

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEKDAY_NAMES = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def build_hours(section_input: SectionInput) -> Section:
    """Return the section on hours: the busiest one, and a row for each hour with any."""
    counts = {(row["weekday"], row["hour"]): row["num_engagements"] for row in section_input.rows}
    (weekday, hour), most = max(counts.items(), key=lambda item: item[1])
    days = section_input.days
    number_of_days = sum((days.first + n * DAY).weekday() == weekday for n in range(days.number))
    name, zone = WEEKDAY_NAMES[weekday], section_input.report_filter.period.zone.key
    lead = (
        f"Busiest hour of the week: {name} from {hour}:00 to {hour}:59, {most:,} in all on"
        f" {plural(number_of_days, name)}, {most / number_of_days:.1f} each."
        f" Hours are in the time zone {zone}."
    )
    least = min(counts.values())
    hours = range(min(hour for _, hour in counts), max(hour for _, hour in counts) + 1)
    rows = [
        [f"{hour}:00", *(_cell(counts.get((day, hour), 0), least, most) for day in range(7))]
        for hour in hours
    ]
    caption = "By hour and weekday; darker is more"
    table = Table(caption, ["hour", *WEEKDAYS], rows, kind="heat whole")
    return replace(section_input.section, lead=lead, table=table)


def _cell(number: int, least: int, most: int) -> Value:
    return Heat(number, heat_step(number, least, most)) if number else 0


def heat_step(number: int, least: int, most: int) -> int:
    """Return the step of HEAT, from 0, of a number from `least` to `most`."""
    return (number - least) * len(HEAT) // (most - least + 1)
