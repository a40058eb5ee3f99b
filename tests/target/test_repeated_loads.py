"""Loads that repeat and change some rows equal a model; only changed rows get new times."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.target.conftest import INTEGER, TEXT, Message, load_here

LOADS = 4
ORDERS = ("0", "1", "2", "3", "4", "5")
NAMES = ("a", "A", "\u00e9", "e\u0301", "\U0001f600", "\\u0000", "a b")
OBJECTS = ('{"a":1}', '{"a":1.0}', '{"a":[1,1.0]}', '{"a":[1.0,1]}', '{"a":-0.0}', '{"a":0.0}')
VALUES = {
    "text": ('"a"', '"A"', '"a "', '"\\u00e9"', '"\\u0000"', '""'),
    "number": ("0", "-0.0", "1", "1.5", "1e300"),
    "exact": ("0", "1.25", "1.2", "1.20"),
    "object": OBJECTS,
    "day": ('"2020-01-02"', '"9999-12-31"'),
}
SCHEMAS: dict[str, Any] = {
    "text": TEXT,
    "number": {"type": ["null", "number"]},
    "exact": {"type": ["null", "number"], "multipleOf": 0.01},
    "object": {"type": ["null", "object"]},
    "day": {"type": ["null", "string"], "format": "date"},
}
Row = dict[str, str]
"""A record's properties, each with its value as JSON text."""
Order = tuple[Row, dict[str, Row]]
"""A record, and its children by their names."""


def schemas(prefix: str, key: list[str]) -> list[Message]:
    """Return the SCHEMAs of orders and of their items, which have the key `key`."""
    orders: dict[str, Any] = {"properties": {"id": INTEGER, **SCHEMAS}}
    items: dict[str, Any] = {
        "properties": {"order": INTEGER, "name": {"type": "string"}, **SCHEMAS},
        "x-parent": {"stream": f"{prefix}orders", "keys": {"order": "id"}},
    }
    streams = (("orders", orders, ["id"]), ("items", items, key))
    return [
        {"type": "SCHEMA", "stream": prefix + name, "schema": schema, "key_properties": key}
        for name, schema, key in streams
    ]


def line(stream: str, row: Row, hour: int) -> str:
    values = ",".join(f'"{name}":{value}' for name, value in row.items())
    return (
        f'{{"type":"RECORD","stream":"{stream}","record":{{{values}}}'
        f',"time_extracted":"2026-01-01T{hour:02}:00:00Z"}}'
    )


def records(prefix: str, orders: dict[str, Order], hour: int) -> Iterator[str]:
    for order, (row, items) in orders.items():
        yield line(f"{prefix}orders", {"id": order, **row}, hour)
        for name, item in items.items():
            yield line(f"{prefix}items", {"order": order, "name": name, **item}, hour)


def some_row(choice: random.Random) -> Row:
    return {name: choice.choice(("null", *values)) for name, values in VALUES.items()}


def changed(choice: random.Random, order: Order, names: list[str]) -> Order:
    """Return the order, perhaps with another value and other children; most remain."""
    row, items = dict(order[0]), dict(order[1])
    if choice.random() < 0.6:
        name, value = choice.choice(list(some_row(choice).items()))
        row[name] = value
    for name in names:
        if choice.random() < 0.3:
            items[name] = some_row(choice)
        elif choice.random() < 0.1:
            items.pop(name, None)
    return row, items


def stored(database: TestDatabase, table: str, key: list[str]) -> dict[Any, tuple[Any, int]]:
    """Return the rows by key: all values as the server writes them, and the hour."""
    owner = ["order"] if key == ["name"] else []
    values = ", ".join(f"HEX(CONCAT(`{name}`))" for name in (*key, *owner, *SCHEMAS))
    rows = database.query(f"SELECT {values}, HOUR(_sdc_extracted_at) FROM {table}")
    return {row[: len(key)]: (row[:-1], row[-1]) for row in rows}


@pytest.mark.parametrize("key", [["order", "name"], ["name", "order"], ["name"]])
@pytest.mark.parametrize("seed", range(3))
def test_only_changes_are_written(database: TestDatabase, key: list[str], seed: int) -> None:
    """
    After each load the rows equal those of new tables, and have the time of their last change.
    """
    choice = random.Random(seed)
    # Without the order in the key, a name is that of one order's item.
    prefixes = {order: order if key == ["name"] else "" for order in ORDERS}
    names = {order: [f'"{prefix}{name}"' for name in NAMES] for order, prefix in prefixes.items()}
    orders: dict[str, Order] = {order: (some_row(choice), {}) for order in ORDERS}
    before: dict[str, Any] = {"orders": {}, "items": {}}
    for hour in range(1, LOADS + 1):
        orders = {one: changed(choice, orders[one], names[one]) for one in orders}
        load_here(database, *schemas("", key), *records("", orders, hour))
        database.query("DROP TABLE IF EXISTS new_items, new_orders")
        load_here(database, *schemas("new_", key), *records("new_", orders, hour))
        for table, columns in (("orders", ["id"]), ("items", key)):
            rows, expected = (stored(database, f"{new}{table}", columns) for new in ("", "new_"))
            for one, (values, _) in expected.items():
                if before[table].get(one, ((), 0))[0] == values:
                    expected[one] = before[table][one]
            assert rows == expected
            before[table] = rows
