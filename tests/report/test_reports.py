"""The reports over a real server equal plain Python and the golden tables."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engagements_report import cli, output_formats
from engagements_report.config import read_config
from engagements_report.exceptions import DatabaseError
from engagements_report.queries.database import Database, Rows
from engagements_report.queries.statements import SqlText
from tests.conftest import PROGRAMS, SHARED, TestDatabase, clean_environment, run_program
from tests.report import june_2018
from tests.report.conftest import Reports
from tests.report.june_2018 import GOLDEN, Row
from tests.report.tables import create_tables, fill_engagements, report, run
from tests.servers import FAMILY

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo")
SHARED_GOLDEN = SHARED / "golden"
needs_shared = pytest.mark.skipif(not SHARED_GOLDEN.is_dir(), reason="no shared goldens here")


def fill(database: TestDatabase, rows: Iterable[Row]) -> None:
    create_tables(database, ["engagements"])
    fill_engagements(database, rows)


def test_goldens_are_what_plain_python_says() -> None:
    """
    The committed goldens are computed, not recorded.
    """
    assert {path.name: path.read_text() for path in GOLDEN.iterdir()} == june_2018.goldens()


def test_the_known_portal(database: TestDatabase) -> None:
    """
    Daily and rolling over the 64 rows equal the goldens, line for line.
    """
    fill(database, june_2018.rows())
    assert report(database, "daily") == (GOLDEN / "daily.csv").read_text()
    assert report(database, "rolling") == (GOLDEN / "rolling.csv").read_text()
    assert "TASK,2018-07-13,4,15,14,1.0714,1.0714\n" in report(database, "rolling")
    wider = report(database, "rolling", "--from", "2018-06-14", "--to", "2018-07-14")
    assert wider == (GOLDEN / "rolling_covered_0614_0714.csv").read_text()


@needs_shared
def test_shared_goldens() -> None:
    """
    Our goldens equal those that were computed apart from this project.
    """
    for ours, theirs in (
        ("daily.csv", "seed_daily_counts.csv"),
        ("rolling.csv", "rolling_14d_expected.csv"),
        ("rolling_covered_0614_0714.csv", "rolling_14d_coverage_0614_0714_expected.csv"),
    ):
        assert june_2018.read_csv(GOLDEN / ours) == june_2018.read_csv(SHARED_GOLDEN / theirs)


EDGE_OPTIONS = {
    "all": ("--rows", "all"),
    "live": ("--rows", "live"),
    "live_by_timestamp": ("--rows", "live", "--time", "timestamp"),
}


@needs_shared
@pytest.mark.parametrize("variant", EDGE_OPTIONS)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_limits_of_days(database: TestDatabase, reports: Reports, zone: str, variant: str) -> None:
    """
    Rows at the limits of days, by zone, daylight saving and millisecond, fall on the right day;
    inactive and deleted rows only with --rows all.
    """
    create_tables(database, ["engagements"])
    names = ("id", "active", "createdAt", "timestamp", "ownerId", "type", "_sdc_deleted_at")
    rows = june_2018.read_csv(SHARED_GOLDEN / "edge_fixture.csv")
    marks = ", ".join([f"({', '.join(['%s'] * len(names))})"] * len(rows))
    columns = ", ".join(f"`{name}`" for name in names)
    database.query(
        f"INSERT INTO engagements ({columns}) VALUES {marks}",
        [row[name] or None for row in rows for name in names],
    )
    golden_rows = [
        f"{row['type']},{row['day']},{row['num_engagements']}"
        for row in june_2018.read_csv(SHARED_GOLDEN / "edge_daily_expected.csv")
        if (row["variant"], row["tz"]) == (variant, zone)
    ]
    assert golden_rows
    days = ("--from", "2000-01-01", "--to", "2100-01-01", *EDGE_OPTIONS[variant])
    assert reports.csv("daily", "--tz", zone, *days).splitlines()[1:] == golden_rows


@needs_shared
def test_all_types_together(database: TestDatabase) -> None:
    """
    With --total the rolling report has a line for each day, of all types.
    """
    fill(database, june_2018.rows())
    golden = SHARED_GOLDEN / "rolling_14d_total_expected.csv"
    assert report(database, "rolling", "--total") == golden.read_text().replace("\r\n", "\n")


MOMENTS = st.one_of(
    st.none(),
    st.integers(1_500_000_000_000, 1_560_000_000_000),
    # Around the changes of clocks in New York, and the day that Samoa never had.
    st.integers(-7_200_000, 7_200_000).map(lambda ms: 1_541_309_400_000 + ms),
    st.integers(-7_200_000, 7_200_000).map(lambda ms: 1_552_201_200_000 + ms),
    st.integers(-90_000_000, 90_000_000).map(lambda ms: 1_325_239_200_000 + ms),
)
KINDS = st.sampled_from(["NOTE", "note", "TASK", "SMS 🎉", None])


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(st.tuples(MOMENTS, KINDS), max_size=40), zone=st.sampled_from(ZONES))
def test_any_rows_in_any_zone(
    database: TestDatabase, reports: Reports, rows: list[Row], zone: str
) -> None:
    """
    For any rows and zone, both reports equal plain Python.
    """
    fill(database, rows)
    first, last = date(2018, 3, 1), date(2019, 4, 1)
    place = ZoneInfo(zone)
    arguments = ("--tz", zone, "--from", first, "--to", last)
    table = june_2018.daily(rows, place, first, last)
    assert reports.csv("daily", *arguments) == june_2018.to_csv(june_2018.DAILY_HEAD, table)
    # Without a row there is no first day covered; with one there is a line a type and day.
    rolling_rows = june_2018.rolling(rows, place, first, last)
    golden_rows = june_2018.to_csv(june_2018.ROLLING_HEAD, rolling_rows)
    assert reports.csv("rolling", *arguments) == golden_rows


@pytest.mark.parametrize("days", [(29, 29), (30, 30), (29, 30), (28, 31)])
def test_clocks_that_go_back_over_midnight(
    database: TestDatabase, reports: Reports, days: tuple[int, int]
) -> None:
    """
    In St. John's, 2005, clocks went from 0:01 of 30 October back to 23:01 of the 29th: both days
    have two parts, and each engagement counts on its day, and on no other.
    """
    zone = ZoneInfo("America/St_Johns")
    change_ms = 1_130_639_460_000
    rows: list[Row] = [(change_ms + minutes * 60_000, "NOTE") for minutes in range(-90, 91)]
    create_tables(database)
    fill_engagements(database, rows)
    first, last = (date(2005, 10, day) for day in days)
    arguments = ("--tz", zone.key, "--from", first, "--to", last)
    table = june_2018.daily(rows, zone, first, last)
    assert reports.csv("daily", *arguments) == june_2018.to_csv(june_2018.DAILY_HEAD, table)
    total = sum(number for _, _, number in table)
    assert sum(int(row[2]) for row in reports.rows("hours", *arguments)) == total
    assert sum(int(row[2]) for row in reports.rows("owners", *arguments)) == total
    assert sum(int(row[2]) for row in reports.rows("rolling", *arguments)) == total


def test_a_day_that_is_not_over_is_left_out(database: TestDatabase) -> None:
    """
    Without --to, rolling ends yesterday in the zone, or on an earlier last day with data.
    """
    now = datetime.now(timezone.utc)
    rows: list[Row] = [
        (int((now - timedelta(days=days)).timestamp() * 1000), "NOTE") for days in (0, 1, 2)
    ]
    fill(database, rows)
    days = [line.split(",")[1] for line in report(database, "rolling").splitlines()[1:]]
    assert len(days) == 2
    assert max(days) < f"{datetime.now(timezone.utc):%Y-%m-%d}"


def test_formats(database: TestDatabase) -> None:
    """
    CSV, JSON and the table hold the same; NULL is empty, null and a dash.
    """
    fill(database, [*june_2018.rows(), (None, "NOTE")])
    daily_csv = list(csv.DictReader(io.StringIO(report(database, "daily"))))
    daily_json = json.loads(run(database, "daily", "--format", "json").out)
    table = run(database, "daily").out
    assert daily_json[0] == {"type": "CALL", "day": "2018-07-10", "num_engagements": 1}
    assert [row["day"] for row in daily_json] == [row["day"] or None for row in daily_csv]
    assert table.count("\n") == len(daily_csv) + 4
    assert "│ NOTE            │ -          │               1 │" in table
    markdown = run(database, "daily", "--format", "markdown").out.splitlines()
    assert markdown[:2] == ["| type | day | num\\_engagements |", "| --- | --- | ---: |"]
    assert "| NOTE |  | 1 |" in markdown
    assert len(markdown) == len(daily_csv) + 2
    rolling = json.loads(run(database, "rolling", "--format", "json").out)
    assert (rolling[0]["avg_14d"], rolling[0]["avg_14d_full"]) == (0.0, None)


@pytest.mark.parametrize("width", [40, 60, 120])
def test_tables_fit_the_window(database: TestDatabase, width: int) -> None:
    """
    In a terminal no line is wider than the window; longer values go on in the next line.
    """
    fill(database, [(1_530_000_000_000, "A_TYPE_WITH_A_NAME_THAT_IS_" + "LONG" * 9)])
    theirs, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    done = subprocess.run(
        [PROGRAMS / "engagements-report", "rolling"],
        stdin=ours,
        stdout=ours,
        env=clean_environment() | database.environment | {"TERM": "xterm"},
        check=True,
    )
    os.close(ours)
    lines = os.read(theirs, 100_000).decode().splitlines()
    assert done.returncode == 0
    assert max(map(len, lines)) <= width
    assert "".join(lines).count("LO") > 0 and len(lines) > 4


@pytest.mark.parametrize("width", [30, 60, 80, 100])
def test_no_number_is_broken(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    In a terminal every number and day stays on one line, whatever the width.
    """
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    row = ("A_LONG_TYPE_OF_CALL", date(2018, 7, 13), 1234567, 7654321, 14, Decimal("546737.2143"))
    columns = ("type", "day", "num_engagements", "sum_14d", "days_in_window", "avg_14d")
    text = output_formats.to_table(Rows(columns, [row]))
    assert max(map(len, text.splitlines())) <= width
    for value in row[1:]:
        assert str(value) in text


def test_a_spreadsheet_gets_no_formula() -> None:
    """
    With --format excel no text begins like a formula; numbers, below 0 too, stay numbers.
    """
    formulas = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", " =1", "＝1"]
    rows = [(formula, -5) for formula in formulas] + [("CALL", -5)]
    text = output_formats.to_excel(Rows(("type", "number"), rows))
    assert text.startswith("\ufefftype,number\n")
    cells = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]
    assert cells == [*([f"'{formula}", "-5"] for formula in formulas), ["CALL", "-5"]]


def test_json_has_the_types_of_the_values(database: TestDatabase) -> None:
    """
    In JSON a count is a whole number in every report, and an average is not.
    """
    create_tables(database)
    fill_engagements(database, june_2018.rows())
    database.query("INSERT INTO engagement_calls SELECT id, NULL, 0 FROM engagements")
    for name, columns in {
        "calls": ("num_calls", "connected"),
        "rolling": ("num_engagements", "sum_14d", "days_in_window"),
        "owners": ("num_logged", "tasks_done"),
        "quality": ("num", "out_of"),
    }.items():
        for row in json.loads(run(database, name, "--format", "json").out):
            assert {type(row[column]) for column in columns} <= {int, type(None)}, name
    assert isinstance(
        json.loads(run(database, "rolling", "--format", "json").out)[0]["avg_14d"], float
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["daily", "--tz", "Europe/Berln"], 2, "did you mean Europe/Berlin"),
        (["daily", "--from", "2018-13-01"], 2, "--from: '2018-13-01' is not a day"),
        (["rolling", "--from", "2018-02-02", "--to", "2018-02-01"], 2, "is after"),
        (["weekly"], 2, "invalid choice: 'weekly'"),
        (["daily", "--config", "/nonexistent.json"], 2, "cannot be read"),
        (["sql"], 2, "the following arguments are required: REPORT"),
        (["daily", "rolling"], 2, "unrecognized arguments: rolling"),
        (["rolling", "--window-days", "0"], 2, "--window-days: must be from 1 to 100"),
        (["daily", "--from", "0001-01-01"], 2, "--from: must be from 1000-01-01 to 2199-12-31"),
        (["rolling", "--to", "9999-12-31"], 2, "--to: must be from 1000-01-01 to 2199-12-31"),
        (["--html", "x", "--to", "2200-01-01"], 2, "leave it out for all days with data"),
        (["response", "--hours", "17-9"], 2, "'17-9' are not hours such as 9-17"),
        (["touches", "--untouched-for", "0"], 2, "must be from 1 to 36600"),
        (["freshness", "--max-age", "2w"], 2, "'2w' is not an age such as 90m, 2h or 1d"),
        (["daily", "--timeout", "1m"], 2, "--timeout: '1m' is no number"),
        (["sql", "response", "--hours", "9-17"], 2, "its SQL has all of each time"),
        (["changes", "--hours", "9-17"], 2, "--hours is for response only: changes does not"),
        (["csv-dir", "x", "weekly"], 2, "'weekly' is none of daily, rolling"),
    ],
)
def test_wrong_calls(database: TestDatabase, arguments: list[str], code: int, message: str) -> None:
    """
    A wrong call ends with 2 and names the mistake.
    """
    done = run(database, *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["--format", "csv", "daily"], ["daily", "--format", "csv"]),
        (["--type", "daily", "daily"], ["daily", "--type", "daily"]),
        (["--owner", "7", "sql", "--total", "rolling"], ["sql", "rolling", "--owner=7", "--total"]),
    ],
)
def test_options_before_the_name(before: list[str], now: list[str]) -> None:
    """
    Options may stand before the report's name, as in earlier versions.
    """
    assert cli.parse(before) == cli.parse(now)


def test_help_of_a_command(database: TestDatabase) -> None:
    """
    Each command has a help, for which no server is needed.
    """
    whole = run_program("engagements-report", "--help")
    assert whole.code == 0 and "first-response" in whole.out and "Exit codes" in whole.out
    for command in ("rolling", "sql", "html", "index"):
        done = run_program("engagements-report", command, "--help")
        assert (done.code, done.err) == (0, "")
        assert "--config" in done.out and ("--window-days" in done.out) == (command != "index")


def test_what_is_missing_is_named(database: TestDatabase) -> None:
    """
    No database, no table, no column, no server: exit 1, and a line with the remedy.
    """
    missing = run(database, "daily")
    assert missing.code == 1
    assert "Unknown database" in missing.err and "target-mysql" in missing.err
    database.query("SELECT 1")
    no_table = run(database, "daily")
    assert (no_table.code, no_table.err.count("\n")) == (1, 1)
    assert "load it first" in no_table.err
    database.query("CREATE TABLE engagements (id BIGINT PRIMARY KEY, type LONGTEXT)")
    assert "select the field createdAt of engagements" in run(database, "daily").err
    environment = {**database.environment, "TARGET_MYSQL_PORT": "1", "TARGET_MYSQL_PASSWORD": "s3"}
    away = run_program("engagements-report", "daily", environment=environment)
    assert (away.code, away.err.count("\n")) == (1, 1)
    assert "127.0.0.1:1 as root" in away.err
    assert "s3" not in away.err


ENDS_MS = (-62_135_596_800_000, 253_402_300_799_999)  # 0001-01-01 and the last of 9999-12-31
FIRST, LAST = "1000-01-01", "2199-12-31"


@pytest.mark.parametrize(
    "arguments",
    [
        *([name] for name in ("daily", "owners", "hours", "first-response", "quality")),
        *([name, "--from", FIRST, "--to", LAST] for name in ("daily", "hours", "quality")),
        ["rolling", "--from", LAST],
        ["rolling", "--from", FIRST, "--to", FIRST, "--window-days", "100"],
        ["html", "page.html"],
        ["html", "page.html", "--from", "2180-01-01", "--to", LAST],
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_the_ends_of_the_calendar(
    database: TestDatabase,
    arguments: list[str],
    zone: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Engagements at the ends of the calendar, and the first and the last days that may be asked for,
    break no report.
    """
    monkeypatch.chdir(tmp_path)
    create_tables(database)
    fill(database, [(at_ms, "NOTE") for at_ms in (*ENDS_MS, 1_530_000_000_000)])
    done = run(database, *arguments, "--tz", zone)
    assert done.code == 0, done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("days", [1, 7, 30])
def test_windows_of_other_lengths(database: TestDatabase, reports: Reports, days: int) -> None:
    """
    --window-days says how many days are averaged, and names the columns.
    """
    fill(database, june_2018.rows())
    (head, *lines) = reports.csv("rolling", "--window-days", days).splitlines()
    assert (
        head == f"type,day,num_engagements,sum_{days}d,days_in_window,avg_{days}d,avg_{days}d_full"
    )
    rolling_rows = june_2018.rolling(june_2018.rows(), window_days=days)
    too_many = run(database, "rolling", "--from", "1990-01-01", "--to", "2020-01-01")
    assert too_many.code == 2
    assert "is more than 10000 days: set --from" in too_many.err
    assert lines == [",".join(map(str, row)) for row in rolling_rows]


@pytest.mark.parametrize("level", ["REPEATABLE READ", "READ COMMITTED"])
def test_a_page_is_of_one_moment(database: TestDatabase, level: str) -> None:
    """
    Held still, the database shows nothing that is loaded meanwhile, and lets nothing be changed,
    whatever the server's isolation level is.
    """
    fill(database, june_2018.rows())
    connection = Database(read_config([], database.environment, ())[0])
    number = SqlText("SELECT COUNT(*) FROM engagements")
    connection.query(SqlText(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}"))
    connection.begin_snapshot()
    if not FAMILY.snapshot_at_start:
        connection.query(number)
    database.query("DELETE FROM engagements WHERE type = 'TASK'")
    assert connection.query(number).rows == ((64,),)
    with pytest.raises(DatabaseError, match="READ ONLY"):
        connection.query(SqlText("DELETE FROM engagements"))
    connection.close()
    assert database.query("SELECT COUNT(*) FROM engagements") == [(32,)]


def test_nothing_to_report(database: TestDatabase) -> None:
    """
    Without engagements the reports say so, and for which period.
    """
    fill(database, [])
    for name in ("daily", "rolling"):
        done = run(database, name, "--from", "2018-01-01", "--to", "2018-01-31")
        assert (done.code, done.out) == (0, "")
        assert "no engagements from 2018-01-01 to 2018-01-31 (UTC)" in done.err
    message = run(database, "hours", "--owner", "70", "--type", "CALL", "--rows", "live").err
    assert "no engagements that are live of owner 70 of type CALL (UTC)" in message
    assert run(database, "daily", "--format", "json").out == "[]\n"


def test_where_the_database_is_named(database: TestDatabase, tmp_path: Path) -> None:
    """
    A config file, the environment and the option files are read, the nearest first.
    """
    fill(database, june_2018.rows())
    port = str(database.server.port)
    options = tmp_path / "more.d" / "one.cnf"
    options.parent.mkdir()
    password = database.server.password
    options.write_text(
        f"[client]\nuser = 'root'\npassword={password}\nport={port}\nsocket=/nonexistent\n"
    )
    (tmp_path / ".my.cnf").write_text(
        f"!includedir {options.parent}\n[engagements-report]\nhost=127.0.0.1\n"
        f"database={database.name}\n"
    )
    home = {"HOME": str(tmp_path)}
    assert run_program("engagements-report", "daily", environment=home).code == 0
    several = {**home, "TARGET_MYSQL_HOST": f"127.0.0.1:1, 127.0.0.1:{port}"}
    assert run_program("engagements-report", "daily", environment=several).code == 0
    wrong = run_program(
        "engagements-report", "daily", environment={**home, "TARGET_MYSQL_PORT": "1"}
    )
    assert wrong.code == 1
    config = tmp_path / "config.json"
    settings = {"port": int(port), "dbname": database.name, "host": "127.0.0.1"}
    config.write_text(json.dumps({**settings, "password": password}))
    right = run_program(
        "engagements-report", "daily", "-c", config, environment={"TARGET_MYSQL_PORT": "1"}
    )
    assert right.code == 0, right.err
