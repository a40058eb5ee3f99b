"""`engagements-report views`: what the views show, what they leave out, and who may make them."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pymysql
import pytest

from engagements_report import cli
from engagements_report.queries import retries
from engagements_report.views.definitions import FIRST_MS, LAST_MS, VIEWS
from engagements_report.views.statements import all_columns
from hubspot_simulator import contents
from hubspot_simulator import portal as simulated
from hubspot_simulator.server import Simulator
from tests.conftest import TestDatabase
from tests.pipeline import Pipeline
from tests.report.conftest import Reports
from tests.report.loaded_tables import SCHEMAS, create_loaded_tables
from tests.report.tables import through_the_client
from tests.report.test_every_report import made_up, record_id
from tests.servers import FAMILY
from tests.target.feeding import until
from tests.test_readme import code_spans, sections, table_rows

# DATETIME has no time zone; the views are in UTC.
EPOCH = datetime.fromisoformat("1970-01-01")
YEAR_1990 = datetime.fromisoformat("1990-01-01")
TICKS = 636418459634654854
TYPES_BY_VIEW = {
    "bi_calls": {"CALL"},
    "bi_emails": {"EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL"},
    "bi_meetings": {"MEETING"},
    "bi_notes": {"NOTE"},
    "bi_tasks": {"TASK"},
}
VIEW_OF_STREAM = {
    **{name.replace("bi_", "engagement_"): name for name in TYPES_BY_VIEW},
    **{f"engagement_{name}": f"bi_{name}" for name in ("associations", "attachments")},
    "engagement_other": "bi_other_engagements",
    "engagement_email_recipients": "bi_email_recipients",
    **{name: f"bi_{name}" for name in ("owners", "call_dispositions")},
}
# Properties that no view shows: JSON with a table of its own, or of no use in a chart.
NOT_SHOWN = {
    "engagements": {
        *("bodyPreviewHtml", "bodyPreviewIsTruncated", "allAccessibleTeamIds"),
        *("queueMembershipIds", "scheduledTasks", "attachments", "associations", "metadata"),
        "extra",
    },
    "engagement_other": {"type"},
    "owners": {"createdAt", "updatedAt", "teams", "extra"},
    "call_dispositions": {"extra"},
}

Row = dict[str, Any]
Views = Callable[..., tuple[int, str, str]]


@pytest.fixture
def views(reports: Reports) -> Views:
    """Run `engagements-report views` with these arguments; returns exit code, stdout, stderr."""

    def views(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(cli.parse(["views", *arguments]))
        return (code, *reports.output.readouterr())

    return views


def rows(database: TestDatabase, view: str, time_zone: str = "+00:00") -> list[Row]:
    """Return a view's rows, read in a session of this time zone."""
    connection = database.connect(database=database.name, cursorclass=pymysql.cursors.DictCursor)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SET time_zone = '{time_zone}'")
        cursor.execute(f"SELECT * FROM `{view}`")
        return [dict(row) for row in cursor.fetchall()]


def view_names(database: TestDatabase) -> set[str]:
    return {name for name, kind in database.query("SHOW FULL TABLES") if kind == "VIEW"}


@contextlib.contextmanager
def account(database: TestDatabase, user: str, rights: str) -> Iterator[None]:
    """A user with these rights on the test's database, while the context lasts."""
    database.query(f"CREATE USER {user}@'%' IDENTIFIED {FAMILY.passwords[0]}")
    database.query(f"GRANT {rights} ON `{database.name}`.* TO {user}@'%'")
    try:
        yield
    finally:
        database.query(f"DROP USER {user}@'%'")


def log_in(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    """Let the program log in as this user."""
    monkeypatch.setenv("TARGET_MYSQL_USER", user)
    monkeypatch.setenv("TARGET_MYSQL_PASSWORD", "s3cr3t")


def to_datetime(at_ms: int | None) -> datetime | None:
    if at_ms is None or not FIRST_MS <= at_ms <= LAST_MS:
        return None
    return EPOCH + timedelta(milliseconds=at_ms)


@pytest.fixture
def portal(database: TestDatabase, tmp_path: Path) -> Iterator[tuple[simulated.Portal, Pipeline]]:
    """A random portal, loaded by tap and target, and the pipe to load its changes."""
    rng = random.Random(5)
    portal = simulated.Portal()
    for number in range(300):
        portal.create(made_up(rng, number))
    pipeline = Pipeline(tmp_path, database)
    with Simulator(portal) as simulator:
        pipeline.configure(simulator)
        load(pipeline)
        yield portal, pipeline


def load(pipeline: Pipeline) -> None:
    tap, target = pipeline.run()
    assert (tap.code, target.code) == (0, 0), tap.err + target.err


def test_every_row_is_as_hubspot_has_it(
    database: TestDatabase, portal: tuple[simulated.Portal, Pipeline], views: Views
) -> None:
    """
    The views show every engagement, with its times in UTC, owner, type and details, whatever the
    reader's time zone. Each engagement is in the view of its type, and in no other; those without a
    type are among the other ones.
    """
    loaded, _ = portal
    untyped, *_ = loaded.records()
    untyped["engagement"]["type"] = None
    database.query("UPDATE engagements SET type = NULL WHERE id = %s", (record_id(untyped),))
    code, out, err = views()
    assert (code, out, err.count("\n")) == (0, "", 1), err
    records = {record_id(record): record for record in [*loaded.records(), untyped]}
    names = {int(one["id"]): f"{one['firstName']} {one['lastName']}" for one in loaded.owners}
    engagements = {row["engagement_id"]: row for row in rows(database, "bi_engagements", "+05:00")}
    assert engagements.keys() == records.keys()
    for key, record in records.items():
        inner, row = record["engagement"], engagements[key]
        for column, name in (
            ("created_at", "createdAt"),
            ("occurred_at", "timestamp"),
            ("last_updated_at", "lastUpdated"),
        ):
            assert row[column] == to_datetime(inner.get(name)), (key, column)
        owner_id = inner.get("ownerId") or None
        assert row["owner_id"] == owner_id
        assert row["owner_name"] == (names.get(owner_id, f"owner {owner_id}") if owner_id else None)
        assert (row["type"], bool(row["is_deleted"])) == (
            inner["type"],
            not inner.get("active", True),
        )
    assert TICKS in {record["engagement"]["timestamp"] for record in records.values()}

    ids_by_view = {
        view: [row["engagement_id"] for row in rows(database, view)] for view in TYPES_BY_VIEW
    }
    for view, types in TYPES_BY_VIEW.items():
        of_types = [key for key, record in records.items() if record["engagement"]["type"] in types]
        assert sorted(ids_by_view[view]) == sorted(of_types) != [], view
    others = {row["engagement_id"] for row in rows(database, "bi_other_engagements")}
    assert others == records.keys() - {key for ids in ids_by_view.values() for key in ids} != set()


def test_details_and_associations(
    database: TestDatabase, portal: tuple[simulated.Portal, Pipeline], views: Views
) -> None:
    """
    A type's view has its metadata, a call the label of its outcome; associations are as HubSpot's.
    """
    loaded, _ = portal
    assert views()[0] == 0
    records = {record_id(record): record for record in loaded.records()}
    calls, meetings, tasks = (
        {row["engagement_id"]: row for row in rows(database, view)}
        for view in ("bi_calls", "bi_meetings", "bi_tasks")
    )
    for key, row in calls.items():
        metadata = records[key]["metadata"]
        assert row["duration_ms"] == metadata.get("durationMilliseconds")
        assert row["disposition_label"] == contents.DISPOSITIONS.get(metadata.get("disposition"))
    for key, row in meetings.items():
        metadata = records[key]["metadata"]
        assert row["starts_at"] == to_datetime(metadata.get("startTime"))
        assert row["outcome"] == metadata.get("meetingOutcome")
    for key, row in tasks.items():
        metadata = records[key]["metadata"]
        assert row["completed_at"] == to_datetime(metadata.get("completionDate"))
        assert (row["subject"], row["status"]) == (metadata.get("subject"), metadata.get("status"))
    assert any(row["disposition_label"] for row in calls.values())
    associations = Counter(
        (row["engagement_id"], row["object_type"], row["object_id"])
        for row in rows(database, "bi_associations")
    )
    contacts = {
        (key, "contact", contact)
        for key, record in records.items()
        for contact in record["associations"]["contactIds"]
    }
    assert {one for one in associations if one[1] == "contact"} == contacts
    assert set(associations.values()) == {1}


def test_a_load_goes_on_below_the_views(
    database: TestDatabase,
    portal: tuple[simulated.Portal, Pipeline],
    views: Views,
    reports: Reports,
) -> None:
    """
    Later loads, which may change columns, are seen in the views; what is not deleted is what
    reports call live.
    """
    loaded, pipeline = portal
    assert views()[0] == 0
    first, *_ = loaded.records()
    loaded.delete(record_id(first))
    loaded.create({"engagement": {"type": "NOTE"}, "metadata": {"body": "🎉 " * 40_000}})
    load(pipeline)
    database.query(
        "UPDATE engagements SET _sdc_deleted_at = NOW() WHERE id = %s", (record_id(first),)
    )
    live = [row for row in rows(database, "bi_engagements") if not row["is_deleted"]]
    assert record_id(first) not in {row["engagement_id"] for row in live}
    days = reports.rows("daily", "--rows", "live", "--from", "1990-01-01")
    assert sum(int(count) for *_, count in days) == sum(
        row["created_at"] > YEAR_1990 for row in live
    )
    assert max(len(row["body"] or "") for row in rows(database, "bi_notes")) == 80_000


@pytest.mark.parametrize("column_type", ["BIGINT", "DECIMAL(65,0)", "DOUBLE"])
def test_absurd_times_are_null(database: TestDatabase, views: Views, column_type: str) -> None:
    """
    A time that no DATETIME holds is NULL; neither a SELECT nor a copy in strict mode fails.
    """
    create_loaded_tables(database)
    database.query(f"ALTER TABLE engagements MODIFY createdAt {column_type}")
    times_ms = [
        *(None, 0, -1, 1_530_000_000_123, 2**31 * 1000, 2**62, -(2**63), 2**63 - 1, TICKS),
        *(FIRST_MS, FIRST_MS - 1, LAST_MS, LAST_MS + 1),
    ]
    if column_type != "BIGINT":
        times_ms.append(10**25)
    for number, at_ms in enumerate(times_ms):
        database.query("INSERT INTO engagements (id, createdAt) VALUES (%s, %s)", (number, at_ms))
    assert views()[0] == 0
    by_id = {row["engagement_id"]: row for row in rows(database, "bi_engagements")}
    assert [by_id[number]["created_at"] for number in range(len(times_ms))] == [
        to_datetime(at_ms) for at_ms in times_ms
    ]
    connection = database.connect(database=database.name)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'STRICT_ALL_TABLES'")
        cursor.execute("CREATE TABLE copied AS SELECT * FROM bi_engagements")
        assert cursor.rowcount == len(times_ms)


def test_times_are_datetimes(database: TestDatabase, views: Views) -> None:
    """
    Columns of times are DATETIME, ids and flags integers, for BI tools to tell from the schema.
    """
    create_loaded_tables(database)
    assert views()[0] == 0
    types = {
        (view, column): kind
        for view, column, kind in database.query(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name LIKE 'bi\\_%%'",
            (),
        )
    }
    for (view, column), kind in types.items():
        if column.endswith("_at"):
            assert kind == "datetime", (view, column)
        if column in ("engagement_id", "owner_id"):
            assert kind == "bigint", (view, column)
        if column == "is_deleted":
            assert kind.endswith("int"), (view, column)
    assert {(f"bi_{view.name}", name) for view in VIEWS for name in all_columns(view)} == set(types)


def test_every_property_of_the_streams_is_in_a_view() -> None:
    """
    The views show all that the tap loads, except for the properties that are left out on purpose.
    """
    shown: dict[str, set[str]] = {}
    for view in VIEWS:
        aliases = {table.alias: table.name for table in view.tables}
        for column in view.columns:
            for alias, name in (read.split(".") for read in column.reads):
                shown.setdefault(aliases[alias], set()).add(name)
    for stream, properties in SCHEMAS.items():
        # The key of a type's details is that of its engagement.
        missing = properties.keys() - shown[stream] - {"engagementId"}
        assert missing == NOT_SHOWN.get(stream, set()), stream


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (("Ada", "Lovelace", "ada@x"), "Ada Lovelace"),
        (("", "Lovelace", "ada@x"), "Lovelace"),
        ((None, None, "ada@x"), "ada@x"),
        (("", " ", ""), "owner 7"),
        (None, "owner 7"),
    ],
)
def test_owner_names(
    database: TestDatabase, views: Views, owner: tuple[str | None, ...] | None, name: str
) -> None:
    """
    An owner is shown by name, else by e-mail address, else by id.
    """
    create_loaded_tables(database)
    database.query("INSERT INTO engagements (id, type, ownerId) VALUES (1, 'CALL', 7)")
    database.query("INSERT INTO engagements (id, type, ownerId) VALUES (2, 'CALL', 0)")
    if owner:
        database.query(
            "INSERT INTO owners (id, firstName, lastName, email) VALUES (7, %s, %s, %s)", owner
        )
    assert views()[0] == 0
    for view in ("bi_engagements", "bi_calls"):
        names = {row["engagement_id"]: row["owner_name"] for row in rows(database, view)}
        assert names == {1: name, 2: None}


@pytest.mark.parametrize("stream", SCHEMAS.keys() - {"engagements"})
def test_a_stream_that_is_not_loaded(database: TestDatabase, views: Views, stream: str) -> None:
    """
    Without a table its view or columns are left out, with one line; the other views work.
    """
    create_loaded_tables(database, but=[stream])
    code, _, err = views()
    assert (code, err.count("\n")) == (0, 2), err
    assert f"{stream} is not loaded: " in err
    assert "select that stream in the tap's catalog" in err
    missing = {f"bi_{view.name}" for view in VIEWS} - view_names(database)
    assert missing == {VIEW_OF_STREAM[stream]}
    for view in view_names(database):
        assert rows(database, view) == []
    if stream == "owners":
        assert "owner_name" not in database.query("SHOW CREATE VIEW bi_calls")[0][1]


def test_fields_that_are_not_selected(database: TestDatabase, views: Views) -> None:
    """
    Without a field its column is left out, with one line a table; without the type no type's view
    can be.
    """
    create_loaded_tables(database)
    for table, columns in (
        ("engagement_calls", ("title", "body")),
        ("engagements", ("active", "_sdc_batched_at")),
    ):
        for column in columns:
            database.query(f"ALTER TABLE {table} DROP COLUMN {column}")
    code, _, err = views()
    assert (code, err.count("\n")) == (0, 3), err
    assert "engagement_calls lacks title, body: title, body left out: select" in err
    assert "engagements lacks active, _sdc_batched_at: part of is_deleted, is_active" in err
    database.query("INSERT INTO engagements (id, type, _sdc_deleted_at) VALUES (1, 'CALL', NOW())")
    (call,) = rows(database, "bi_calls")
    assert call["is_deleted"] == 1
    assert not call.keys() & {"title", "body", "is_active", "loaded_at"}

    database.query("ALTER TABLE engagements DROP COLUMN type")
    code, _, err = views()
    assert code == 0
    assert "dropped bi_calls, bi_emails, bi_meetings, bi_notes, bi_tasks, bi_other" in err
    assert "bi_engagements" in view_names(database)


def test_without_engagements(database: TestDatabase, views: Views) -> None:
    """
    In a database without engagements nothing is made; a line says to load first.
    """
    create_loaded_tables(database, but=["engagements"])
    code, out, err = views()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "engagements is not loaded: load it first" in err
    assert view_names(database) == set()


def test_a_table_that_is_dropped_takes_its_view_along(database: TestDatabase, views: Views) -> None:
    """
    The next run drops a view whose table is gone: it could only fail, and a dump with it.
    """
    create_loaded_tables(database)
    assert views()[0] == 0
    database.query("DROP TABLE engagement_calls")
    code, _, err = views()
    assert code == 0
    assert "dropped bi_calls\n" in err
    assert "bi_calls" not in view_names(database)


def test_print_changes_nothing(database: TestDatabase, views: Views) -> None:
    """
    --print gives SQL that the mysql client runs, with the same result as the command's own.
    """
    create_loaded_tables(database)
    code, sql, err = views("--print")
    assert (code, err, view_names(database)) == (0, "", set())
    through_the_client(database, sql)
    made = {name: database.query(f"SHOW CREATE VIEW {name}")[0][1] for name in view_names(database)}
    assert len(made) == len(VIEWS)
    assert views()[0] == 0
    for name, statement in made.items():
        assert database.query(f"SHOW CREATE VIEW {name}")[0][1] == statement
    code, sql, _ = views("--drop", "--print")
    assert (code, len(view_names(database))) == (0, len(VIEWS))
    through_the_client(database, sql)
    assert view_names(database) == set()


def test_prefixes_and_drop(database: TestDatabase, views: Views) -> None:
    """
    --prefix names other views; --drop drops those of its prefix, and nothing else.
    """
    create_loaded_tables(database)
    assert views()[0] == views("--prefix", "crm_")[0] == views()[0] == 0
    database.query("CREATE VIEW bi_of_mine AS SELECT 1 AS x")
    code, _, err = views("--drop")
    assert (code, err.count("\n")) == (0, 1)
    assert "dropped bi_engagements, bi_calls" in err
    assert view_names(database) == {"bi_of_mine", *(f"crm_{view.name}" for view in VIEWS)}
    code, _, err = views("--drop")
    assert (code, "there are no views whose names begin with bi_" in err) == (0, True)
    assert len(database.query("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")) == len(SCHEMAS)


@pytest.mark.parametrize("prefix", ["", "1", "a-b", "a`b", "BI_", "ü_", "a" * 41, "a;--"])
def test_prefixes_that_are_none(
    views: Views, capsys: pytest.CaptureFixture[str], prefix: str
) -> None:
    """
    A prefix that would need quotes on some server is refused.
    """
    with pytest.raises(SystemExit) as ended:
        views("--prefix", prefix)
    assert ended.value.code == 2
    assert "argument --prefix: " in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("--drop",), ("--print",)])
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE VIEW bi_calls AS SELECT 1 AS mine", "bi_calls is a view with a column mine"),
        ("CREATE TABLE bi_calls (engagement_id BIGINT)", "bi_calls is a table"),
    ],
)
def test_what_others_have_made_stays(
    database: TestDatabase, views: Views, arguments: tuple[str, ...], statement: str, message: str
) -> None:
    """
    A table, or a view of other columns, that has the name of a view is neither replaced nor
    dropped, and nothing else is changed.
    """
    create_loaded_tables(database)
    database.query(statement)
    before = database.query("SHOW FULL TABLES")
    code, _, err = views(*arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err and "choose another --prefix" in err
    assert database.query("SHOW FULL TABLES") == before


@pytest.mark.parametrize(
    ("rights", "missing"),
    [
        ("SELECT, DROP", "CREATE VIEW"),
        ("SELECT, CREATE VIEW", "DROP"),
        ("CREATE VIEW, DROP", "SELECT"),
        ("SELECT, CREATE VIEW, DROP", ""),
    ],
)
def test_a_missing_right_is_named(
    database: TestDatabase, views: Views, monkeypatch: pytest.MonkeyPatch, rights: str, missing: str
) -> None:
    """
    Without a right that views need, the run ends with 1, and a line names the right.
    """
    create_loaded_tables(database)
    with account(database, "maker", rights):
        log_in(monkeypatch, "maker")
        code, _, err = views()
    assert (code, err.count("\n")) == (1 if missing else 0, 1), err
    if missing:
        assert f"the right {missing}" in err, err
    else:
        assert view_names(database) == {f"bi_{view.name}" for view in VIEWS}


def test_who_may_read_the_tables_may_read_the_views(
    database: TestDatabase, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A reader with SELECT sees the views, also once the account that made them is gone.
    """
    create_loaded_tables(database)
    database.query("INSERT INTO engagements (id, type) VALUES (1, 'CALL')")
    with account(database, "maker", "SELECT, CREATE VIEW, DROP"):
        log_in(monkeypatch, "maker")
        assert views()[0] == 0
    with account(database, "reader", "SELECT"):
        connection = pymysql.connect(
            host="127.0.0.1",
            port=database.server.port,
            user="reader",
            password="s3cr3t",
            database=database.name,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT engagement_id FROM bi_calls")
            assert cursor.fetchall() == ((1,),)


@pytest.mark.skipif(not FAMILY.locks_tables, reason="this server does not lock tables")
def test_a_view_that_is_being_read(
    database: TestDatabase, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A view that a transaction uses is replaced when that has ended; meanwhile a line names it.
    """
    create_loaded_tables(database)
    assert views()[0] == 0
    monkeypatch.setattr(retries, "RETRY_WAIT_S", 0.1)
    messages: list[str] = []
    monkeypatch.setattr("engagements_report.commands.log", messages.append)
    reader = database.connect(database=database.name)
    codes: list[int] = []
    with reader, reader.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT COUNT(*) FROM bi_engagements")
        making = threading.Thread(target=lambda: codes.append(cli.run(cli.parse(["views"]))))
        making.start()
        try:
            until(lambda: messages)
        finally:
            cursor.execute("COMMIT")
            making.join()
    assert codes == [0]
    assert "cannot change bi_engagements while others use it: waiting for connection" in messages[0]


def test_the_documented_columns() -> None:
    """
    docs/reports.md has each view with what a row is, and each column, in order.
    """
    rows = table_rows(sections("docs/reports.md")["Views for BI tools"])
    header = list(all_columns(VIEWS[0]))
    assert [(name.strip("`"), meaning) for name, meaning, _ in rows] == [
        (f"bi_{view.name}", view.meaning) for view in VIEWS
    ]
    for view, (_, _, columns) in zip(VIEWS, rows, strict=True):
        names = code_spans(columns)
        if names[0] == "bi_engagements":
            names[:1] = header
        assert names == list(all_columns(view)), view.name


def test_a_table_that_this_user_may_not_read(
    database: TestDatabase, views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A table that only others may read is named with the right to grant, and its view is kept. Where
    the server shows such a table, the view is an error that names the right.
    """
    create_loaded_tables(database)
    assert views()[0] == 0
    with account(database, "maker", "CREATE VIEW, DROP"):
        for stream in SCHEMAS.keys() - {"engagement_notes"}:
            database.query(f"GRANT SELECT ON `{database.name}`.{stream} TO maker@'%'")
        log_in(monkeypatch, "maker")
        code, _, err = views()
    if not FAMILY.hides_tables:
        assert (code, "the right SELECT" in err) == (1, True), err
        return
    assert code == 0, err
    assert "this user may not read engagement_notes: bi_notes left out: grant it the right" in err
    assert "dropped" not in err
    assert rows(database, "bi_notes") == []
