"""Every report over a random portal, loaded by the real pipe, equals plain Python."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engagements_report.queries import calendar
from engagements_report.queries.calendar import EPOCH
from engagements_report.queries.reports import REPORTS, SQL_FILES
from engagements_report.queries.statements import SQL
from engagements_report.queries.summaries import SUMMARIES
from hubspot_simulator import contents
from hubspot_simulator import portal as simulated
from hubspot_simulator.server import Simulator
from tests.conftest import TestDatabase
from tests.pipeline import Pipeline
from tests.report import plain, plain_sentences
from tests.report.conftest import Reports
from tests.report.html_page import Page, Write
from tests.report.plain import Options, Portal, Record
from tests.report.tables import create_tables, run, through_the_client

DAY_MS = 86_400_000
QUARTER_MS = 900_000
MARCH_2026_MS = 1_772_323_200_000  # clocks change on the 8th in New York, on the 29th in Berlin
KINDS = (*plain.OWN_WORK, "INCOMING_EMAIL", "INCOMING_EMAIL", "EMAIL", "SMS", "HOLOGRAM_VISIT")
ALL_OPTIONS = (
    Options(date(2026, 3, 1), date(2026, 4, 14)),
    Options(date(2026, 3, 5), date(2026, 3, 12), ZoneInfo("America/New_York"), live=True),
    Options(date(2026, 3, 29), date(2026, 3, 29), ZoneInfo("Europe/Berlin"), time="timestamp"),
    Options(date(2026, 3, 1), date(2026, 4, 30), ZoneInfo("Asia/Kolkata"), owners=(70, 404)),
    Options(date(2026, 3, 1), date(2026, 4, 30), owners=(0, 71)),
    Options(date(2026, 3, 1), date(2026, 4, 30), types=("INCOMING_EMAIL", "CALL"), live=True),
)


def made_up(rng: random.Random, number: int) -> Record:
    """Return a record of March or April 2026, now and then as odd as HubSpot's are."""
    created_ms = MARCH_2026_MS + rng.randrange(45 * DAY_MS)
    # Now and then at a full quarter of an hour, as others are, or a millisecond before it.
    if rng.random() < 0.4:
        created_ms -= created_ms % QUARTER_MS + rng.choice((0, 0, 1))
    kind = rng.choice(KINDS)
    inner = {"id": 10**10 + number, "type": kind, "createdAt": created_ms}
    inner["lastUpdated"] = created_ms
    inner["timestamp"] = created_ms + rng.choice((0, 0, 0, DAY_MS, -DAY_MS))
    if rng.random() < 0.9:
        inner["ownerId"] = rng.choice((0, 70, 71, 404))
    if rng.random() < 0.05:
        inner["timestamp"] = rng.choice((created_ms // 1000, 636418459634654854))
    if rng.random() < 0.03:
        inner["createdAt"] = created_ms // 1000
    if rng.random() < 0.1:
        inner["active"] = False
    metadata = contents.metadata(rng, kind, created_ms)
    if kind == "CALL" and rng.random() < 0.1:
        metadata["disposition"] = rng.choice(("", "no-such-disposition"))
    if kind in plain.EMAILS and rng.random() < 0.1:
        metadata = {"html": f"{plain.REDACTED}. To include it in the response, …"}
    ties = {"contactIds": [rng.randrange(1, 9) for _ in range(rng.choice((0, 1, 1, 2)))]}
    ties["contactIds"] = sorted(set(ties["contactIds"]))
    ties["companyIds"] = [rng.randrange(1, 9)]  # of the same numbers: no contacts all the same
    return {"engagement": inner, "associations": ties, "metadata": metadata}


@pytest.fixture
def loaded_portal(request: pytest.FixtureRequest, database: TestDatabase, tmp_path: Path) -> Portal:
    """A random portal in the database; some records are deleted or have no type."""
    rng = random.Random(request.param)
    portal = simulated.Portal()
    for number in range(600):
        portal.create(made_up(rng, number))
    pipeline = Pipeline(tmp_path, database)
    with Simulator(portal) as simulator:
        pipeline.configure(simulator)
        tap, target = pipeline.run()
    assert (tap.code, target.code) == (0, 0), tap.err + target.err
    records = portal.records()
    deleted_ids = {record["engagement"]["id"] for record in rng.sample(records, 40)}
    for record in rng.sample(records, 9):
        record["engagement"]["type"] = None
        database.query("UPDATE engagements SET type = NULL WHERE id = %s", (record_id(record),))
    for deleted_id in deleted_ids:
        database.query(
            "UPDATE engagements SET _sdc_deleted_at = NOW() WHERE id = %s", (deleted_id,)
        )
    names = {
        int(owner["id"]): f"{owner['firstName']} {owner['lastName']}" for owner in portal.owners
    }
    return Portal(records, frozenset(deleted_ids), names, contents.DISPOSITIONS)


def record_id(record: Record) -> int:
    return int(record["engagement"]["id"])


def as_csv(rows: list[plain.Row]) -> list[tuple[str, ...]]:
    """Return rows as CSV has them: NULL is empty."""
    return [tuple("" if value is None else str(value) for value in row) for row in rows]


def reports_and_options() -> Iterator[tuple[str, Options]]:
    for name in plain.REPORTS:
        for options in ALL_OPTIONS:
            yield name, options


@pytest.mark.parametrize("loaded_portal", [1, 2], indirect=True)
def test_every_report_says_what_plain_python_counts(
    reports: Reports, loaded_portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Every report equals plain Python, for all kinds of options.
    """
    now = EPOCH + timedelta(milliseconds=plain.NOW_MS)
    monkeypatch.setattr(calendar, "utc_now", lambda: now)  # where time is what is meant
    for name, options in reports_and_options():
        rows = as_csv(plain.REPORTS[name](loaded_portal, options))
        assert reports.rows(name, *options.arguments) == rows, (name, options)


@pytest.mark.parametrize("loaded_portal", [3], indirect=True)
def test_without_a_period_all_of_it_counts(reports: Reports, loaded_portal: Portal) -> None:
    """
    Without options a report is about live engagements, on all days that have a plausible time.
    """
    wide = Options(date(1974, 1, 1), date(2026, 12, 31), live=True)
    for name in ("owners", "calls", "meetings", "hours", "first-response"):
        rows = as_csv(plain.REPORTS[name](loaded_portal, wide))
        assert reports.rows(name) == rows, name
    in_kolkata = replace(wide, zone=ZoneInfo("Asia/Kolkata"))
    rows = as_csv(plain.daily(loaded_portal, in_kolkata))
    assert reports.rows("daily", "--tz", "Asia/Kolkata") == rows


def test_deleted_engagements_do_not_count(
    database: TestDatabase, reports: Reports, write: Write
) -> None:
    """
    Live engagements alone count in every report without --rows, but in the seed's daily.sql, which
    says that it counts all; the page says which, and counts as the reports do.
    """
    create_tables(database)
    rows = ", ".join(
        f"({MARCH_2026_MS}, {MARCH_2026_MS}, 'CALL', {active}, {deleted})"
        for active, deleted in (("NULL", "NULL"), (1, "NULL"), (0, "NULL"), (1, "NOW()"))
    )
    columns = "createdAt, `timestamp`, type, active, _sdc_deleted_at"
    database.query(f"INSERT INTO engagements ({columns}) VALUES {rows}")
    for name in REPORTS.keys() - {"daily"}:
        assert reports.rows(name) == reports.rows(name, "--rows", "live"), name
    assert reports.rows("hours")[0][-1] == "2"
    assert reports.rows("daily", "--from", "2026-03-01") == [("CALL", "2026-03-01", "2")]
    assert reports.rows("hours", "--rows", "all")[0][-1] == "4"
    assert reports.rows("daily") == [("CALL", "2026-03-01", "4")]
    assert "daily.sql counts deleted and inactive engagements, too" in run(database, "daily").err
    for options, number, words in (((), 2, "live engagements only"), (("--rows", "all"), 4, "too")):
        page = Page(write("--from", "2026-03-01", "--to", "2026-03-01", *options))
        assert f"{number} engagements, {number}.0 a day." in page.text("daily")
        assert words in page.text("head")


@pytest.mark.parametrize("loaded_portal", [4], indirect=True)
def test_each_file_says_what_the_command_says(
    reports: Reports, loaded_portal: Portal, database: TestDatabase
) -> None:
    """
    A SQL file, run unchanged on any portal, gives the rows of the command without options:
    from the first day with data to the current day, or for averages to the day before.
    """
    now_ms = int(time.time() * 1000)
    times = (now_ms, 2 * now_ms, now_ms // 1000, 10**17)
    values = ", ".join(f"({nth}, {at_ms}, 'CALL')" for nth, at_ms in enumerate(times, 1))
    database.query(f"INSERT INTO engagements (id, createdAt, type) VALUES {values}")
    for name in REPORTS.keys() - SUMMARIES.keys():
        file = SQL_FILES.get(name, name)
        rows = through_the_client(database, (SQL / f"{file}.sql").read_text())
        options = ("--from", "1974-01-01") if name == "daily" else ()
        of_command = reports.rows(name, *options)
        assert [tuple(one.replace("NULL", "") for one in row) for row in rows] == of_command, name


@pytest.mark.parametrize("loaded_portal", [5], indirect=True)
@pytest.mark.parametrize(
    "options",
    [
        Options(date(2026, 3, 2), date(2026, 4, 12), ZoneInfo("America/New_York"), live=True),
        Options(date(2026, 3, 2), date(2026, 3, 30), time="timestamp"),
    ],
)
def test_every_sentence_of_the_page_is_true(
    loaded_portal: Portal, options: Options, write: Write
) -> None:
    """
    Each sentence and figure of the page equals one that is computed from the records by plain code.
    """
    page = Page(write(*options.arguments))
    for name, sentences in plain_sentences.of_reports(loaded_portal, options).items():
        for sentence in sentences:
            assert sentence in page.text(name), name
    for figure in plain_sentences.figures(loaded_portal, options):
        assert figure in page.text("head")
    table = plain.first_response(loaded_portal, options)
    on_page = [row[:2] for row in page.tables["first-response"][1:]]
    assert [(name.strip(), number.strip()) for name, number in on_page] == [
        (row[0], f"{row[1]:,}") for row in table
    ]
    head, *rows = page.tables["people"]
    columns = ("calls", "connected", "e-mails", "meetings held", "tasks done")
    people = {row[0]: [row[head.index(name)] for name in columns] for row in rows}
    assert people == plain_sentences.people(loaded_portal, options)


def test_mails_of_the_last_day_are_too_recent(
    database: TestDatabase, reports: Reports, write: Write
) -> None:
    """
    An e-mail that had less than a day until the last load, answered or not, is in no share.
    """
    create_tables(database)
    ages_h = {1: 23, 2: 1, 3: 25, 4: 30}
    for number, age_h in ages_h.items():
        at_ms = MARCH_2026_MS - age_h * 3_600_000
        database.query(
            "INSERT INTO engagements (id, createdAt, timestamp, type, _sdc_batched_at)"
            " VALUES (%s, %s, %s, 'INCOMING_EMAIL', '2026-03-01')",
            (number, at_ms, at_ms),
        )
        database.query(
            f"INSERT INTO engagement_associations VALUES ({number}, 'contact', {number})"
        )
    for number, of_contact, age_h in ((5, 1, 22), (6, 3, 24)):
        at_ms = MARCH_2026_MS - age_h * 3_600_000
        database.query(
            "INSERT INTO engagements (id, createdAt, timestamp, type) VALUES (%s, %s, %s, 'EMAIL')",
            (number, at_ms, at_ms),
        )
        database.query(
            f"INSERT INTO engagement_associations VALUES ({number}, 'contact', {of_contact})"
        )
    rows = {row[0]: row[1:] for row in reports.rows("first-response")}
    assert rows["1 hour"] == ("1", "0.5000", "0.5000")
    assert rows["no reply"] == ("1", "0.5000", "")
    assert rows["too recent"] == ("2", "", "")
    text = Page(write("--from", "2026-02-22", "--to", "2026-02-28")).text("first-response")
    assert "2 incoming e-mails; 50.0 % answered within a day." in text
    assert "2 e-mails of the last day before the load: too recent to judge." in text


def test_the_limits_of_first_response(database: TestDatabase, reports: Reports) -> None:
    """
    An answer at the end of a span counts in this span; a millisecond later counts in the next.
    """
    create_tables(database, ["engagements", "engagement_associations"])
    mails, ties = [], []
    for nth, most_ms in enumerate([*plain.SPANS.values()][:-1]):
        for late_ms in (0, 1):
            contact = 2 * nth + late_ms
            for kind, at_ms in (("INCOMING_EMAIL", 0), ("EMAIL", most_ms + late_ms)):
                mails.append((len(mails) + 1, MARCH_2026_MS + at_ms, kind))
                ties.append((len(mails), contact))
    values = ", ".join(f"({one}, {at_ms}, {at_ms}, '{kind}')" for one, at_ms, kind in mails)
    database.query(f"INSERT INTO engagements (id, createdAt, timestamp, type) VALUES {values}")
    associations = ", ".join(f"({one}, 'contact', {contact})" for one, contact in ties)
    database.query(f"INSERT INTO engagement_associations VALUES {associations}")
    numbers = {row[0]: row[1] for row in reports.rows("first-response")}
    assert numbers["15 minutes"] == "1"
    assert {numbers[name] for name in [*plain.SPANS][1:-1]} == {"2"}
    assert (numbers["longer"], numbers["no reply"]) == ("1", "0")
