"""A full pass writes no unchanged row, yet ACTIVATE_VERSION knows the rows that it has read."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import (
    ALIKE,
    INTEGER,
    TEXT,
    Message,
    activate,
    load,
    load_here,
    record,
    schema,
)

NAME = {"type": "string"}
RUNS = 8
ORDERS = schema({"text": TEXT}, stream="orders")


def child(stream: str, parent: str, keys: dict[str, str], *key: str) -> Message:
    properties = {"order": INTEGER, "item": NAME, "part": NAME, "text": TEXT}
    own = {name: one for name, one in properties.items() if name in (*key, "text")}
    declared = {"properties": own, "x-parent": {"stream": parent, "keys": keys}}
    return {"type": "SCHEMA", "stream": stream, "schema": declared, "key_properties": list(key)}


ITEMS = child("items", "orders", {"order": "id"}, "order", "item")
PARTS = child("parts", "items", {"order": "order", "item": "item"}, "order", "item", "part")
SCHEMAS = (ORDERS, ITEMS, PARTS)
KEYS = {"orders": ("id",), "items": ("order", "item"), "parts": ("order", "item", "part")}


def rows(version: int, *keys: Any, stream: str = "orders") -> list[Message]:
    """Return equal records of these keys; a key is a value, or the values of KEYS in order."""
    values = (key if isinstance(key, tuple) else (key,) for key in keys)
    return [
        record({**dict(zip(KEYS[stream], one, strict=True)), "text": "a"}, stream, version=version)
        for one in values
    ]


def live(database: TestDatabase, stream: str = "orders") -> list[Any]:
    """Return the keys of the rows that are not flagged as deleted."""
    names = ", ".join(f"`{name}`" for name in KEYS[stream])
    found = database.query(
        f"SELECT {names} FROM {stream} WHERE _sdc_deleted_at IS NULL ORDER BY {names}"
    )
    return [one[0] if len(one) == 1 else one for one in found]


def versions(database: TestDatabase, stream: str = "orders") -> set[Any]:
    return {one for (one,) in database.query(f"SELECT _sdc_table_version FROM {stream}")}


def stored(database: TestDatabase) -> list[Any]:
    return database.query("SELECT table_name, version, COUNT(*) FROM _sdc_versions GROUP BY 1, 2")


@pytest.mark.parametrize("hard_delete", ["false", "true"])
def test_an_unchanged_row_is_not_written(database: TestDatabase, hard_delete: str) -> None:
    """
    The version of an unchanged row is stored, and counts for each ACTIVATE_VERSION.
    """
    load_here(database, ORDERS, *rows(1, 1, 2, 3), activate(1, "orders"))
    assert stored(database) == []
    done = load(database, ORDERS, *rows(2, 2, 3), activate(2, "orders"), hard_delete=hard_delete)
    assert "orders: 2 records: 0 inserted, 0 updated, 1 deleted" in done.err
    assert (live(database), versions(database)) == ([2, 3], {1})
    assert stored(database) == [("orders", 2, 2)]
    load_here(database, ORDERS, activate(2, "orders"), hard_delete=hard_delete)
    assert live(database) == [2, 3]
    load_here(database, ORDERS, *rows(3, 3), activate(3, "orders"), hard_delete=hard_delete)
    assert (live(database), versions(database)) == ([3], {1})
    assert stored(database) == [("orders", 3, 1)]


def test_a_pass_of_several_runs(database: TestDatabase) -> None:
    """
    Rows that an earlier run of the pass has found unchanged survive its end.
    """
    load_here(database, ORDERS, *rows(1, 1, 2, 3, 4))
    load_here(database, ORDERS, *rows(2, 1))
    load_here(database, ORDERS, *rows(2, 2))
    load_here(database, ORDERS, *rows(2, 3), activate(2, "orders"))
    assert live(database) == [1, 2, 3]


def test_rows_without_a_version(database: TestDatabase) -> None:
    """
    Rows that were loaded before the stream had versions survive if they come again unchanged.
    """
    unversioned = [record({"id": number, "text": "a"}, "orders") for number in (1, 2)]
    load_here(database, ORDERS, *unversioned)
    load_here(database, ORDERS, *rows(2, 1), activate(2, "orders"))
    assert (live(database), versions(database)) == ([1], {None})


def test_a_later_record_of_an_earlier_version(database: TestDatabase) -> None:
    """
    A version never becomes lower, neither in a row nor where it is stored.
    """
    load_here(database, ORDERS, *rows(1, 1))
    load_here(database, ORDERS, *rows(3, 1))
    load_here(database, ORDERS, *rows(2, 1))
    changed = record({"id": 1, "text": "b"}, "orders", version=2)
    load_here(database, ORDERS, changed, activate(3, "orders"))
    assert (live(database), versions(database)) == ([1], {2})


@pytest.mark.skipif(not FAMILY.references_longer_text, reason="no grandchildren by text here")
@pytest.mark.parametrize("order", [("orders", "items", "parts"), ("parts", "items", "orders")])
def test_children_have_the_versions_of_their_parents(
    database: TestDatabase, order: Sequence[str]
) -> None:
    """
    Unchanged children of parents that came again survive, whatever is activated first.
    """
    keys: list[tuple[str, Any]] = [
        (stream, key)
        for number in (1, 2)
        for stream, key in (
            ("orders", number),
            ("items", (number, "a")),
            ("items", (number, "b")),
            ("parts", (number, "a", "x")),
        )
    ]
    lines = [one for stream, key in keys for one in rows(1, key, stream=stream)]
    load_here(database, *SCHEMAS, *lines)
    again = [one for stream, key in keys[:4] for one in rows(2, key, stream=stream)]
    load_here(database, *SCHEMAS, *again, *(activate(2, stream) for stream in order))
    assert live(database, "orders") == [1]
    assert live(database, "items") == [(1, "a"), (1, "b")]
    assert live(database, "parts") == [(1, "a", "x")]
    assert all(versions(database, stream) == {1} for stream in KEYS)
    assert stored(database) == [("orders", 2, 1)]


def test_a_child_that_comes_without_its_parent(database: TestDatabase) -> None:
    """
    It gets its version, though it is unchanged, since its parent may not have that.
    """
    load_here(database, ORDERS, ITEMS, *rows(1, 1), *rows(1, (1, "a"), (1, "b"), stream="items"))
    alone = rows(2, (1, "a"), stream="items")
    load_here(database, ORDERS, ITEMS, *alone, activate(2, "items"))
    assert live(database, "items") == [(1, "a")]


def test_a_child_whose_parent_has_another_key(database: TestDatabase) -> None:
    """
    It gets its version, since no index would find its parent.
    """
    parent = schema({"number": INTEGER}, stream="orders")
    item = child("items", "orders", {"order": "number"}, "order", "item")

    def lines(version: int, number: int) -> list[Message]:
        order = record({"id": number, "number": number}, "orders", version=version)
        return [order, *rows(version, (number, "a"), stream="items")]

    load_here(database, parent, item, *lines(1, 1), *lines(1, 2), foreign_keys="false")
    again = (*lines(2, 1), activate(2, "items"))
    load_here(database, parent, item, *again, foreign_keys="false")
    assert live(database, "items") == [(1, "a")]
    assert versions(database, "items") == {1, 2}


@pytest.mark.parametrize(("id_", "order"), [("ID", "order"), ("id", "ORDER"), ("Id", "Order")])
def test_columns_of_another_case(database: TestDatabase, id_: str, order: str) -> None:
    """
    Children find their parents in tables made by hand, in whatever case the columns are.
    """
    database.query(f"CREATE TABLE orders (`{id_}` BIGINT PRIMARY KEY, text LONGTEXT)")
    database.query(
        f"CREATE TABLE items (`{order}` BIGINT, item VARCHAR(100), text LONGTEXT,"
        f" PRIMARY KEY (`{order}`, item))"
    )
    for version, orders in ((1, (1, 2)), (2, (1,))):
        lines = [
            one
            for number in orders
            for one in (*rows(version, number), *rows(version, (number, "a"), stream="items"))
        ]
        ends = [activate(version, "orders"), activate(version, "items")]
        load_here(database, ORDERS, ITEMS, *lines, *ends)
    assert live(database, "items") == [(1, "a")]
    assert versions(database, "items") == {1}


@pytest.mark.parametrize(
    ("key", "values"),
    [
        pytest.param(NAME, [*ALIKE, "\u00e9", "\U0001f600" * 63, "x" * 64], id="text"),
        pytest.param(NAME, ["9" * 63, "9" * 64, "9" * 65, ""], id="long"),
        pytest.param({"type": "integer", "maximum": 10**30}, [10**29, -1, 0], id="integer"),
        pytest.param({"type": "number"}, [1.5, 1e300, -2], id="number"),
        pytest.param(
            {"type": "string", "format": "date-time"}, ["2020-01-02T03:04:05.6Z"], id="moment"
        ),
    ],
)
@pytest.mark.parametrize("others", [(), ("id",)])
def test_keys_of_all_types(
    database: TestDatabase, key: Message, values: list[Any], others: tuple[str, ...]
) -> None:
    """
    A version leads to its row, whatever the key is.
    """
    message = schema({"key": key, "text": TEXT}, key=("key", *others))
    records = [{"key": one, "id": 1, "text": "a"} for one in values]
    load_here(database, message, *(record(one, version=1) for one in records))
    ((count,),) = database.query("SELECT COUNT(*) FROM things")
    load_here(database, message, *(record(one, version=2) for one in records), activate(2))
    found = "SELECT COUNT(*), COUNT(_sdc_deleted_at) FROM things"
    assert database.query(found) == [(count, 0)]
    load_here(database, message, record(records[0], version=3), activate(3))
    assert database.query(found) == [(count, count - 1)]


def test_keys_of_equal_text(database: TestDatabase) -> None:
    """
    A row does not survive by the version of another, whose columns are as long together.
    """
    message = schema({"a": NAME, "b": NAME}, key=("a", "b"))
    records = [{"a": "1,2", "b": "3"}, {"a": "1", "b": "2,3"}]
    load_here(database, message, *(record(one, version=1) for one in records))
    load_here(database, message, record(records[0], version=2), activate(2))
    assert database.query("SELECT a FROM things WHERE _sdc_deleted_at IS NULL") == [("1,2",)]


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        pytest.param(
            NAME,
            NAME,
            "a",
            "b" * 300,
            id="text",
            marks=pytest.mark.skipif(FAMILY.key_characters < 300, reason="a key is shorter here"),
        ),
        pytest.param({"type": "integer"}, {"type": "integer"}, 1, 10**25, id="integer"),
        pytest.param({"type": "integer"}, {"type": "number"}, 1, 1.5, id="number"),
        pytest.param(
            {"type": "number"}, {"type": "number", "multipleOf": 0.01}, 1, 1.5, id="exact"
        ),
    ],
)
def test_a_key_that_grows_during_a_pass(
    database: TestDatabase, before: Message, after: Message, old: Any, new: Any
) -> None:
    """
    Rows that were unchanged before a column of the key became wider survive.
    """

    def message(key: Message) -> Message:
        return schema({"key": key, "text": TEXT}, key=("key",))

    def row(key: Any, version: int) -> Message:
        return record({"key": key, "id": 1, "text": "a"}, version=version)

    load_here(database, message(before), row(old, 1))
    load_here(database, message(before), row(old, 2))
    load_here(database, message(after), row(new, 2), activate(2))
    assert database.query("SELECT COUNT(*), COUNT(_sdc_deleted_at) FROM things") == [(2, 0)]


def test_a_property_with_the_name_of_the_version(database: TestDatabase) -> None:
    """
    Without metadata columns the column is the tap's, and a change of the key leaves it as it is.
    """
    row = {"id": 1, "text": "a"}
    for version in (1, 2):
        load_here(database, schema({"text": TEXT}), record(row, version=version))
    wide = {"type": "integer", "maximum": 10**30}
    message = schema({"id": wide, "text": TEXT, "_sdc_table_version": INTEGER})
    new = record({"id": 10**25, "_sdc_table_version": 7})
    load_here(database, message, new, add_metadata_columns="false")
    assert database.query("SELECT _sdc_table_version FROM things ORDER BY id") == [(1,), (7,)]


@pytest.mark.skipif(not FAMILY.has_latin1, reason="this server lacks latin1")
def test_a_latin1_table_that_has_versions(database: TestDatabase) -> None:
    """
    The rows of another target survive if they come again, whatever the character set of their key.
    """
    database.query(
        "CREATE TABLE things (`key` VARCHAR(100) PRIMARY KEY, id BIGINT, _sdc_table_version BIGINT)"
        " CHARACTER SET latin1"
    )
    database.query("INSERT INTO things VALUES ('\u00e9', 1, 1), ('a', 1, 1)")
    again = record({"key": "\u00e9", "id": 1}, version=2)
    load_here(database, schema({"key": NAME}, key=("key",)), again, activate(2))
    found = "SELECT `key` FROM things WHERE _sdc_deleted_at IS NULL"
    assert database.query(found) == [("\u00e9",)]


def test_a_table_that_was_dropped(database: TestDatabase) -> None:
    """
    The versions of an earlier table of that name count no more, though they are higher.
    """
    load_here(database, ORDERS, *rows(8, 1, 2))
    load_here(database, ORDERS, *rows(9, 1, 2))
    database.query("DROP TABLE orders")
    load_here(database, ORDERS, *rows(1, 1, 2))
    load_here(database, ORDERS, *rows(2, 2), activate(2, "orders"))
    assert live(database) == [2]


class Model:
    """The rows of three streams by their keys: version, text and whether they are live."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, tuple[int, str]]] = {stream: {} for stream in KEYS}
        self.dead: set[tuple[str, Any]] = set()
        self.highest = dict.fromkeys(KEYS, 0)

    def put(self, stream: str, key: Any, version: int, text: str) -> None:
        before = self.rows[stream].get(key, (0, ""))[0]
        self.rows[stream][key] = (max(before, version), text)
        self.dead.discard((stream, key))
        self.highest[stream] = max(self.highest[stream], version)

    def remove_below(self, stream: str, key: Any) -> None:
        """Remove the children of a row, and theirs."""
        names = list(KEYS)
        for below in names[names.index(stream) + 1 :]:
            for one in [one for one in self.rows[below] if one[: len(key)] == key]:
                del self.rows[below][one]
                self.dead.discard((below, one))

    def version(self, stream: str, key: Any) -> int:
        """Return the higher of a row's version and its parent's."""
        own = self.rows[stream].get(key, (0, ""))[0]
        return max(own, self.version(list(KEYS)[len(key) - 2], key[:-1])) if len(key) > 1 else own

    def activate(self, stream: str, version: int, *, hard_delete: bool) -> None:
        if version < self.highest[stream]:
            return
        self.highest[stream] = version
        old = [one for one in self.rows[stream] if self.version(stream, one) < version]
        for key in old:
            if hard_delete:
                del self.rows[stream][key]
                self.remove_below(stream, key)
            else:
                self.dead.add((stream, key))

    def live(self, stream: str) -> dict[Any, str]:
        found = self.rows[stream].items()
        return {key: text for key, (_, text) in found if (stream, key) not in self.dead}


def some_order(choice: random.Random, model: Model, number: int, version: int) -> list[Message]:
    """Return an order with its items and parts, most of them as they were; the model gets them."""
    keys: list[tuple[str, Any]] = [("orders", (number,))]
    for item in "xy":
        if choice.random() < (0.9 if (number, item) in model.rows["items"] else 0.3):
            keys.append(("items", (number, item)))
            if choice.random() < 0.7:
                keys.append(("parts", (number, item, "p")))
    before = {(stream, key): model.rows[stream].get(key) for stream, key in keys}
    model.remove_below("orders", (number,))
    lines: list[Message] = []
    for (stream, key), row in before.items():
        if row:
            model.rows[stream][key] = row
        text = row[1] if row and choice.random() < 0.8 else choice.choice("bcd")
        model.put(stream, key, version, text)
        values = {**dict(zip(KEYS[stream], key, strict=True)), "text": text}
        lines.append(record(values, stream, version=version))
    return lines


@pytest.mark.skipif(not FAMILY.references_longer_text, reason="no grandchildren by text here")
@pytest.mark.parametrize("hard_delete", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_any_passes_equal_a_model(database: TestDatabase, seed: int, hard_delete: bool) -> None:
    """
    Whatever comes again, changed or not, in any batches and versions, the live rows are those of
    the model.
    """
    choice = random.Random(seed)
    model, version = Model(), 1
    for _ in range(RUNS):
        lines: list[Message] = []
        for number in choice.sample(range(6), choice.randint(0, 6)):
            earlier = choice.random() < 0.1
            lines += some_order(choice, model, number, max(1, version - earlier))
        if choice.random() < 0.6:
            for stream in choice.sample(list(KEYS), 3):
                lines.append(activate(version, stream))
                model.activate(stream, version, hard_delete=hard_delete)
            version += choice.random() < 0.8
        else:
            version += choice.random() < 0.3
        size = choice.choice((1, 2, 5, 1000))
        load_here(
            database, *SCHEMAS, *lines, hard_delete=str(hard_delete).lower(), batch_size_rows=size
        )
        for stream, key in KEYS.items():
            names = ", ".join(f"`{name}`" for name in key)
            found = f"SELECT {names}, text FROM {stream} WHERE _sdc_deleted_at IS NULL"
            actual = {tuple(one[:-1]): one[-1] for one in database.query(found)}
            assert actual == model.live(stream), stream
