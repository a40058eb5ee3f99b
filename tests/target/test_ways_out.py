"""Values that are rare, and that taps send all the same: each is in the table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from target_mysql.exceptions import InputError
from tests.conftest import TestDatabase
from tests.target.conftest import load, load_here, schema, state, to_lines

DATE_TIME = {"type": ["null", "string"], "format": "date-time"}
TIME = {"type": ["null", "string"], "format": "time"}
INTEGER = {"type": ["null", "integer"]}
NUMBER = {"type": ["null", "number"]}
MONEY = {"type": ["null", "number"], "multipleOf": 0.01}


def lines(*values: str) -> list[str]:
    """Return a record for each value of `v`, which is JSON text; the ids count from 0."""
    return [
        f'{{"type":"RECORD","stream":"things","record":{{"id":{number},"v":{value}}}}}'
        for number, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("property_schema", "first", "second"),
    [
        (INTEGER, "5", "18446744073709551615"),
        (INTEGER, "-9223372036854775808", "-9223372036854775809"),
        (INTEGER, "7", "9" * 65),
        ({"type": "integer", "maximum": 10**30}, "5", "1" + "0" * 40),
        (MONEY, "1.25", "0.30000000000000004"),
        (MONEY, "1.25", "1" + "0" * 40),
        (MONEY, "1.25", "0." + "0" * 40 + "1"),
    ],
)
def test_numbers_beyond_their_column_widen_it(
    database: TestDatabase, property_schema: dict[str, Any], first: str, second: str
) -> None:
    """
    The column is widened to hold existing and new values, in this run and the next.
    """
    for _ in range(2):
        load_here(database, schema({"v": property_schema}), *lines(first, second))
        actual = database.query("SELECT CAST(v AS CHAR) FROM things ORDER BY id")
        assert [Decimal(text) for (text,) in actual] == [Decimal(first), Decimal(second)]


@pytest.mark.parametrize("value", ["9" * 66, "1.5", '"many"'])
def test_an_integer_column_takes_integers(database: TestDatabase, value: str) -> None:
    """
    Values that no numeric column holds are refused and widen nothing.
    """
    with pytest.raises(InputError, match="column v: "):
        load_here(database, schema({"v": INTEGER}), *lines("1", value))
    assert database.query("SHOW COLUMNS FROM things LIKE 'v'")[0][1].startswith("bigint")


def test_numbers_of_keys_widen_their_column(database: TestDatabase) -> None:
    """
    A key of numbers past 2^53, and of integers past 64 bits, tells all of them apart.
    """
    for property_schema in (NUMBER, INTEGER):
        database.query("DROP TABLE IF EXISTS things")
        keys = [1, 2**53, 2**53 + 1, 2**64 + 1, 2**64 + 2]
        rows = [f'{{"type":"RECORD","stream":"things","record":{{"k":{key}}}}}' for key in keys]
        load_here(database, schema({"k": property_schema}, key=("k",)), *rows)
        assert sorted(int(key) for (key,) in database.query("SELECT k FROM things")) == keys


@pytest.mark.parametrize(
    ("property_schema", "value", "expected"),
    [
        (DATE_TIME, "2020-01-01T00:00:00+05", "2019-12-31 19:00:00.000000"),
        (DATE_TIME, "1880-01-01T00:53:28.000000+00:53:28", "1880-01-01 00:00:00.000000"),
        (DATE_TIME, "2016-12-31T23:59:60Z", "2017-01-01 00:00:00.000000"),
        (DATE_TIME, "2016-12-31T18:59:60.25-05:00", "2017-01-01 00:00:00.250000"),
        (TIME, "1 day, 6:00:00", "30:00:00.000000"),
        (TIME, "-1 day, 23:00:00", "-01:00:00.000000"),
        (TIME, "-01:00:00", "-01:00:00.000000"),
        (TIME, "24:00:00", "24:00:00.000000"),
        (TIME, "838:59:59", "838:59:59.000000"),
        (TIME, "6:05:04.000007", "06:05:04.000007"),
        (TIME, "23:59:60", "24:00:00.000000"),
        (TIME, "01:30:00+02", "23:30:00.000000"),
    ],
)
def test_dates_and_times(
    database: TestDatabase, property_schema: dict[str, Any], value: str, expected: str
) -> None:
    """
    Offsets of hours alone or with seconds, leap seconds, and times below zero or beyond a day.
    """
    load_here(database, schema({"v": property_schema}), *lines(f'"{value}"'))
    assert database.query("SELECT CAST(v AS CHAR) FROM things") == [(expected,)]


@pytest.mark.parametrize("value", ["839:00:00", "-839:00:00", "1:60:00", "99 days, 1:00:00", "a"])
def test_what_is_no_time(database: TestDatabase, value: str) -> None:
    """
    A time beyond the range of MySQL is refused.
    """
    with pytest.raises(InputError, match="key id=0, column v: "):
        load_here(database, schema({"v": TIME}), *lines(f'"{value}"'))


def test_a_key_in_another_order(database: TestDatabase) -> None:
    """
    The order of key_properties may change from run to run: the key is the same.
    """
    property_schema = {"a": {"type": "integer"}, "b": {"type": "integer"}, "v": NUMBER}
    for number, key in enumerate((("a", "b"), ("b", "a"))):
        values = f'"a":1,"b":{number},"v":1'
        row = f'{{"type":"RECORD","stream":"things","record":{{"id":0,{values}}},"version":1}}'
        load_here(database, schema(property_schema, key=key), row)
    assert database.query("SELECT a, b FROM things ORDER BY b") == [(1, 0), (1, 1)]


def test_what_is_not_a_number_is_null(database: TestDatabase) -> None:
    """
    NaN and Infinity, which Python writes, are NULL, and counted; the rest of the record is kept.
    """
    values = ["NaN", "Infinity", "-Infinity", "0.1000", '"NaN, Infinity"', '[1.50,NaN,{"a":NaN}]']
    types = {"type": ["number", "string", "array", "null"]}
    done = load(database, schema({"v": types}), *lines(*values), state(1))
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert "5 NaN or Infinity as NULL" in done.err
    actual = [text for (text,) in database.query("SELECT v FROM things ORDER BY id")]
    assert actual == [None, None, None, "0.1000", "NaN, Infinity", '[1.50,null,{"a":null}]']
    done = load(database, schema({"v": {}}, key=("v",)), *lines("NaN"))
    assert done.code == 1


@pytest.mark.parametrize("value", ["1e1000000", "1e999999999999", "-1e1000000", "9" * 100_000])
@pytest.mark.parametrize("property_schema", [INTEGER, MONEY, {"type": "boolean"}, DATE_TIME])
def test_numbers_of_many_digits_are_refused(
    database: TestDatabase, property_schema: dict[str, Any], value: str
) -> None:
    """
    A number of any exponent or length is refused at once if no column holds the value.
    """
    if property_schema is MONEY:
        load_here(database, schema({"v": MONEY}), *lines(value))
        assert database.query("SELECT v FROM things") == [(value,)]
        return
    with pytest.raises(InputError, match="key id=0, column v: .{0,120}$"):
        load_here(database, schema({"v": property_schema}), *lines(value))


@pytest.mark.parametrize("value", ["1e1000000", "9" * 100_000, "1e-1000000", "0." + "1" * 90_000])
@pytest.mark.parametrize("property_schema", [NUMBER, {}, {"type": "string"}, {"type": "object"}])
def test_numbers_of_many_digits_are_kept(
    database: TestDatabase, property_schema: dict[str, Any], value: str
) -> None:
    """
    Columns of text or JSON keep such numbers unchanged, without loss of precision.
    """
    load_here(database, schema({"v": property_schema}), *lines("1", value))
    assert database.query("SELECT v FROM things WHERE id = 1") == [(value,)]


def test_limits_of_a_schema_may_be_any_numbers(database: TestDatabase) -> None:
    """
    A maximum of a million digits means as many as a column has.
    """
    text = to_lines(schema({"v": {"type": "integer", "maximum": 1}})).decode()
    for limit in ("1e1000000", "1e400", "9" * 5000):
        database.query("DROP TABLE IF EXISTS things")
        load_here(database, text.replace('"maximum":1', f'"maximum":{limit}').strip(), *lines("5"))
        assert database.query("SHOW COLUMNS FROM things LIKE 'v'")[0][1] == "decimal(65,0)"


@pytest.mark.parametrize("word", ["anyOf", "properties"])
@pytest.mark.parametrize("depth", [300, 900, 100_000])
def test_deep_nesting(database: TestDatabase, word: str, depth: int) -> None:
    """
    A SCHEMA or a value that is nested too deep is an error that names the line, without a
    traceback.
    """
    begin, end = (
        ('{"anyOf":[', "]}") if word == "anyOf" else ('{"type":"object","properties":{"a":', "}}")
    )
    nested = begin * depth + "{}" + end * depth
    text = to_lines(schema({"v": {"x": 1}})).decode().strip().replace('{"x":1}', nested)
    deep = "[" * depth + "]" * depth
    done = load(database, text, *lines(deep), data_flattening_max_level=100)
    assert "Traceback" not in done.err
    assert done.code == 0 or "nested too deep" in done.err or "line 2" in done.err, done.err
