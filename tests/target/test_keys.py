"""Keys that a column cannot distinguish are an error or two rows, never merged."""

from __future__ import annotations

from typing import Any

import pytest

from target_mysql.exceptions import InputError
from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import LOAD_METHODS, TEXT, load, load_here, schema

DATE_TIME = {"type": "string", "format": "date-time"}
STRING = {"type": "string"}
TIME = {"type": "string", "format": "time"}
DECIMAL = {"type": "number", "multipleOf": 0.01}
EITHER = {"type": ["integer", "string"]}


def lines(*keys: str) -> list[str]:
    """Return a record for each key, which is JSON text."""
    return [
        f'{{"type":"RECORD","stream":"things","record":{{"k":{key},"v":"{number}"}}}}'
        for number, key in enumerate(keys)
    ]


def message(property_schema: dict[str, Any]) -> dict[str, Any]:
    return schema({"k": property_schema, "v": TEXT}, key=("k",))


@pytest.mark.parametrize(
    ("property_schema", "key", "alike"),
    [
        ({"type": "integer"}, "1", '"1"'),
        ({"type": "integer"}, "1", '"01"'),
        ({"type": "integer"}, "0", "0.0"),
        ({"type": "integer"}, "1", "true"),
        ({"type": "boolean"}, "false", "0"),
        ({"type": "boolean"}, "false", "0.0"),
        (STRING, '"1"', "1"),
        (STRING, '"true"', "true"),
        (STRING, '"{}"', "{}"),
        (STRING, '"\\ud800"', '"\\ud801"'),
        ({"type": "number"}, "1.5", '"1.5"'),
        ({"type": "number"}, "1", "true"),
        ({"type": "number"}, "0", "-0.0"),
        ({"type": "number"}, "0.0", "-0"),
        ({"type": "number"}, "0e0", "-0.00e1"),
        ({"type": "number"}, "0", "1e-400"),
        (DECIMAL, "0", "-0.0"),
        (DECIMAL, "1.5", '"1.5"'),
        (DATE_TIME, '"2020-01-01T00:00:00.123456Z"', '"2020-01-01T00:00:00.123456789Z"'),
        (DATE_TIME, '"2020-01-01T00:00:00.1234567+01:00"', '"2020-01-01T00:00:00.123456+01:00"'),
        (TIME, '"01:00:00.123456"', '"01:00:00.1234567"'),
        (TIME, '"01:00:00Z"', '"23:00:00-02:00"'),
    ],
)
def test_a_key_that_would_become_another_is_refused(
    database: TestDatabase, property_schema: dict[str, Any], key: str, alike: str
) -> None:
    """
    Either of the two, in any order, is an error that names stream and key column.
    """
    for one, other in ((key, alike), (alike, key)):
        database.query("DROP TABLE IF EXISTS things")
        with pytest.raises(InputError, match="stream things, key k=.*, column k: "):
            load_here(database, message(property_schema), *lines(one, other))


@pytest.mark.parametrize("method", LOAD_METHODS)
@pytest.mark.parametrize("property_schema", [{"type": "number"}, DECIMAL])
def test_one_number_written_in_many_ways_is_one_key(
    database: TestDatabase, property_schema: dict[str, Any], method: str
) -> None:
    """
    Numbers are equal if JSON Schema says so, by mathematical value: they are deduplicated, the last
    wins.
    """
    ones, zeros = ["1", "1.0", "1e0", "10E-1"], ["0", "0.0", "0e5"]
    load_here(database, message(property_schema), *lines(*ones, *zeros), load_method=method)
    actual = database.query("SELECT v, CONCAT(ROUND(k)) FROM things ORDER BY k")
    assert [(v, k.lstrip("-")) for v, k in actual] == [("6", "0"), ("3", "1")]


@pytest.mark.parametrize("method", LOAD_METHODS)
def test_numbers_that_a_double_cannot_tell_apart(database: TestDatabase, method: str) -> None:
    """
    Neighbours beyond 2^53, or with more precision than a DOUBLE, are two rows.
    """
    keys = [str(2**53), str(2**53 + 1), "0.1", "0.10000000000000001", "9007199254740992.5"]
    for _ in range(2):
        load_here(database, message({"type": "number"}), *lines(*keys), load_method=method)
    actual = database.query("SELECT v FROM things ORDER BY v")
    assert actual == [(str(number),) for number in range(len(keys))]


@pytest.mark.parametrize("setting", ["null", "clamp"])
def test_dates_of_keys_are_not_mended(database: TestDatabase, setting: str) -> None:
    """
    Dates that MySQL cannot hold would all become one key; they are refused for any invalid_dates.
    """
    both = lines('"10001-01-01T00:00:00Z"', '"10002-01-01T00:00:00Z"')
    done = load(database, message(DATE_TIME), *both, invalid_dates=setting)
    assert (done.code, "column k: not a date-time" in done.err) == (1, True), done.err


@pytest.mark.parametrize("method", LOAD_METHODS)
@pytest.mark.parametrize("property_schema", [EITHER, {}])
def test_keys_of_several_types_are_told_apart(
    database: TestDatabase, method: str, property_schema: dict[str, Any]
) -> None:
    """
    A number and the text of its digits are two rows, as are other values and their texts. Updates
    keep them distinct.
    """
    keys = ["1", '"1"', '"01"', '"\\"1\\""', "0", "0.0", '"0.0"', "true", '"true"', '"a"', '"{}"']
    keys += ["{}", '"[1"', '" 1"', '"1e1"', "1e1", '"-"', '"573e48"', '"\\u00e9"', '"null"']
    for _ in range(2):
        load_here(database, message(property_schema), *lines(*keys), load_method=method)
    actual = dict(database.query("SELECT v, k FROM things"))
    assert actual.keys() == {str(number) for number in range(len(keys))}
    assert (actual["0"], actual["1"], actual["2"]) == ("1", '"1"', "01")
    assert actual["9"] == "a"


@pytest.mark.skipif(FAMILY.no_pad, reason="its keys tell blanks at their ends apart")
@pytest.mark.parametrize("property_schema", [STRING, EITHER])
def test_blanks_at_the_end_of_a_key(
    database: TestDatabase, property_schema: dict[str, Any]
) -> None:
    """
    On servers that ignore trailing spaces in keys, a key with a trailing space is refused.
    """
    done = load(database, message(property_schema), *lines('"a"', '"a "'))
    assert done.code == 1
    assert "ends with a blank, which keys on this server cannot have" in done.err


def test_a_replacement_character_is_a_character(database: TestDatabase) -> None:
    """
    U+FFFD that the tap itself sends is a key like any other.
    """
    load_here(database, message(STRING), *lines('"\\ufffd"', '"a"'), *lines('"\ufffd"'))
    assert database.query("SELECT COUNT(*) FROM things") == [(2,)]
