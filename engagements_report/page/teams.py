"""A row a team, compared with the mean of the periods before. Pure."""

from __future__ import annotations

from dataclasses import replace

from engagements_report.page.document import Section, Table, Value
from engagements_report.page.figures import to_change
from engagements_report.page.period import PageDays
from engagements_report.queries.measures import Measures, by_day, compare
from engagements_report.queries.people import NO_TEAM_NAME, People
from engagements_report.queries.periods import NO_OWNER
from engagements_report.queries.teams import team_of

COLUMNS = ("team", "engagements", "change", "calls", "change")


def build_teams(
    section: Section, measures: Measures, page_days: PageDays, people: People
) -> Section | None:
    """Return the section with a row for each team; None where owners have no teams."""
    rows = [row for row in measures.rows if row.owner != NO_OWNER]
    days_by_team = by_day(rows, lambda row: team_of(people, row.owner))
    if not days_by_team.keys() - {NO_TEAM_NAME} or not page_days.is_comparable:
        return None
    table: list[list[Value]] = []
    for team, figures in days_by_team.items():
        compared = compare(figures, page_days.over, page_days.covered_first)
        numbers = (compared["engagements"], compared["calls"])
        values = [(it.now or 0, to_change(it.now or 0, it.mean)) for it in numbers]
        table.append([team, *(value for pair in values for value in pair)])
    table.sort(key=lambda row: (row[0] == NO_TEAM_NAME, str(row[0])))
    caption = "Compared with the mean of the periods before"
    return replace(section, table=Table(caption, COLUMNS, table, kind="whole"))
