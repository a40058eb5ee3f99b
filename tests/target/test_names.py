"""Any name of a stream or property becomes a table or column, and never anything else."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from target_mysql.tables.identifiers import MAX_NAME_LENGTH, quote, to_name, to_names
from tests.conftest import TestDatabase
from tests.servers import CHOSEN, FAMILY
from tests.target.conftest import (
    ALIKE,
    INTEGER,
    LOAD_METHODS,
    TEXT,
    Message,
    load,
    load_here,
    record,
    schema,
)

NAMES = [
    "select", "key", "a b", "a.b", "a`b", "``", "'quoted'", '"double"', "100%", "%s", "%(id)s",
    "%%", "ünïcode", "漢字", "😀", "a\\b", "a\nb", "a;DROP TABLE x", "trailing ", "x" * 100,
    "x" * 101, "Name", "name", "NAME", "", "VALUES (%s)", "_sdc_staging_0", "a\x1fb", "#", "--",
    "trailing line\r",
]  # fmt: skip
names = st.text(st.characters(blacklist_categories=("Cs",)), max_size=80) | st.text(
    "`'\"\\%;-.\0 /*)(sd", max_size=20
)


@pytest.mark.parametrize("method", LOAD_METHODS)
def test_any_property_has_its_column(database: TestDatabase, method: str) -> None:
    """
    Every property keeps its own value, in the first run and after an update.
    """
    message = schema(dict.fromkeys(NAMES, TEXT))
    for run in ("first", "second"):
        values = {name: f"{run} {number}" for number, name in enumerate(NAMES)}
        done = load(database, message, record({"id": 1, **values}), load_method=method)
        assert done.code == 0, done.err
    actual = database.query("SELECT * FROM things")[0][1 : len(NAMES) + 1]
    assert actual == tuple(f"second {number}" for number in range(len(NAMES)))


def test_a_property_that_comes_later_has_its_column(database: TestDatabase) -> None:
    """
    Columns of any name are added to an existing table, in the order of the SCHEMA.
    """
    load_here(database, schema({}), record({"id": 1}))
    row = {name: str(number) for number, name in enumerate(NAMES)}
    load_here(database, schema(dict.fromkeys(NAMES, TEXT)), record({"id": 1, **row}))
    actual = database.query("SELECT * FROM things")[0][: len(NAMES) + 1]
    assert actual == (1, *row.values())


@pytest.mark.parametrize("method", LOAD_METHODS)
def test_any_stream_has_its_table(database: TestDatabase, method: str) -> None:
    """
    Every stream has a table of its own, even if names differ only by case or are not identifiers.
    """
    messages = [
        message
        for number, name in enumerate(NAMES)
        for message in (
            schema({"text": TEXT}, stream=name),
            record({"id": number, "text": name}, stream=name, version=1),
            {"type": "ACTIVATE_VERSION", "stream": name, "version": 1},
        )
    ]
    load_here(database, *messages, load_method=method)
    for number, name in enumerate(NAMES):
        table = quote(to_name(name)) % ()
        assert database.query(f"SELECT id, text FROM {table}") == [(number, name)], name


@pytest.mark.parametrize("name", ["k%", "k`", "😀", "K y"])
def test_any_name_may_be_a_key(database: TestDatabase, name: str) -> None:
    """
    A key of any name becomes the primary key and distinguishes rows.
    """
    message = schema({name: {"type": "string"}, "n": INTEGER}, key=(name,))
    rows = [record({"id": 1, name: value, "n": n}) for n, value in enumerate(ALIKE * 2)]
    load_here(database, message, *rows)
    load_here(database, message, *rows)
    column = quote(to_name(name)) % ()
    assert set(database.query(f"SELECT {column}, n FROM things")) == set(
        zip(ALIKE, (3, 4, 5), strict=True)
    )


def test_keys_of_text_share_the_index(database: TestDatabase) -> None:
    """
    Four text keys of the greatest length fit; a character more is an error with its place.
    """
    most = min(FAMILY.key_characters, 768 // 4)
    message = schema({name: {"type": "string"} for name in "abcd"}, key=tuple("abcd"))
    fits = dict.fromkeys("abcd", "😀" * most)
    done = load(
        database,
        message,
        record({"id": 1, **fits}),
        record({"id": 2, **fits, "c": "x" * (most + 1)}),
    )
    assert done.code == 1
    assert f", column c: {most + 1} characters, too many" in done.err
    assert database.query("SELECT id, CHAR_LENGTH(c) FROM things") == [(1, most)]


@hypothesis_settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(name=names)
@example("a` BIGINT); DROP DATABASE mysql; -- ")
@example("%s")
@example("\r")
def test_a_quoted_name_is_a_name(database: TestDatabase, name: str) -> None:
    """
    The server reads back whatever name is quoted as that very name.
    """
    fit = to_name(name)
    assert 0 < len(fit) <= MAX_NAME_LENGTH
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {database.name}")
        cursor.execute(f"USE {database.name}")
        cursor.execute(f"CREATE TEMPORARY TABLE t ({quote(fit)} INT)", ())
        cursor.execute("SHOW COLUMNS FROM t")
        assert [name for name, *_ in cursor.fetchall()] == [fit]


@given(st.lists(names, unique=True, max_size=8))
def test_names_are_told_apart(several: list[str]) -> None:
    """
    No two properties share a column, by MySQL's definition of equal names.
    """
    actual = to_names(several)
    assert len(actual) == len(several)
    assert len({name.casefold() for name in actual}) == len(several)


@given(st.lists(names, unique=True, max_size=8), st.randoms())
def test_names_keep_their_columns(several: list[str], chance: random.Random) -> None:
    """
    In any order of properties, each property keeps its column in the next run.
    """
    first = dict(zip(several, to_names(several), strict=True))
    again = chance.sample(several, len(several))
    at_home = {name: to_names(again, first.values())[at] for at, name in enumerate(again)}
    assert {name: first[name] for name in several if first[name] == name} == {
        name: actual for name, actual in at_home.items() if first[name] == name
    }


def test_what_is_no_text_is_no_name(database: TestDatabase) -> None:
    """
    A lone surrogate in a name, which no server can hold, is an error that names the line.
    """
    line = (
        '{"type":"SCHEMA","stream":"s","key_properties":[],"schema":{"properties":{"\\ud800":{}}}}'
    )
    done = load(database, line, primary_key_required="false")
    assert done.code == 1
    assert "ERROR line 1, stream s: the name '\\ud800' is no Unicode text" in done.err


def by_case() -> list[Message]:
    return [
        message
        for number, stream in enumerate(("things", "Things"))
        for message in (schema({}, stream=stream), record({"id": number}, stream=stream))
    ]


def test_streams_that_differ_by_case(database: TestDatabase) -> None:
    """
    Streams whose names differ only by case have a table each.
    """
    load_here(database, *by_case())
    actual = [database.query(f"SELECT id FROM {stream}") for stream in ("things", "Things")]
    assert actual == [[(0,)], [(1,)]]


@pytest.mark.skipif(CHOSEN == "mysql-9", reason="takes this option only when its data is made")
def test_streams_that_a_server_does_not_tell_apart() -> None:
    """
    If the server would keep two streams in the same table, the second is refused.
    """
    with FAMILY.server(["--lower-case-table-names=1"]) as server:
        done = load(TestDatabase(server, "one"), *by_case())
        assert done.code == 1
        assert "line 3, stream Things: this server keeps it and stream things in one" in done.err


HALF = "half\ud800"


@pytest.mark.parametrize(
    "changes",
    [
        {"stream": HALF},
        {"key_properties": [HALF]},
        {"schema": {"properties": {"id": {"type": "integer"}, HALF: {"type": "string"}}}},
        {"schema": {"properties": {"id": {"type": "integer"}}, "x-source": HALF}},
    ],
)
def test_half_of_a_character_is_no_name(database: TestDatabase, changes: dict[str, object]) -> None:
    """
    A lone surrogate in the name of a stream, property or source is an error that names the line.
    """
    message = {**schema({}), **changes}
    done = load(database, json.dumps(message), record({"id": 1}))
    assert (done.code, done.out) == (1, ""), done.err
    (error,) = [line for line in done.err.splitlines() if line.startswith("ERROR ")]
    assert error.startswith("ERROR line 1")
    assert "half\\ud800" in error
    assert "Traceback" not in done.err


def test_half_of_a_character_in_a_parents_key(database: TestDatabase) -> None:
    """
    The same holds for the parent's key in a child's SCHEMA.
    """
    child = schema({}, stream="children")
    child["schema"]["x-parent"] = {"stream": "things", "keys": {"id": HALF}}
    done = load(database, schema({}), json.dumps(child))
    assert done.code == 1
    assert "ERROR line 2, stream children: the name 'half\\ud800' is no Unicode text" in done.err
