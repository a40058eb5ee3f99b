"""What every section is made of: the input, the content, and tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from engagements_report.page.charts.axes import Spec
from engagements_report.page.colours import in_order, variable
from engagements_report.page.document import Figure, KeyFigure, Legend, Table, Value
from engagements_report.page.formatting import percent
from engagements_report.page.svg import draw
from engagements_report.queries.periods import ReportFilter, Span
from engagements_report.queries.reports import ReportResult

WIDE, NARROW = 960, 320  # pixels


@dataclass(frozen=True)
class SectionInput:
    """The input of a section: the filter, the days, and the report's result."""

    report_filter: ReportFilter
    span: Span
    result: ReportResult

    @property
    def rows(self) -> list[dict[str, Any]]:
        columns = self.result.rows.columns
        return [dict(zip(columns, row, strict=True)) for row in self.result.rows.rows]


@dataclass(frozen=True)
class SectionContent:
    """The parts of a section that depend on the result, and a key figure."""

    lead: str = ""
    pictures: Sequence[Legend | Figure] = ()
    table: Table | None = None
    figure: KeyFigure | None = None


def draw_figure(spec: Callable[[int], Spec], label: str) -> Figure:
    """Return a chart in two widths; the style shows the width that fits the window."""
    return Figure([draw(spec(WIDE), label, "wide"), draw(spec(NARROW), label, "narrow")])


def type_legend(types: Iterable[str]) -> Legend:
    return Legend([(name, variable(name)) for name in in_order(types)])


def plain_table(
    caption: str, section_input: SectionInput, columns: Sequence[str] | None = None
) -> Table:
    """Return the report's rows unchanged, with column names in words."""
    columns = columns or section_input.result.rows.columns
    rows = [[_to_value(name, row[name]) for name in columns] for row in section_input.rows]
    return Table(caption, [name.removeprefix("num_").replace("_", " ") for name in columns], rows)


def _to_value(name: str, value: Any) -> Value:
    """Return a column's value, a share as a percentage."""
    is_share = name.startswith("share") or name.endswith("rate")
    return percent(value) if is_share else value


def to_day(value: object) -> date:
    """Return a day; the driver gives a date or a text."""
    return value if isinstance(value, date) else date.fromisoformat(str(value))
