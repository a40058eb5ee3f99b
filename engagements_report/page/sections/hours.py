"""Engagements by weekday and hour: squares, and a table."""

from __future__ import annotations

from collections.abc import Collection

from engagements_report.page.charts import hours as chart
from engagements_report.page.colours import heat
from engagements_report.page.document import Legend, Table
from engagements_report.page.formatting import plural
from engagements_report.page.sections.parts import SectionContent, SectionInput, draw_figure
from engagements_report.queries.calendar import DAY

WEEKDAY_NAMES = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def build_hours(section_input: SectionInput) -> SectionContent:
    counts = {(row["weekday"], row["hour"]): row["num_engagements"] for row in section_input.rows}
    (weekday, hour), most = max(counts.items(), key=lambda item: item[1])
    span, zone = section_input.span, section_input.report_filter.period.zone.key
    number_of_days = sum((span.first + n * DAY).weekday() == weekday for n in range(span.days))
    name = WEEKDAY_NAMES[weekday]
    lead = (
        f"Busiest hour of the week: {name} from {hour}:00 to {hour}:59, {most:,} in all on"
        f" {plural(number_of_days, name)}, {most / number_of_days:.1f} each."
        f" Hours are in the time zone {zone}."
    )
    figure = draw_figure(
        lambda width: chart.hours(counts, width), f"Engagements by weekday and hour. {lead}"
    )
    rows = [
        [f"{hour}:00", *(counts.get((weekday, hour), 0) for weekday in range(7))]
        for hour in range(24)
    ]
    table = Table("By hour and weekday", ["hour", *chart.WEEKDAYS], rows)
    return SectionContent(lead, [_heat_legend(counts.values()), figure], table)


def _heat_legend(numbers: Collection[int]) -> Legend:
    """Return the colour steps that occur, with the range of their numbers."""
    by_step: dict[int, list[int]] = {}
    for number in numbers:
        step = chart.heat_step(number, min(numbers), max(numbers))
        by_step.setdefault(step, []).append(number)
    return Legend(
        [
            (_format_range(min(in_step), max(in_step)), heat(step))
            for step, in_step in sorted(by_step.items())
        ]
    )


def _format_range(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"
