"""Rows are merged by key, states come out after their rows, and nothing is done twice."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymysql.cursors import Cursor

from tests.conftest import TestDatabase
from tests.target.conftest import (
    ALIKE,
    INTEGER,
    LOAD_METHODS,
    TEXT,
    StartTarget,
    load,
    load_here,
    record,
    schema,
    state,
    to_lines,
)
from tests.target.feeding import END_S

THINGS = schema({"text": TEXT, "other": TEXT})


@pytest.mark.parametrize("method", LOAD_METHODS)
@pytest.mark.parametrize("batch_rows", [1, 3, 1000])
def test_the_last_record_of_a_key_wins(
    database: TestDatabase, method: str, batch_rows: int
) -> None:
    """
    Records are deduplicated by key: the last wins, in a single batch or several, for any key.
    """
    message = schema({"name": {"type": "string"}, "text": TEXT}, key=("name", "id"))
    rows = [
        record({"id": number % 3, "name": name, "text": f"{name} {number}"})
        for number in range(9)
        for name in ALIKE
    ]
    for _ in range(2):
        load_here(database, message, *rows, load_method=method, batch_size_rows=batch_rows)
    expected = {(n % 3, name, f"{name} {n}") for n in (6, 7, 8) for name in ALIKE}
    assert set(database.query("SELECT id, name, text FROM things")) == expected


def test_records_without_key_are_appended(database: TestDatabase) -> None:
    """
    A stream without key_properties is appended if allowed, and refused otherwise.
    """
    message = schema({"text": TEXT}, key=())
    rows = [record({"id": 1, "text": "a"})] * 2
    load_here(database, message, *rows, primary_key_required="false")
    load_here(database, message, *rows, primary_key_required="false")
    assert database.query("SELECT id, text FROM things") == [(1, "a")] * 4


def test_a_new_property_is_a_new_column_in_its_place(database: TestDatabase) -> None:
    """
    New properties are added in a single ALTER, in order; existing rows keep their values.
    """
    before = schema({"b": TEXT})
    after = schema({"a": TEXT, "b": TEXT, "c": {"type": "integer"}})
    done = load(
        database,
        before,
        record({"id": 1, "b": "old"}),
        after,
        record({"id": 2, "a": "new", "b": "new", "c": 3}),
    )
    assert done.code == 0, done.err
    assert "added to table things: a, c" in done.err
    rows = [row[:4] for row in database.query("SELECT * FROM things ORDER BY id")]
    assert rows == [(1, None, "old", None), (2, "new", "new", 3)]


def test_undeclared_properties_are_left_out_and_named(database: TestDatabase) -> None:
    """
    An undeclared property is not an error, and a single warning names the property.
    """
    rows = [record({"id": n, "text": "a", "surplus": [n]}) for n in range(3)]
    done = load(database, THINGS, *rows)
    assert done.code == 0
    warnings = [line for line in done.err.splitlines() if line.startswith("WARNING")]
    assert warnings == [
        "WARNING things: properties that its SCHEMA does not declare are left out: surplus"
    ]
    assert database.query("SELECT COUNT(*), MAX(text) FROM things") == [(3, "a")]


def test_a_state_is_written_as_it_came(database: TestDatabase) -> None:
    """
    Order, spaces and digits of a state's value are kept, and only the newest is written.
    """
    value = '{"b": 1.10, "a":12345678901234567890123, "é":"\\u00e9", "n" : null}'
    done = load(database, state(0), f'{{"type": "STATE", "value": {value}}}')
    assert (done.code, done.out) == (0, value + "\n")


def test_states_come_out_early(database: TestDatabase) -> None:
    """
    A stream that breaks after 60,000 records has had the states of 50,000 and more written.
    """
    lines: list[Any] = [schema({"text": TEXT})]
    for number in range(1, 60_001):
        lines.append(f'{{"type":"RECORD","stream":"things","record":{{"id":{number}}}}}')
        if number % 1000 == 0:
            lines.append(state(number))
    done = load(database, *lines, '{"type":"RECORD","stream":"things","record":{"id":"bro')
    assert done.code == 1
    states = [int(line) for line in done.out.splitlines()]
    assert states[-1] == 60_000
    assert len(states) > 2 and states == sorted(states)
    assert database.query("SELECT COUNT(*) FROM things") == [(60_000,)]


def test_what_the_server_refuses_is_claimed_by_no_state(database: TestDatabase) -> None:
    """
    After a batch that the server refuses nothing more is loaded and no later state is written.
    """
    refuse = (
        "IF NEW.text = 'bad' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not here'; END IF"
    )
    database.query("CREATE TABLE things (id BIGINT PRIMARY KEY, text VARCHAR(3))")
    database.query(f"CREATE TRIGGER refuse BEFORE INSERT ON things FOR EACH ROW {refuse}")
    messages: list[Any] = [schema({"text": TEXT})]
    for number in range(1, 41):
        text = "bad" if number == 25 else "fit"
        messages += [record({"id": number, "text": text}), state(number)]
    done = load(database, *messages, "no JSON", batch_size_rows=10)
    assert done.code == 1
    assert done.err.count("ERROR") == 1
    assert "ERROR table things: MySQL error 1644: not here" in done.err
    assert done.out.splitlines()[-1] == "24"
    assert database.query("SELECT MAX(id) FROM things") == [(24,)]


def test_a_repeated_schema_costs_nothing(database: TestDatabase) -> None:
    """
    A SCHEMA before every record sends no more statements than a single SCHEMA.
    """
    rows = [record({"id": number, "text": "a"}) for number in range(50)]
    load_here(database, THINGS)
    counts = []
    with database.connect() as observer, observer.cursor() as cursor:
        for messages in ([THINGS, *rows], [one for row in rows for one in (THINGS, row)]):
            before, _ = statements_when_alone(cursor)
            load_here(database, *messages)
            after, polls = statements_when_alone(cursor)
            counts.append(after - before - polls)
    assert counts[0] == counts[1]


def statements_when_alone(cursor: Cursor) -> tuple[int, int]:
    """
    Return the server's number of statements, and how many of them this function sent.

    It waits until no other connection is left: the end of a connection is a statement, too, and may
    be counted after the client has closed it.
    """
    others = "FROM information_schema.processlist WHERE user = 'root' AND id <> CONNECTION_ID()"
    polls = 1
    while cursor.execute(f"SELECT id {others}"):
        polls += 1
    cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
    ((_, count),) = cursor.fetchall()
    return int(count), polls + 1


def test_rows_and_states_of_a_silent_tap_arrive(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    Rows that wait longer than batch_wait_limit_seconds are loaded while the tap is silent.
    """
    target = start_target(batch_wait_limit_seconds=0.5)
    assert target.stdin and target.stdout
    with quiet_feed(target, to_lines(THINGS, record({"id": 1, "text": "a"}), state(1))):
        assert target.stdout.readline() == b"1\n"
        assert database.query("SELECT id FROM things") == [(1,)]
    with quiet_feed(target, to_lines(state(2))):
        assert target.stdout.readline() == b"2\n"
    target.stdin.close()
    assert target.wait(END_S) == 0


@contextmanager
def quiet_feed(target: subprocess.Popen[bytes], lines: bytes) -> Iterator[None]:
    """Send `lines` and nothing more; a target that stays silent, too, is killed, not waited for."""
    assert target.stdin
    target.stdin.write(lines)
    target.stdin.flush()
    timer = threading.Timer(END_S, target.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def test_times_of_a_row(database: TestDatabase) -> None:
    """
    _sdc_extracted_at is the record's time in UTC, _sdc_batched_at the time of the load.
    """
    before = time.time()
    row = record({"id": 1}, time_extracted="2020-01-02T03:04:05.678901+01:00")
    load_here(database, THINGS, row)
    ((extraction_time, batched_s, deleted),) = database.query(
        "SELECT CAST(_sdc_extracted_at AS CHAR),"
        " TIMESTAMPDIFF(MICROSECOND, '1970-01-01', _sdc_batched_at) / 1e6, _sdc_deleted_at"
        " FROM things"
    )
    assert (extraction_time, deleted) == ("2020-01-02 02:04:05.678901", None)
    assert before - 1 <= batched_s <= time.time() + 1


def test_what_a_tap_says_of_our_columns(database: TestDatabase) -> None:
    """
    Of properties with the names of our columns the time of deletion counts; the others are ours to
    fill, and without a warning, unless no columns are added: then all are the tap's.
    """
    moment = {"type": ["null", "string"], "format": "date-time"}
    names = ("_sdc_extracted_at", "_sdc_batched_at", "_sdc_deleted_at")
    message = schema({**dict.fromkeys(names, moment), "_sdc_table_version": INTEGER})
    values = {name: f"2020-01-0{day} 00:00:00.000000" for day, name in enumerate(names, 1)}
    row = {"id": 1, **values, "_sdc_table_version": 5}
    extraction_time = {"version": 7, "time_extracted": "2021-01-01T00:00:00Z"}
    columns = ", ".join(f"CAST({name} AS CHAR)" for name in names)
    query = f"SELECT {columns}, _sdc_table_version FROM things"
    for _ in range(2):
        done = load(database, message, record(row, **extraction_time))
        assert (done.code, "WARNING" in done.err) == (0, False), done.err
    ((at, batched_at, deleted_at, version),) = database.query(query)
    assert (at, version) == ("2021-01-01 00:00:00.000000", 7)
    assert batched_at != values["_sdc_batched_at"] and deleted_at == values["_sdc_deleted_at"]
    database.query("DROP TABLE things")
    load_here(database, message, record(row, **extraction_time), add_metadata_columns="false")
    assert database.query(query) == [(*values.values(), 5)]


def test_streams_interleave(database: TestDatabase) -> None:
    """
    Alternating records of several streams share a batch and reach their own tables.
    """
    messages = [schema({"text": TEXT}, stream=name) for name in "abc"]
    for number in range(30):
        messages.append(record({"id": number, "text": str(number)}, stream="abc"[number % 3]))
    out = load_here(database, *messages, state({"done": True}))
    assert json.loads(out) == {"done": True}
    for name in "abc":
        assert database.query(f"SELECT COUNT(*) FROM {name}") == [(10,)]
