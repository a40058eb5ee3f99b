"""The effects of the configuration on a load, and the output of --about."""

from __future__ import annotations

import json
from datetime import date, timezone
from datetime import datetime as moment
from typing import Any

import jsonschema
import pytest

from target_mysql.config import Config
from tests.conftest import TestDatabase, run_program
from tests.servers import FAMILY
from tests.target.conftest import INTEGER, TEXT, load, load_here, record, schema, settings, to_lines

DATE_TIME = {"type": ["null", "string"], "format": "date-time"}
DATE = {"type": ["null", "string"], "format": "date"}
ADDRESS = {
    "type": ["null", "object"],
    "properties": {
        "city": TEXT,
        "at": {"type": "object", "properties": {"lat": {"type": "number"}, "tags": {}}},
    },
}


def columns(database: TestDatabase) -> list[str]:
    actual = [row[0] for row in database.query("SHOW COLUMNS FROM things")]
    return [name for name in actual if name == "_sdc_overflow" or not name.startswith("_sdc")]


def test_objects_become_columns(database: TestDatabase) -> None:
    """
    Down to data_flattening_max_level, each property of an object is a column; below, JSON.
    """
    whole = {"city": "Köln", "at": {"lat": 50.9, "tags": ["\x1e", 1]}}
    rows: list[dict[str, Any]] = [
        {"id": 1, "address": whole, "address__city": "another"},
        {"id": 2, "address": None},
        {"id": 3, "address": {"city": "Bonn", "at": {}}},
        {"id": 4},
        {"id": 5, "address": {"at": {"lat": "1.5"}}},
    ]
    property_schema = schema({"address": ADDRESS, "address__city": TEXT})
    for level, names in (
        (1, ["id", "address__city", "address__at"]),
        (2, ["id", "address__city", "address__at__lat", "address__at__tags"]),
    ):
        database.query("DROP TABLE IF EXISTS things")
        load_here(database, property_schema, *map(record, rows), data_flattening_max_level=level)
        assert columns(database)[:-1] == names
        assert columns(database)[-1].startswith("address__city__")  # the other of that name
    read = f"SELECT address__city, address__at__lat, address__at__tags, `{columns(database)[-1]}`"
    (first, *rest) = database.query(f"{read} FROM things ORDER BY id")
    assert (*first[:2], json.loads(first[2]), first[3]) == ("Köln", 50.9, ["\x1e", 1], "another")
    assert rest == [
        (None, None, None, None),
        ("Bonn", None, None, None),
        (None, None, None, None),
        (None, 1.5, None, None),
    ]


def test_a_flattened_property_that_is_no_object(database: TestDatabase) -> None:
    """
    A type mismatch for a flattened object is an error with its place; unknown properties are named.
    """
    lines = [
        record({"id": 1, "address": {"city": "Ulm", "zip": 1, "at": {"lon": 2}}}),
        record({"id": 2, "address": "Ulm"}),
    ]
    done = load(database, schema({"address": ADDRESS}), *lines, data_flattening_max_level=2)
    assert done.code == 1
    assert "line 3, stream things, key id=2, column address__city: not an object" in done.err
    assert "left out: address.at.lon, address.zip" in done.err
    assert database.query("SELECT address__city FROM things") == [("Ulm",)]


@pytest.mark.parametrize("bad_type", [["string"], {"type": "object"}])
def test_a_malformed_type_of_a_flattened_property(database: TestDatabase, bad_type: Any) -> None:
    """
    A type that is no name allows any value, with flattening as without.
    """
    message = schema({"address": {"type": [bad_type], "properties": {"city": TEXT}}})
    for level in (0, 1):
        row = record({"id": level, "address": {"city": "Ulm"}})
        load_here(database, message, row, data_flattening_max_level=level)
    assert columns(database) == ["id", "address"]
    actual = [json.loads(address) for (address,) in database.query("SELECT address FROM things")]
    assert actual == [{"city": "Ulm"}] * 2


def test_a_key_behind_flattened_objects(database: TestDatabase) -> None:
    """
    The key's properties may come after others in a SCHEMA, flattened or not.
    """
    message = schema({"address": ADDRESS, "name": {"type": "string"}}, key=("name",))
    row = record({"id": 1, "address": {"city": "Kiel"}, "name": "a"})
    load_here(database, message, row, data_flattening_max_level=1)
    assert database.query("SELECT name, address__city FROM things") == [("a", "Kiel")]


@pytest.mark.skipif(FAMILY.row_format == "Compact", reason="its rows hold fewer long texts")
@pytest.mark.parametrize("count", [300, 1500])
def test_a_stream_wider_than_a_row(database: TestDatabase, count: int) -> None:
    """
    Properties that do not fit in a row, with short or long texts, are in a single JSON column.
    """
    property_schema = schema({f"p{number}": TEXT for number in range(count)})
    rows = [
        {"id": at, **{f"p{number}": text * number for number in range(count)}}
        for at, text in enumerate(("", "ü", "x" * 40, "y" * 41))
    ]
    rows.append({"id": 9, "p1": "one", f"p{count - 1}": "last"})
    load_here(database, property_schema, *map(record, rows[:3]))
    load_here(database, property_schema, *map(record, rows[3:]))
    assert 100 < len(columns(database)) < 200
    names = columns(database)[:-1]
    assert columns(database)[-1] == "_sdc_overflow"
    for values in rows:
        sql = f"SELECT {', '.join(names)}, _sdc_overflow FROM things WHERE id = %s"
        ((*row, overflow),) = database.query(sql, (values["id"],))
        actual = dict(zip(names, row, strict=True)) | json.loads(overflow)
        assert {name: value for name, value in actual.items() if value is not None} == values


@pytest.mark.skipif(FAMILY.row_format == "Compact", reason="its rows hold fewer long texts")
def test_json_that_the_overflow_column_cannot_hold(database: TestDatabase) -> None:
    """
    The overflow column becomes text for a value that its JSON type would refuse or change, and
    later runs leave the column as it is.
    """
    message = schema({**{f"p{number}": TEXT for number in range(200)}, "o": {"type": "object"}})
    deep = '{"deep":' + "[" * 200 + "]" * 200 + "}"
    # 31 levels are too many for MariaDB only inside of the overflow column.
    edge = '{"deep":' + "[" * 30 + "]" * 30 + "}"
    loaded = ['{"a":1}', edge, '{"lat":52.520006599999998}', deep]
    for at, value in enumerate(loaded):
        line = f'{{"type":"RECORD","stream":"things","record":{{"id":{at},"o":{value}}}}}'
        for _ in range(2):
            load_here(database, message, line)
    assert columns(database)[-1] == "_sdc_overflow"
    rows = database.query("SELECT _sdc_overflow FROM things ORDER BY id")
    assert [json.loads(row) for (row,) in rows] == [{"o": json.loads(value)} for value in loaded]
    # MySQL formats what its JSON type has held.
    assert [row for (row,) in rows[2:]] == [f'{{"o":{value}}}' for value in loaded[2:]]


@pytest.mark.skipif(FAMILY.row_format == "Compact", reason="its rows hold fewer long texts")
def test_our_own_names_come_back_as_properties(database: TestDatabase) -> None:
    """
    A stream read from a table of this target has the _sdc_ columns as properties, except those for
    the time and version of the load.
    """
    ours = ["_sdc_overflow", "_sdc_staging_line", "_sdc_extracted_at", "_sdc_table_version"]
    property_schema = schema({**dict.fromkeys(ours, TEXT), **{f"p{n}": TEXT for n in range(250)}})
    row = {"id": 1, **dict.fromkeys(ours, "theirs"), "p249": "last"}
    load_here(
        database, property_schema, record(row, version=5, time_extracted="2020-01-01T00:00:00Z")
    )
    read = "SELECT _sdc_overflow, _sdc_extracted_at, _sdc_table_version, _sdc_overflow_ FROM things"
    ((*actual, overflow),) = database.query(read)
    assert actual == ["theirs", moment(2020, 1, 1), 5]  # noqa: DTZ001  # in UTC
    assert json.loads(overflow) == {"p249": "last"}


def test_columns_of_numbers_have_their_limit(database: TestDatabase) -> None:
    """
    A thousand columns and more of small numbers fit a row by their bytes, not by their count.
    """
    property_schema = schema({f"p{number}": {"type": "boolean"} for number in range(1200)})
    load_here(database, property_schema, record({"id": 1, **{f"p{n}": True for n in range(1200)}}))
    ((overflow,),) = database.query("SELECT _sdc_overflow FROM things")
    assert set(json.loads(overflow).values()) == {True}
    assert len(columns(database)) - 1 + len(json.loads(overflow)) == 1201


BAD_DATES = ["0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2020-02-30T00:00:00Z", "soon"]


def test_invalid_dates(database: TestDatabase) -> None:
    """
    Dates that MySQL cannot hold are errors, or null, or, out of range, the nearest; and counted.
    """
    property_schema = schema({"at": DATE_TIME, "day": DATE})
    rows = [record({"id": n, "at": text, "day": text[:-10]}) for n, text in enumerate(BAD_DATES)]
    done = load(database, property_schema, *rows, invalid_dates="null")
    assert done.code == 0, done.err
    assert "4 inserted, 0 updated, 0 deleted, 8 dates that MySQL cannot hold" in done.err
    assert set(database.query("SELECT at, day FROM things")) == {(None, None)}
    load_here(database, property_schema, *rows[:2], invalid_dates="clamp")
    last = moment(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc).replace(tzinfo=None)
    actual = database.query("SELECT at, day FROM things WHERE id < 2 ORDER BY id")
    assert actual[1] == (last, date(9999, 12, 31))
    assert actual[0][1] == date(1, 1, 1)
    for row in rows[2:]:
        done = load(database, property_schema, row, invalid_dates="clamp")
        assert done.code == 1
        assert "column at: not a date: " in done.err


def test_records_are_validated_where_asked_for(database: TestDatabase) -> None:
    """
    validate_records refuses values that violate the SCHEMA but would load otherwise.
    """
    property_schema = schema(
        {"text": {"type": "string", "maxLength": 3}, "n": {"multipleOf": 0.01}}
    )
    good, bad = record({"id": 1, "text": "abc", "n": 1.13}), record({"id": 2, "text": "abcd"})
    done = load(database, property_schema, good, bad, validate_records="true")
    assert done.code == 1
    assert "ERROR line 3, stream things, column text: validate_records: " in done.err
    assert database.query("SELECT id FROM things") == [(1,)]
    assert load(database, property_schema, bad).code == 0
    broken = schema({"text": {"type": "nothing known"}})
    done = load(database, broken, validate_records="true")
    assert done.code == 1
    assert "ERROR stream things: validate_records: no JSON Schema: " in done.err


def test_about_as_markdown() -> None:
    """
    --about --format markdown has a table of all keys.
    """
    done = run_program("target-mysql", "--about", "--format", "markdown")
    assert done.code == 0, done.err
    names = [line.split(" | ")[0][2:] for line in done.out.splitlines() if line.startswith("| ")]
    assert names[1:] == list(Config.__struct_fields__)


def test_about_is_the_configuration() -> None:
    """
    --about prints every key as a JSON Schema that accepts the same values as the program.
    """
    done = run_program("target-mysql", "--about")
    assert done.code == 0
    about = json.loads(done.out)
    assert about["name"] == "target-mysql"
    properties = about["settings"]["properties"]
    assert list(properties) == list(Config.__struct_fields__)
    sample = {"host": "db", "port": 3307, "hard_delete": True, "init_sql": ["SET a = 1"]}
    jsonschema.validate(sample, about["settings"])
    for name, value in (("port", 0), ("ssl_mode", "MAYBE"), ("init_sql", ["DROP TABLE a"])):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({name: value}, about["settings"])
    for name, one in properties.items():
        if "default" in one:
            jsonschema.validate({name: one["default"]}, about["settings"])


def test_metrics_are_logged(database: TestDatabase) -> None:
    """
    METRIC lines count each stream's records and what they changed, time the run, and report the
    outcome.
    """
    rows = [record({"id": number}) for number in range(25)]
    done = load(database, schema({"n": INTEGER}), *rows, "no JSON", batch_size_rows=10)
    actual = [line.partition("METRIC: ")[2] for line in done.err.splitlines() if "METRIC" in line]
    inserted, counted, timed = map(json.loads, actual)
    assert (inserted["metric"], inserted["value"]) == ("rows_inserted", 25)
    assert counted == {
        "type": "counter",
        "metric": "record_count",
        "value": 25,
        "tags": {"stream": "things"},
    }
    assert timed["metric"] == "job_duration"
    assert timed["tags"] == {"job_type": "load", "status": "failed"}


def test_what_is_only_accepted(database: TestDatabase) -> None:
    """
    Keys of PipelineWise that mean nothing here are taken without a word.
    """
    environment = database.environment | settings(temp_dir="/nowhere", flush_all_streams="true")
    lines = to_lines(schema({}), record({"id": 1}))
    done = run_program("target-mysql", stdin=lines, environment=environment)
    assert done.code == 0
    assert "WARNING" not in done.err
