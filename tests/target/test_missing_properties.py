"""Columns whose property a record lacks follow a single rule for all rows."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import LOAD_METHODS, TEXT, load, load_here, record, schema

PROPERTIES = {"big": TEXT, "small": TEXT}
THINGS = schema(PROPERTIES)
AT = "2026-11-25T15:34:14+00:00"
BATCH_ROWS = (1, 2, 1000)


def things(database: TestDatabase) -> list[tuple[Any, ...]]:
    return database.query("SELECT id, big, small FROM things ORDER BY id")


def first_load(database: TestDatabase) -> None:
    rows = [record({"id": number, "big": f"b{number}", "small": "s"}) for number in (1, 2, 3)]
    load_here(database, THINGS, *rows)


@pytest.mark.parametrize("method", LOAD_METHODS)
@pytest.mark.parametrize("batch_rows", BATCH_ROWS)
def test_null_empties_what_a_record_leaves_out(
    database: TestDatabase, method: str, batch_rows: int
) -> None:
    """
    With `null`, and with `auto` for streams that are not log-based, a declared property that a
    record lacks becomes NULL, whatever other records share the batch.
    """
    for setting in ("null", "auto"):
        first_load(database)
        rows = [record({"id": 1, "small": "new"}), record({"id": 2, "big": "B", "small": None})]
        options = {"load_method": method, "batch_size_rows": batch_rows}
        load_here(database, THINGS, *rows, missing_properties=setting, **options)
        assert things(database) == [(1, None, "new"), (2, "B", None), (3, "b3", "s")]


def test_what_the_schema_does_not_have_keeps_its_value(database: TestDatabase) -> None:
    """
    The column of a deselected property, which the SCHEMA lacks, keeps its value.
    """
    first_load(database)
    load_here(database, schema({"small": TEXT}), record({"id": 1, "small": "new"}))
    assert things(database) == [(1, "b1", "new"), (2, "b2", "s"), (3, "b3", "s")]


@pytest.mark.parametrize("method", LOAD_METHODS)
@pytest.mark.parametrize("batch_rows", BATCH_ROWS)
def test_keep_leaves_what_a_record_leaves_out(
    database: TestDatabase, method: str, batch_rows: int
) -> None:
    """
    With `keep`, each row keeps the properties that its record lacks, also from an earlier record of
    the same batch; an explicit null is NULL.
    """
    first_load(database)
    rows = [
        record({"id": 1, "small": "new"}),
        record({"id": 2, "big": "B", "small": None}),
        record({"id": 4, "big": "large"}),
        record({"id": 4, "small": "later"}),
        record({"id": 1, "big": None}),
        record({"id": 3}),
    ]
    options = {"load_method": method, "batch_size_rows": batch_rows}
    load_here(database, THINGS, *rows, missing_properties="keep", **options)
    assert things(database) == [
        (1, None, "new"),
        (2, "B", None),
        (3, "b3", "s"),
        (4, "large", "later"),
    ]


@pytest.mark.parametrize("name", ["_sdc_deleted_at", "_sdc_lsn", "_SDC_LSN", "_ab_cdc_lsn"])
@pytest.mark.parametrize("property_schema", [True, False])
def test_auto_keeps_for_streams_that_are_log_based(
    database: TestDatabase, name: str, property_schema: bool
) -> None:
    """
    A stream is log-based if the SCHEMA or a record has a property that only log-based taps send.
    """
    first_load(database)
    message = schema({**PROPERTIES, name: TEXT}) if property_schema else THINGS
    rows = [record({"id": 2, "big": "B", name: None}), record({"id": 1, "small": "new"})]
    load_here(database, message, *rows)
    assert things(database) == [(1, "b1", "new"), (2, "B", "s"), (3, "b3", "s")]


@pytest.mark.parametrize(
    ("sql_type", "json_type", "value"),
    [
        ("JSON", "object", {"a": [1, 2.5]}),
        ("LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "string", "b"),
        ("LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "string", "b"),
        (None, "object", {"a": [1, 2.5]}),
    ],
)
def test_keep_whatever_the_column_is(
    database: TestDatabase, sql_type: str | None, json_type: str, value: object
) -> None:
    """
    A column of JSON, or of text with another collation than the target's, keeps its value, too.
    """
    if sql_type == "JSON" and not FAMILY.reads_json:
        pytest.skip("this server has no JSON type")
    if sql_type:
        database.query(f"CREATE TABLE things (id BIGINT PRIMARY KEY, big {sql_type}, small TEXT)")
    message = schema({"big": {"type": ["null", json_type]}, "small": TEXT})
    rows = [record({"id": 1, "big": value}), record({"id": 1, "small": "new"})]
    for _ in range(2):
        load_here(database, message, *rows, missing_properties="keep")
    ((_, big, small),) = things(database)
    assert (json.loads(big) if json_type == "object" else big, small) == (value, "new")


@pytest.mark.parametrize("batch_rows", BATCH_ROWS)
def test_a_delete_event_with_the_key_alone(database: TestDatabase, batch_rows: int) -> None:
    """
    A flagged row keeps its values.
    """
    first_load(database)
    rows = [record({"id": 2, "_sdc_deleted_at": AT}), record({"id": 1, "big": "B", "small": "S"})]
    load_here(database, THINGS, *rows, batch_size_rows=batch_rows)
    assert things(database) == [(1, "B", "S"), (2, "b2", "s"), (3, "b3", "s")]
    flags = "SELECT id FROM things WHERE _sdc_deleted_at IS NOT NULL"
    assert database.query(flags) == [(2,)]


@pytest.mark.parametrize("method", LOAD_METHODS)
def test_more_properties_than_one_number_has_flags(database: TestDatabase, method: str) -> None:
    """
    With any of a hundred properties missing, each row has the values of its last records.
    """
    names, chance = [f"p{number}" for number in range(100)], random.Random(7)
    message = schema({name: {"type": ["null", "integer"]} for name in names})
    expected: dict[int, dict[str, Any]] = {}
    rows = []
    for number in range(300):
        row = {name: number for name in names if chance.random() < 0.4}
        row |= {"p63": None} if chance.random() < 0.3 else {}
        key = chance.randrange(20)
        rows.append(record({"id": key, **row}))
        expected[key] = expected.get(key, dict.fromkeys(names)) | row
    options = {"missing_properties": "keep", "load_method": method, "batch_size_rows": 70}
    load_here(database, message, *rows, **options)
    actual = database.query(f"SELECT id, {', '.join(names)} FROM things")
    assert {key: dict(zip(names, row, strict=True)) for key, *row in actual} == expected


def test_children_of_a_parent_that_repeats(database: TestDatabase) -> None:
    """
    When a parent is sent twice in a batch, the second time in part, only the later children count.
    """
    parent = schema({"text": TEXT}, stream="orders")
    child = schema({"item": {"type": "string"}}, key=("id", "item"), stream="items")
    child["schema"]["x-parent"] = {"stream": "orders", "keys": {"id": "id"}}
    rows = [
        record({"id": 1, "text": "a"}, stream="orders"),
        record({"id": 1, "item": "old"}, stream="items"),
        record({"id": 1}, stream="orders"),
        record({"id": 1, "item": "new"}, stream="items"),
    ]
    load_here(database, parent, child, *rows, missing_properties="keep")
    assert database.query("SELECT id, text FROM orders") == [(1, "a")]
    assert database.query("SELECT id, item FROM items") == [(1, "new")]


def test_undeclared_properties_of_later_records_are_named(database: TestDatabase) -> None:
    """
    A single warning names all undeclared properties of a batch. A property that is an object in the
    SCHEMA and another value in a record is an error.
    """
    nested = {"type": "object", "properties": {"a": {"type": "integer"}}}
    message = schema({**PROPERTIES, "nested": nested})
    rows = [record({"id": 1, "x": 1}), record({"id": 2, "y": {}}), record({"id": 3, "x": 3})]
    rows += [record({"id": 4, "nested": {"a": 1, "z": 2}}), record({"id": 5, 'a"b': 1, "c": 2})]
    done = load(database, message, *rows, data_flattening_max_level=1)
    assert done.code == 0, done.err
    assert 'does not declare are left out: a"b, c, nested.z, x, y' in done.err
    assert done.err.count("WARNING") == 1
    assert database.query("SELECT COUNT(*), SUM(nested__a) FROM things") == [(5, 1)]
