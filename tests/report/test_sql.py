"""The SQL files: run directly, printed by the command, and filled with values."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from engagements_report.queries.calendar import Offset
from engagements_report.queries.reports import REPORTS
from engagements_report.queries.statements import (
    LIVE_CONDITIONS,
    SQL,
    SqlText,
    fill,
    to_condition,
    to_offsets,
)
from engagements_report.queries.summaries import SUMMARIES
from tests.conftest import TestDatabase
from tests.report import june_2018
from tests.report.conftest import Reports
from tests.report.tables import create_tables, fill_engagements, through_the_client

FILES = sorted(SQL.glob("*.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_file_says_what_it_is(file: Path) -> None:
    """
    Question, grain, units and a command stand on top; everything named is explained.
    """
    head = re.match(r"(?:--.*\n)+", file.read_text())
    assert head is not None
    for word in ("-- Question: ", "-- Grain: ", "-- Units: ", "-- Run: "):
        assert word in head[0]
    assert f"mysql hubspot < {file.name}" in head[0]
    assert re.search(r"\?\n", head[0]), "a question ends with its mark"


def test_each_file_runs_as_it_stands(database: TestDatabase) -> None:
    """
    The mysql client runs each file unchanged.
    """
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    results = {file.stem: through_the_client(database, file.read_text()) for file in FILES}
    golden_rolling = june_2018.read_csv(june_2018.GOLDEN / "rolling.csv")
    assert results["rolling"] == [
        [value or "NULL" for value in row.values()] for row in golden_rolling
    ]
    daily = [[kind, str(day), str(n)] for kind, day, n in june_2018.daily(june_2018.rows())]
    assert results["daily"] == results["daily_in_zone"] == daily
    assert results["owners"] == [
        ["NULL", "(no owner)", "59", "1", "2", "0", "24", "32", "0.0", "0"]
    ]
    assert results["calls"][-1] == ["(all calls)", "1", "0", "0.0000", "0.0", "NULL"]


def test_the_sql_that_is_printed_gives_the_report(database: TestDatabase, reports: Reports) -> None:
    """
    The output of `engagements-report sql NAME` gives the report's rows in the mysql client.
    """
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    options = ("--tz", "Asia/Kolkata", "--type", "TASK", "--type", "it's %s \\", "--rows", "live")
    for name in REPORTS.keys() - SUMMARIES.keys():
        rows = through_the_client(database, reports.out("sql", name, *options))
        sql_rows = [tuple(one.replace("NULL", "") for one in row) for row in rows]
        assert sql_rows == reports.rows(name, *options)


def test_the_sql_of_a_computed_report_gives_its_rows(
    database: TestDatabase, reports: Reports
) -> None:
    """
    The output of `sql teams` gives the measures of the week and the eight before, which it adds up.
    """
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    week = ("--from", "2018-07-02", "--to", "2018-07-08")
    rows = through_the_client(database, reports.out("sql", "teams", *week))
    nine_weeks = reports.rows("measures", "--from", "2018-05-07", "--to", "2018-07-08")
    assert [tuple(one.replace("NULL", "") for one in row) for row in rows] == nine_weeks


def test_values_are_put_in_by_name() -> None:
    """
    A named value becomes a mark and a value, a named word the word; comments go, % is doubled.
    """
    sql = "-- 100 %\nSELECT a./*:time*/b % 2 FROM /*:t*/ (SELECT 1 AS x) AS t\n  -- why\n"
    sql += "WHERE d < /*:day*/ '2018-01-01' AND n > /*:most*/ -10"
    parts = {"time": SqlText("`c`"), "t": SqlText("(SELECT %(y)s)", {"y": 5}), "most": 7}
    text = fill(sql, {**parts, "day": date(2020, 2, 29)})
    assert text.sql == (
        "SELECT a.`c` %% 2 FROM (SELECT %(y)s) AS t\nWHERE d < %(day)s AND n > %(most)s"
    )
    assert text.values == {"y": 5, "day": date(2020, 2, 29), "most": 7}
    with pytest.raises(KeyError):
        fill(sql, parts)


def test_conditions_and_offsets() -> None:
    """
    Each owner and type is bound; without a condition everything counts.
    """
    assert to_condition("e", live_by=()).sql == "TRUE"
    both = to_condition("r", live_by=LIVE_CONDITIONS, owners=(1, 2), types=("A",))
    assert both.sql == (
        "(COALESCE(r.active, 1) = 1 AND r._sdc_deleted_at IS NULL)"
        " AND r.ownerId IN (%(ownerId_0)s, %(ownerId_1)s) AND r.type IN (%(type_0)s)"
    )
    assert both.values == {"ownerId_0": 1, "ownerId_1": 2, "type_0": "A"}
    two = to_offsets([Offset(0, 5, 1), Offset(5, 9, 2)])
    assert two.sql.count("SELECT") == 2
    assert list(two.values.values()) == [0, 5, 1, 5, 9, 2]


KINDS = ("it's", 'say "x"', "back\\slash", "100 %", "%(time)s", "ü 🎉", "' OR ''='")


def test_a_type_is_only_ever_a_value(database: TestDatabase, reports: Reports) -> None:
    """
    Quotes, backslashes, percent signs and emoji in --type select that type and nothing else.
    """
    create_tables(database, ["engagements"])
    fill_engagements(database, [(1_530_000_000_000, kind) for kind in KINDS])
    for kind in KINDS:
        assert reports.rows("daily", "--type", kind) == [(kind, "2018-06-26", "1")]
        (row,) = through_the_client(database, reports.out("sql", "daily", "--type", kind))
        assert row[1:] == ["2018-06-26", "1"]
