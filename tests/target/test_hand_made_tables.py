"""Tables that are there already, or that a server limits: used, changed, or refused with advice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import TEXT, load, load_here, record, schema, state

INTEGER_OR_NULL = {"type": ["null", "integer"]}


@pytest.mark.skipif(FAMILY.row_format == "Compact", reason="MySQL 5.6 has no such columns")
def test_a_generated_column_is_refused(database: TestDatabase) -> None:
    """
    The error names table and column, and the remedy.
    """
    database.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, a BIGINT, v BIGINT AS (a+1) STORED)"
    )
    message = schema({"a": INTEGER_OR_NULL, "v": INTEGER_OR_NULL})
    done = load(database, message, record({"id": 1, "a": 5, "v": 6}))
    assert done.code == 1
    advice = "deselect the property, or rename the table"
    assert f"table things: column v is generated: {advice}" in done.err
    load_here(database, schema({"a": INTEGER_OR_NULL}), record({"id": 1, "a": 5}))
    assert database.query("SELECT id, a, v FROM things") == [(1, 5, 6)]


def test_a_view_is_refused(database: TestDatabase) -> None:
    """
    A stream cannot be loaded into a view.
    """
    database.query("CREATE TABLE there (id BIGINT PRIMARY KEY)")
    database.query("CREATE VIEW things AS SELECT * FROM there")
    done = load(database, schema({}), record({"id": 1}))
    assert (done.code, "table things is a view: rename it" in done.err) == (1, True), done.err


@pytest.mark.parametrize("column", ["CHAR(20)", "ENUM('zero', 'one')"])
def test_an_indexed_text_stays_indexed(database: TestDatabase, column: str) -> None:
    """
    A short text with an index becomes VARCHAR, whose values are as they came, and is made longer.
    """
    database.query(f"CREATE TABLE things (id BIGINT PRIMARY KEY, v {column}, KEY(v))")
    texts = ["zero", "one", "blank at the end ", "n" * 40, "é" * 191]
    load_here(
        database, schema({"v": TEXT}), *(record({"id": n, "v": t}) for n, t in enumerate(texts))
    )
    actual = database.query("SELECT v FROM things ORDER BY id")
    assert [text for (text,) in actual] == texts


@pytest.mark.skipif(FAMILY.version != "MariaDB", reason="MySQL 5.6 and 8.0.22 have no such columns")
def test_an_invisible_column_may_be_null(database: TestDatabase) -> None:
    """
    A column that is required and not seen gets no value from the stream.
    """
    database.query("CREATE TABLE things (id BIGINT PRIMARY KEY, v LONGTEXT)")
    database.query("ALTER TABLE things ADD unseen INT INVISIBLE NULL")
    database.query("ALTER TABLE things ADD at TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP")
    load_here(database, schema({"v": TEXT}), record({"id": 1, "v": "a"}))
    assert database.query("SELECT id, v, unseen FROM things") == [(1, "a", None)]


@pytest.mark.skipif(FAMILY.row_format == "Compact", reason="its rows hold fewer long texts")
@pytest.mark.parametrize(("first", "second"), [("integer", "string"), ("string", "integer")])
def test_a_wide_table_whose_types_change(database: TestDatabase, first: str, second: str) -> None:
    """
    Widened columns that no longer fit in a row go to _sdc_overflow; existing values stay.
    """
    names = [f"c{number}" for number in range(250)]
    values: dict[str, Any] = {"integer": 7, "string": "t" * 39}
    for number, kind in enumerate((first, second), 1):
        message = schema({name: {"type": ["null", kind]} for name in names})
        rows = [record({"id": number, **dict.fromkeys(names, values[kind])})]
        done = load(database, message, *rows, state(number))
        assert (done.code, done.out) == (0, f"{number}\n"), done.err
    columns = [name for (name, *_) in database.query("SHOW COLUMNS FROM things")]
    row = dict(zip(columns, database.query("SELECT * FROM things WHERE id = 2")[0], strict=True))
    row |= json.loads(row["_sdc_overflow"] or "{}")
    survivors = [row.get(name) for name in names]
    assert survivors == [values[second]] * 250


def test_a_table_name_longer_than_a_file_name(database: TestDatabase) -> None:
    """
    A name of 64 characters that take five bytes each of a file's name is cut, with a hash.
    """
    names = ["日" * 64, "日" * 63 + "本"]
    for name in names:
        load_here(database, schema({}, stream=name), record({"id": 1}, stream=name))
    actual = database.query("SHOW TABLES LIKE '日%%'", ())
    assert len(actual) == 2


def test_a_capital_i_with_a_dot(database: TestDatabase) -> None:
    """
    MySQL treats this letter as i; the names are kept distinct.
    """
    values = {"id": 1, "\u0130d": "a", "I": "b", "\u0130": "c", "\u0131": "d"}
    message = schema(dict.fromkeys(list(values)[1:], TEXT))
    load_here(database, message, record(values))
    assert database.query("SELECT * FROM things")[0][:5] == tuple(values.values())


def test_odd_lines(database: TestDatabase) -> None:
    """
    A byte order mark is skipped, a state with a lone surrogate is unchanged, and the error for a
    time_extracted of another type names the value.
    """
    lines = ["\ufeff" + json.dumps(schema({})), '{"type":"STATE","value":{"a":"\\ud800"}}']
    done = load(database, *lines, record({"id": 1}))
    assert (done.code, json.loads(done.out)) == (0, {"a": "\ud800"}), done.err
    done = load(database, schema({}), record({"id": 1}, time_extracted=1700000000.5))
    assert done.code == 1
    assert "line 2, stream things: time_extracted: not a date-time: 1700000000.5" in done.err


def test_a_json_name_longer_than_mysql_takes(database: TestDatabase) -> None:
    """
    An object with a name of more than 65,535 bytes is kept, as text if the server's type refuses
    the object.
    """
    value = {"n" * 70_000: 1}
    load_here(database, schema({"v": {"type": "object"}}), record({"id": 1, "v": value}))
    ((actual,),) = database.query("SELECT v FROM things")
    assert json.loads(actual) == value
