"""Objects that nobody touched, with names where the streams of objects are loaded."""

from __future__ import annotations

import time

from tests.conftest import TestDatabase
from tests.report.conftest import Reports
from tests.report.tables import COLLATED, create_tables, run

DAY_MS = 86_400_000
OBJECTS = f"""\
contacts (id BIGINT PRIMARY KEY, firstname TEXT {COLLATED}, lastname TEXT {COLLATED},
 email TEXT {COLLATED}, _sdc_deleted_at DATETIME(6))
companies (id BIGINT PRIMARY KEY, name TEXT {COLLATED}, domain TEXT {COLLATED})
deals (id BIGINT PRIMARY KEY, dealname TEXT {COLLATED}, dealstage TEXT {COLLATED},
 _sdc_deleted_at DATETIME(6))""".replace("\n ", " ")


def touch(database: TestDatabase, kind: str, object_id: int, days_ago: int) -> None:
    """Add a call with an object, some days and an hour ago."""
    at_ms = int(time.time() * 1000) - days_ago * DAY_MS - 3_600_000
    database.query(f"INSERT INTO engagements (createdAt, type) VALUES ({at_ms}, 'CALL')")
    database.query(
        "INSERT INTO engagement_associations"
        f" SELECT MAX(id), '{kind}', {object_id} FROM engagements"
    )


def fill(database: TestDatabase) -> None:
    """Make the tables, with objects touched or not, closed or deleted."""
    create_tables(database)
    for table in OBJECTS.splitlines():
        database.query(f"CREATE TABLE {table}")
    database.query(
        "INSERT INTO contacts VALUES (1, 'Ada', 'Byron', 'a@x.example', NULL),"
        " (2, '', NULL, 'b@x.example', NULL), (3, 'Gone', 'Long', NULL, NOW())"
    )
    database.query("INSERT INTO companies VALUES (1, 'Nordlicht', NULL), (2, '', 'two.example')")
    database.query(
        "INSERT INTO deals VALUES (1, '100 seats', 'contractsent', NULL),"
        " (2, 'won', 'closedwon', NULL), (3, 'new', NULL, NULL), (4, 'x', NULL, NOW())"
    )
    for kind, object_id, days_ago in (
        *(("contact", 1, 40), ("contact", 1, 50), ("contact", 2, 3), ("contact", 3, 90)),
        *(("company", 1, 60), ("deal", 1, 31), ("deal", 2, 80), ("deal", 4, 80), ("deal", 9, 70)),
    ):
        touch(database, kind, object_id, days_ago)


def test_objects_have_names(database: TestDatabase, reports: Reports) -> None:
    """
    Each touched object has its name, those with most engagements first; --object chooses a type.
    """
    fill(database)
    rows = [(*row[:4], row[-1]) for row in reports.rows("touches")]
    assert rows[0] == ("contact", "1", "Ada Byron", "2", "40")
    assert ("contact", "2", "b@x.example", "1", "3") in rows
    assert ("company", "1", "Nordlicht", "1", "60") in rows
    assert {row[:2] for row in reports.rows("touches", "--object", "deal")} == {
        ("deal", "1"), ("deal", "2"), ("deal", "4"), ("deal", "9"),
    }  # fmt: skip


def test_untouched_objects(database: TestDatabase, reports: Reports) -> None:
    """
    --untouched-for shows the objects without a touch in so many days, never touched ones first,
    then the longest untouched; closed deals and deleted objects are left out.
    """
    fill(database)
    rows = [
        (row[0], row[2], row[3], row[-1]) for row in reports.rows("touches", "--untouched-for", 30)
    ]
    assert rows == [
        ("company", "two.example", "0", ""),
        ("deal", "new", "0", ""),
        ("company", "Nordlicht", "1", "60"),
        ("contact", "Ada Byron", "2", "40"),
        ("deal", "100 seats", "1", "31"),
    ]
    days = reports.rows("touches", "--untouched-for", 31, "--object", "deal")
    assert [row[2] for row in days] == ["new", "100 seats"]
    all_touched = run(database, "touches", "--untouched-for", "90", "--object", "contact")
    assert (all_touched.code, all_touched.out) == (0, "")
    assert "every contact was touched in the last 90 days" in all_touched.err
    assert "no open tasks (UTC)" in run(database, "tasks").err
    assert reports.rows("touches", "--untouched-for", 32, "--object", "deal")[1:] == []


def test_without_the_tables_of_objects(database: TestDatabase) -> None:
    """
    Without the streams of objects ids stand for names, and lines name the streams to select; days
    beside --untouched-for are an error.
    """
    create_tables(database)
    touch(database, "deal", 7, 70)
    done = run(database, "touches", "--untouched-for", "30", "--format", "csv")
    assert done.out.splitlines()[1].startswith("deal,7,,1,1,0,0,")
    assert done.err.count("is not loaded: select that stream") == 3
    wrong = run(database, "touches", "--untouched-for", "30", "--period", "last-week")
    assert (wrong.code, wrong.out) == (2, "")
    assert "leave out --period, --from, --to" in wrong.err
