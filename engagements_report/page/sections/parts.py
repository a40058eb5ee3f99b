"""What a section is made of that shows a report: the report's rows, and columns with bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engagements_report.page.charts.sparkline import share_bar
from engagements_report.page.document import Marked, Section, Table, Value
from engagements_report.page.formatting import percent
from engagements_report.queries.measures import Days
from engagements_report.queries.periods import ReportFilter
from engagements_report.queries.reports import ReportResult


@dataclass(frozen=True)
class SectionInput:
    """The empty section, the filter, the days, and the report's result."""

    section: Section
    report_filter: ReportFilter
    days: Days
    result: ReportResult

    @property
    def rows(self) -> list[dict[str, Any]]:
        columns = self.result.rows.columns
        return [dict(zip(columns, row, strict=True)) for row in self.result.rows.rows]


def bar_table(
    caption: str,
    section_input: SectionInput,
    number_column: str,
    css_class: str,
    grey_names: Sequence[str] = (),
) -> Table:
    """
    Return the report's rows, with a bar beside each number of a column, and names in words.

    A bar is as long as the number's share of the largest; the row of all and `grey_names` have
    none and a grey one.
    """
    columns = section_input.result.rows.columns
    named = [row for row in section_input.rows if not str(row[columns[0]]).startswith("(all")]
    most = max([1, *(row[number_column] for row in named)])
    rows: list[list[Value]] = []
    for row in section_input.rows:
        values = {name: to_value(name, row[name]) for name in columns}
        if row in named:
            grey = row[columns[0]] in grey_names
            bar = share_bar(row[number_column] / most, "unmet" if grey else f"unmet {css_class}")
            values[number_column] = Marked(row[number_column], bar, after=False)
        rows.append(list(values.values()))
    titles = [name.removeprefix("num_").replace("_", " ") for name in columns]
    return Table(caption, titles, rows, kind="whole")


def to_value(name: str, value: Any) -> Value:
    """Return a column's value, a share as a percentage."""
    is_share = name.startswith("share") or name.endswith("rate")
    return percent(value) if is_share else value
