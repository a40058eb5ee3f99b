"""A row that has all values already is left as it is, and its children, too."""

from __future__ import annotations

import re
from typing import Any

import pytest

from target_mysql.server.merge_statements import delete_children
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.table import to_table
from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import INTEGER, TEXT, Message, activate, load, load_here, record, schema
from tests.target.conftest import state as state_message

NULL = "null"
PROPERTIES: dict[str, Any] = {
    "text": TEXT,
    "short": {"type": [NULL, "string"], "maxLength": 40},
    "whole": {"type": [NULL, "integer"]},
    "number": {"type": [NULL, "number"]},
    "exact": {"type": [NULL, "number"], "multipleOf": 0.01},
    "yes": {"type": [NULL, "boolean"]},
    "at": {"type": [NULL, "string"], "format": "date-time"},
    "day": {"type": [NULL, "string"], "format": "date"},
    "object": {"type": [NULL, "object"]},
    "mixed": {"type": [NULL, "string", "integer"]},
}
VALUES: dict[str, Any] = {
    "text": "caf\u00e9 \U0001f600 \\ 100 %s",
    "short": "a",
    "whole": 2**40,
    "number": 0.1,
    "exact": 1.25,
    "yes": True,
    "at": "2020-01-02T03:04:05.678901Z",
    "day": "2020-01-02",
    "object": {"b": [1, 2.5, None], "a": "\u00e9"},
    "mixed": "7",
}
OTHERS: dict[str, Any] = {
    "text": "caf\u00e9 \U0001f601",
    "short": "A",
    "whole": 2**40 + 1,
    "number": 0.2,
    "exact": 1.26,
    "yes": False,
    "at": "2020-01-02T03:04:05.678902Z",
    "day": "2020-01-03",
    "object": {"b": [1, 2.5, None], "a": "e"},
    "mixed": 8,
}
ORDERS = schema({"name": TEXT}, stream="orders")
ITEMS: Message = {
    "type": "SCHEMA",
    "stream": "items",
    "schema": {
        "properties": {"orderId": INTEGER, "item": {"type": "string"}, "note": TEXT},
        "x-parent": {"stream": "orders", "keys": {"orderId": "id"}},
    },
    "key_properties": ["orderId", "item"],
}


def times(database: TestDatabase, table: str = "things") -> list[Any]:
    """Return the times of the rows, in the order of the key's last column."""
    last = "item" if table == "items" else "id"
    return database.query(
        f"SELECT _sdc_batched_at, _sdc_extracted_at, _sdc_table_version FROM {table}"
        f" ORDER BY {last}"
    )


def at(hour: int) -> dict[str, Any]:
    """Return a RECORD's time of extraction and version."""
    return {"time_extracted": f"2026-01-01T{hour:02}:00:00Z", "version": 1}


def order(number: int, items: dict[str, str], hour: int) -> list[Message]:
    rows = [{"orderId": number, "item": item, "note": note} for item, note in items.items()]
    return [
        record({"id": number}, "orders", **at(hour)),
        *(record(row, "items", **at(hour)) for row in rows),
    ]


def live_items(database: TestDatabase) -> list[Any]:
    return database.query("SELECT orderId, item, note FROM items ORDER BY orderId, item")


@pytest.mark.parametrize("values", [VALUES, dict.fromkeys(VALUES), {}], ids=["all", "null", "none"])
def test_an_equal_row_is_not_written(database: TestDatabase, values: dict[str, Any]) -> None:
    """
    The server writes nothing, and the times stay those of the last change.
    """
    load_here(database, schema(PROPERTIES), record({"id": 1, **values}, **at(1)))
    before = times(database)
    done = load(database, schema(PROPERTIES), record({"id": 1, **values}, **at(2)))
    assert "things: 1 records: 0 inserted, 0 updated, 0 deleted" in done.err, done.err
    assert times(database) == before


@pytest.mark.parametrize("rows", [1, 2])
def test_counts(database: TestDatabase, rows: int) -> None:
    """
    Batches of new, equal and changed rows are counted as such, however few rows there are.
    """
    counts = []
    for text in ("a", "a", "b"):
        records = [record({"id": number, "text": text}) for number in range(rows)]
        done = load(database, schema({"text": TEXT}), *records)
        counts += re.findall(r"(\d+) inserted, (\d+) updated", done.err)
    assert counts == [(f"{rows}", "0"), ("0", "0"), ("0", f"{rows}")]


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize("other", ["another value", "null"])
def test_a_change_of_any_column_is_written(database: TestDatabase, name: str, other: str) -> None:
    """
    Each column's change, to and from null, gives the row new times.
    """
    changed = {**VALUES, name: OTHERS[name] if other == "another value" else None}
    batched_at = []
    for number, values in enumerate([VALUES, changed, VALUES], 1):
        load_here(database, schema(PROPERTIES), record({"id": 1, **values}, **at(number)))
        ((batched, extracted, _),) = times(database)
        batched_at.append(batched)
        assert extracted.hour == number
    assert batched_at == sorted(set(batched_at))


@pytest.mark.parametrize("name", ["text", "object"])
def test_a_change_of_a_value_longer_than_a_packet(database: TestDatabase, name: str) -> None:
    """
    A value of more than max_allowed_packet, which some functions take for NULL, is compared, too.
    """
    if not FAMILY.takes_options:
        pytest.skip("this server gets its rows by INSERT, each in a packet")
    if name == "object" and FAMILY.rewrites_json:
        pytest.skip("no JSON may be longer than a packet here")
    ((max_packet,),) = database.query("SELECT @@max_allowed_packet")
    texts = ("x" * (max_packet + 5), "x" * (max_packet + 4) + "y")
    for number, text in enumerate(texts, 1):
        value = text if name == "text" else {"a": text}
        message = schema({name: PROPERTIES[name]})
        load_here(database, message, record({"id": 1, name: value}, **at(number)))
        assert times(database)[0][1].hour == number


@pytest.mark.skipif(not FAMILY.rewrites_json, reason="this server stores JSON as its text")
def test_json_whose_text_is_longer_than_a_packet(database: TestDatabase) -> None:
    """
    JSON that the server stores, but cannot turn into text, is compared no more: it is a change.
    """
    ((max_packet,),) = database.query("SELECT @@max_allowed_packet")
    database.query("SET GLOBAL max_allowed_packet = 1048576")
    try:
        for hour, end in enumerate("xxy", 1):
            row = {"id": 1, "object": {"a": "\n" * 600_000 + end}}
            load_here(database, schema({"object": PROPERTIES["object"]}), record(row, **at(hour)))
            assert times(database)[0][1].hour == hour
    finally:
        database.query("SET GLOBAL max_allowed_packet = %s", (max_packet,))


@pytest.mark.skipif(not FAMILY.has_latin1, reason="this server has utf8mb4 alone")
@pytest.mark.parametrize("character_set", ["utf8mb4 COLLATE utf8mb4_general_ci", "latin1"])
@pytest.mark.parametrize("text", ["A", "a ", "\u00e1"])
def test_a_change_that_a_collation_ignores(
    database: TestDatabase, character_set: str, text: str
) -> None:
    """
    Case, accents and blanks at the end are changes, whatever the existing column's collation.
    """
    database.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY,"
        f" text VARCHAR(9) CHARACTER SET {character_set})"
    )
    load_here(database, schema({"text": TEXT}), record({"id": 1, "text": "a"}, **at(1)))
    load_here(database, schema({"text": TEXT}), record({"id": 1, "text": text}, **at(2)))
    assert database.query("SELECT text FROM things") == [(text,)]
    assert times(database)[0][1].hour == 2


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("number", "0.0", "-0.0"),
        ("number", "-0.0", "0"),
        ("object", '{"a":1}', '{"a":1.0}'),
        ("object", '{"a":[1,1.0]}', '{"a":[1.0,1]}'),
        ("object", '{"a":0.0}', '{"a":-0.0}'),
    ],
)
def test_a_change_that_a_comparison_ignores(
    database: TestDatabase, name: str, value: str, other: str
) -> None:
    """
    A number that is written in another way is written, and the row has new times, if it is kept so.
    """
    columns = f"CONCAT({name}), _sdc_extracted_at"
    rows = []
    for hour, raw in enumerate((value, other), 1):
        line = f'{{"type":"RECORD","stream":"things","record":{{"id":1,"{name}":{raw}}}'
        line += f',"time_extracted":"2026-01-01T{hour:02}:00:00Z"}}'
        load_here(database, schema({name: PROPERTIES[name]}), line)
        rows += database.query(f"SELECT {columns} FROM things")
    others = line.replace("things", "others")
    load_here(database, schema({name: PROPERTIES[name]}, stream="others"), others)
    ((kept, _),) = database.query(f"SELECT {columns} FROM others")
    assert rows[1][0] == kept
    assert (rows[0][1] != rows[1][1]) is (rows[0][0] != rows[1][0])


def test_a_column_of_whole_seconds(database: TestDatabase) -> None:
    """
    Times of a table made by hand, which the server would round, change with the row alone, too.
    """
    database.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, text LONGTEXT,"
        " _sdc_batched_at DATETIME, _sdc_extracted_at DATETIME)"
    )
    database.query(
        "INSERT INTO things VALUES (1, 'a', '2020-01-01', '2020-01-01'), (2, 'a', NULL, NULL)"
    )
    rows = [record({"id": 1, "text": "a"}), record({"id": 2, "text": "b"})]
    load_here(
        database,
        schema({"text": TEXT}),
        *({**row, "time_extracted": "2026-01-01T01:00:00Z"} for row in rows),
    )
    first, second = database.query(
        "SELECT _sdc_batched_at, _sdc_extracted_at FROM things ORDER BY id"
    )
    assert [one.year for one in first] == [2020, 2020]
    assert second[0] is not None and second[1].year == 2026


def test_an_equal_row_that_was_deleted(database: TestDatabase) -> None:
    """
    A row that is flagged as deleted and comes back is live again, with new times.
    """
    load_here(database, schema({}), record({"id": 1}, **at(1)), activate(2))
    assert database.query("SELECT COUNT(_sdc_deleted_at) FROM things") == [(1,)]
    load_here(database, schema({}), record({"id": 1}, **at(2)))
    assert database.query("SELECT COUNT(_sdc_deleted_at) FROM things") == [(0,)]
    assert times(database)[0][1].hour == 2


def test_a_later_version_is_no_change(database: TestDatabase) -> None:
    """
    A full pass leaves an equal row as it is, and ACTIVATE_VERSION keeps it.
    """
    load_here(database, schema({}), record({"id": 1}, **at(1)), record({"id": 2}, **at(1)))
    later = record({"id": 1}, **{**at(2), "version": 2})
    load_here(database, schema({}), later, activate(2))
    rows = database.query("SELECT id, _sdc_table_version, _sdc_deleted_at FROM things ORDER BY id")
    assert rows[0] == (1, 1, None)
    assert rows[1][:2] == (2, 1) and rows[1][2] is not None
    assert times(database)[0][1].hour == 1


def test_equal_children_are_not_written(database: TestDatabase) -> None:
    """
    Of a parent's children only the changed are updated, and only those that are gone deleted.
    """
    load_here(database, ORDERS, ITEMS, *order(1, {"a": "x", "b": "x", "c": "x"}, hour=1))
    again = order(1, {"a": "x", "b": "y", "d": "x"}, hour=2)
    done = load(database, ORDERS, ITEMS, *again)
    assert "items: 3 records: 1 inserted, 1 updated, 0 deleted" in done.err, done.err
    assert live_items(database) == [(1, "a", "x"), (1, "b", "y"), (1, "d", "x")]
    assert [one[1].hour for one in times(database, "items")] == [1, 2, 2]


def test_children_of_an_earlier_record_of_their_parent(database: TestDatabase) -> None:
    """
    A child that only an earlier record of the parent has, in the same batch, is deleted.
    """
    load_here(database, ORDERS, ITEMS, *order(1, {"a": "x", "b": "x"}, hour=1))
    load_here(
        database,
        ORDERS,
        ITEMS,
        *order(1, {"a": "x", "b": "x"}, hour=2),
        *order(1, {"b": "x"}, hour=3),
    )
    assert live_items(database) == [(1, "b", "x")]


def test_a_child_that_moves_to_another_parent(database: TestDatabase) -> None:
    """
    A child whose key lacks the parent belongs to the parent of its last record.
    """
    items = {**ITEMS, "key_properties": ["item"]}
    load_here(database, ORDERS, items, *order(1, {"a": "x"}, 1), *order(2, {"b": "x"}, 1))
    load_here(database, ORDERS, items, *order(1, {"b": "x"}, 2), *order(2, {}, 2))
    assert live_items(database) == [(1, "b", "x")]
    load_here(database, ORDERS, items, *order(2, {"b": "x"}, 3), *order(1, {}, 3))
    assert live_items(database) == [(2, "b", "x")]
    # Its record precedes its parent's last one, and does not count.
    load_here(database, ORDERS, items, *order(2, {}, 4), *order(1, {"b": "x"}, 4), *order(1, {}, 4))
    assert live_items(database) == []


def test_equal_children_of_a_parent_that_lacks_a_property(database: TestDatabase) -> None:
    """
    All children are deleted then, and equal ones are inserted again.
    """
    load_here(database, ORDERS, ITEMS, *order(1, {"a": "x"}, 1), missing_properties="null")
    load_here(database, ORDERS, ITEMS, *order(1, {"a": "x"}, 2), missing_properties="keep")
    assert live_items(database) == [(1, "a", "x")]


@pytest.mark.skipif(not FAMILY.references_longer_text, reason="no grandchildren by text here")
def test_equal_children_of_a_child_that_moves(database: TestDatabase) -> None:
    """
    They are deleted with the row of the former parent, and inserted again.
    """
    items = {**ITEMS, "key_properties": ["item"]}
    parts: Message = {
        "type": "SCHEMA",
        "stream": "parts",
        "schema": {
            "properties": {"item": {"type": "string"}, "part": {"type": "string"}},
            "x-parent": {"stream": "items", "keys": {"item": "item"}},
        },
        "key_properties": ["item", "part"],
    }
    part = record({"item": "b", "part": "p"}, "parts", version=1)
    load_here(database, ORDERS, items, parts, *order(1, {"b": "x"}, 1), part, *order(2, {}, 1))
    load_here(database, ORDERS, items, parts, *order(2, {"b": "x"}, 2), part, *order(1, {}, 2))
    assert database.query("SELECT item, part FROM parts") == [("b", "p")]


def deletion_plan(database: TestDatabase, key: list[str], kept: str | None) -> list[str]:
    """
    Return the tables that the deletion reads, in order; `key` is that of the children's table.
    """
    database.query("CREATE TABLE staged (id BIGINT PRIMARY KEY, _sdc_staging_line BIGINT)")
    database.query(
        "INSERT INTO staged VALUES " + ", ".join(f"({number}, {number})" for number in range(100))
    )
    for name in ("items", "kept"):
        database.query(
            f"CREATE TABLE {name} (orderId BIGINT, item VARCHAR(9), _sdc_staging_line BIGINT,"
            f" PRIMARY KEY ({', '.join(key)}))"
        )
    items = to_table("items", ITEMS["schema"], key, Dialect(FAMILY.collation, json=None))
    statement = delete_children(items, "staged", kept, FAMILY.collation)
    return [row[2] for row in database.query(f"EXPLAIN FORMAT=TRADITIONAL {statement}")]


@pytest.mark.skipif(not FAMILY.takes_options, reason="this server's plans have another form")
@pytest.mark.parametrize("kept", [None, "kept"])
def test_a_deletion_begins_at_the_staged_rows(database: TestDatabase, kept: str | None) -> None:
    """
    No statistics have the server scan the table of children, which may have millions of rows.
    """
    tables = deletion_plan(database, ["orderId", "item"], kept)
    assert tables == ["staged", "items", *([kept] if kept else [])]


@pytest.mark.skipif(not FAMILY.takes_options, reason="this server's plans have another form")
@pytest.mark.parametrize("kept", [None, "kept"])
def test_a_deletion_scans_children_without_an_index_once(
    database: TestDatabase, kept: str | None
) -> None:
    """
    Where the children's key does not begin with the parent, no scan follows for each staged row.
    """
    tables = deletion_plan(database, ["item", "orderId"], kept)
    assert tables == ["items", "staged", *([kept] if kept else [])]


@pytest.mark.parametrize("collation", ["utf8mb4_bin", "utf8mb4_general_ci"])
def test_a_child_whose_parent_is_text_of_another_collation(
    database: TestDatabase, collation: str
) -> None:
    """
    The column for the parent, in no key, keeps the collation that a table made by hand gives it.
    """
    database.query(
        "CREATE TABLE items (item VARCHAR(9) CHARACTER SET utf8mb4 PRIMARY KEY,"
        f" orderId VARCHAR(9) CHARACTER SET utf8mb4 COLLATE {collation})"
    )
    orders = {**ORDERS, "schema": {"properties": {"id": {"type": "string"}}}}
    properties = {**ITEMS["schema"]["properties"], "orderId": {"type": "string"}}
    items = {**ITEMS, "schema": {**ITEMS["schema"], "properties": properties}}
    items["key_properties"] = ["item"]
    for names in (["a", "b"], ["b", "c"]):
        rows = [record({"orderId": "x", "item": name}, "items") for name in names]
        messages = [orders, items, record({"id": "x"}, "orders"), *rows]
        load_here(database, *messages, foreign_keys=False)
    assert database.query("SELECT item FROM items ORDER BY item") == [("b",), ("c",)]


@pytest.mark.skipif(not FAMILY.has_latin1, reason="this server has utf8mb4 alone")
@pytest.mark.parametrize("character_set", ["utf8mb4 COLLATE utf8mb4_bin", "latin1", "utf8mb4"])
def test_children_of_a_table_made_by_hand(database: TestDatabase, character_set: str) -> None:
    """
    Children are told apart by each byte of their key, whatever the collation of their table.
    """
    database.query(
        "CREATE TABLE items (orderId BIGINT, item VARCHAR(9), note LONGTEXT,"
        f" PRIMARY KEY (orderId, item)) CHARACTER SET {character_set}"
    )
    load_here(database, ORDERS, ITEMS, *order(1, {"a": "x", "\u00e9": "x"}, hour=1))
    load_here(database, ORDERS, ITEMS, *order(1, {"A": "x", "\u00e9": "x"}, hour=2))
    assert live_items(database) == [(1, "A", "x"), (1, "\u00e9", "x")]


def test_a_batch_ends_at_a_state(database: TestDatabase) -> None:
    """
    A nearly full batch is loaded at a STATE, which parts no children from their parent.
    """
    messages: list[Message] = [ORDERS, ITEMS]
    for number in range(1, 40):
        messages += [*order(number, {"a": "x", "b": "x"}, hour=1), state_message(number)]
    load_here(database, *messages, batch_size_rows=10)
    before = times(database, "items")
    done = load(database, *messages, batch_size_rows=10)
    assert "items: 78 records: 0 inserted, 0 updated, 0 deleted" in done.err, done.err
    assert times(database, "items") == before
