"""Streams and fields that were not selected, and indexes that are not there."""

from __future__ import annotations

import pytest

from engagements_report import cli, commands
from tests.conftest import TestDatabase, run_program
from tests.report import june_2018
from tests.report.conftest import Reports
from tests.report.tables import TABLES, create_tables, fill_engagements, run


@pytest.mark.parametrize(
    ("report", "missing", "message"),
    [
        ("calls", "engagement_calls", "select the stream engagement_calls"),
        ("meetings", "engagement_meetings", "select the stream engagement_meetings"),
        ("owners", "engagement_tasks", "select the stream engagement_tasks"),
        ("first-response", "engagement_associations", "the stream engagement_associations"),
        ("hours", "engagements", "load it first"),
    ],
)
def test_a_stream_that_a_report_needs(
    database: TestDatabase, report: str, missing: str, message: str
) -> None:
    """
    Without a stream a report ends with 1, and a line names the stream to select.
    """
    create_tables(database, TABLES.keys() - {missing})
    done = run(database, report)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert message in done.err


@pytest.mark.parametrize(
    ("report", "table", "column"),
    [
        ("calls", "engagement_calls", "durationMilliseconds"),
        ("owners", "engagements", "ownerId"),
        ("hours", "engagements", "createdAt"),
        ("meetings", "engagement_meetings", "endTime"),
    ],
)
def test_a_field_that_a_report_needs(
    database: TestDatabase, report: str, table: str, column: str
) -> None:
    """
    Without a required field a report names field and stream.
    """
    create_tables(database)
    database.query(f"ALTER TABLE {table} DROP COLUMN {column}")
    done = run(database, report)
    assert (done.code, done.out) == (1, "")
    assert f"select the field {column} of {table} in the tap's catalog" in done.err


def test_a_deleted_row_can_only_be_told_by_its_column(database: TestDatabase) -> None:
    """
    --rows live needs _sdc_deleted_at, which target-mysql adds; without --rows a line says what is
    counted, and --rows all does not need it.
    """
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    database.query("ALTER TABLE engagements DROP COLUMN _sdc_deleted_at")
    by_default = run(database, "hours")
    assert by_default.code == 0
    assert "engagements lacks _sdc_deleted_at: deleted engagements count" in by_default.err
    assert run(database, "hours", "--rows", "all").err == ""
    done = run(database, "hours", "--rows", "live")
    assert done.code == 1
    assert "add_metadata_columns" in done.err


def test_names_of_owners_and_dispositions_can_be_done_without(database: TestDatabase) -> None:
    """
    Without the streams of names, ids stand for names, and a line names the streams to select.
    """
    create_tables(database, TABLES.keys() - {"owners", "call_dispositions"})
    database.query(
        "INSERT INTO engagements (id, createdAt, type, ownerId)"
        " VALUES (1, 1530000000000, 'CALL', 7)"
    )
    database.query("INSERT INTO engagement_calls VALUES (1, 'some-id', 60000)")
    owners = run(database, "owners", "--format", "csv")
    assert "7,owner 7,1,1,0,0,0,0,1.0,0\n" in owners.out
    assert "owners is not loaded: select that stream in the tap's catalog" in owners.err
    calls = run(database, "calls", "--format", "csv")
    assert "some-id,1,0,0.0000,1.0,1.00\n" in calls.out
    assert "call_dispositions is not loaded: select that stream" in calls.err


def test_a_check_without_its_table_is_not_made(database: TestDatabase, reports: Reports) -> None:
    """
    A check without a table or field is neither wrong nor right.
    """
    create_tables(database, TABLES.keys() - {"owners", "engagement_notes"})
    database.query("ALTER TABLE engagement_emails DROP COLUMN html")
    database.query("ALTER TABLE engagements DROP COLUMN _sdc_batched_at")
    fill_engagements(database, june_2018.rows())
    states = {row[0]: row[-1] for row in reports.rows("quality")}
    missing_checks = {what for what, state in states.items() if state == "not checked"}
    assert missing_checks == {
        "owner who is not in owners",
        "note without details",
        "e-mail without details",
        "e-mail whose text HubSpot holds back",
        "hours since the last load",
    }
    assert states["task without details"] == "wrong"
    message = run(database, "quality").err
    assert "engagement_emails lacks html: select that field" in message
    assert "engagement_notes is not loaded" in message
    assert "engagements lacks _sdc_batched_at" in message


def test_missing_indexes_are_made_once(database: TestDatabase) -> None:
    """
    `index` creates the missing indexes and logs them; a second run has nothing to do.
    """
    create_tables(database, TABLES.keys() - {"engagement_associations"})
    first = run(database, "index", "--time", "timestamp")
    assert first.code == 0, first.err
    assert "CREATE INDEX report_timestamp ON engagements (timestamp)" in first.err
    create_tables(database, ["engagement_associations"])
    both = run(database, "index")
    assert both.err.count("CREATE INDEX") == 2
    assert "every index that makes the reports fast exists" in run(database, "index").err
    indexes = database.query("SHOW INDEX FROM engagements")
    assert {row[2] for row in indexes} == {
        *("PRIMARY", "report_createdAt", "report_timestamp", "report__sdc_batched_at")
    }


def test_a_slow_report_names_the_index_that_it_lacks(
    database: TestDatabase,
    reports: Reports,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    A report that takes long says which index to make, as long as there is none.
    """
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    monkeypatch.setattr(commands, "SLOW_S", 0.0)  # where time is what is meant
    for num_indexes in (3, 0):
        code = cli.run(cli.parse(["first-response", "--format", "csv"]))
        message = capsys.readouterr().err
        assert (code, message.count("`engagements-report index` creates it")) == (0, num_indexes)
        reports.out("index")


def test_who_may_only_read_can_report(database: TestDatabase) -> None:
    """
    A user with the right to SELECT, and none other, gets every report, and is told about indexes.
    """
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    database.query("CREATE USER reader@'%' IDENTIFIED BY 'secret'")
    database.query(f"GRANT SELECT ON `{database.name}`.* TO reader@'%'")
    reader = {"TARGET_MYSQL_USER": "reader", "TARGET_MYSQL_PASSWORD": "secret"}
    environment = {**database.environment, **reader}
    for report in ("rolling", "quality"):
        assert run_program("engagements-report", report, environment=environment).code == 0
    without_right = run_program("engagements-report", "index", environment=environment)
    assert without_right.code == 1
    assert "INDEX command denied" in without_right.err
    database.query("DROP USER reader@'%'")
