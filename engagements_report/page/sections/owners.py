"""What each owner logged and got done: stacked bars, and a table."""

from __future__ import annotations

from typing import Any

from engagements_report.page.charts import bars
from engagements_report.page.formatting import plural
from engagements_report.page.sections.parts import (
    SectionContent,
    SectionInput,
    draw_figure,
    plain_table,
    type_legend,
)

MAX_CHART_OWNERS = 15  # the table has all
TYPE_OF_COLUMN = {
    "calls": "CALL",
    "emails_sent": "EMAIL",
    "meetings": "MEETING",
    "notes": "NOTE",
    "tasks": "TASK",
}


def build_owners(section_input: SectionInput) -> SectionContent:
    rows = section_input.rows
    rows_of_chart = [
        (
            row["owner"],
            {name: row[column] for column, name in TYPE_OF_COLUMN.items() if row[column]},
        )
        for row in _with_distinct_names(rows)[:MAX_CHART_OWNERS]
    ]
    lead = plural(len(rows), "owner") + " with engagements of these types"
    is_cut = len(rows) > MAX_CHART_OWNERS
    lead += f"; the chart has the {MAX_CHART_OWNERS} with most." if is_cut else "."
    figure = draw_figure(
        lambda width: bars.owners(rows_of_chart, width),
        f"Stacked bars of engagements by owner. {lead}",
    )
    columns = [name for name in section_input.result.rows.columns if name != "ownerId"]
    table = plain_table("By owner", section_input, columns)
    return SectionContent(lead, [type_legend(TYPE_OF_COLUMN.values()), figure], table)


def _with_distinct_names(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows, with the id added to each owner's name that occurs more than once."""
    names = [row["owner"] for row in rows]
    return [
        {**row, "owner": f"{row['owner']} ({row['ownerId']})"}
        if names.count(row["owner"]) > 1
        else row
        for row in rows
    ]
