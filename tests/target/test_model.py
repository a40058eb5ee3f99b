"""Any stream with any changes of its SCHEMA equals a model in plain Python."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import date, time, timedelta, timezone
from datetime import datetime as moment
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.conftest import TestDatabase
from tests.target.conftest import LOAD_METHODS, TEXT, load_here, schema

EXAMPLES = int(os.environ.get("EXAMPLES", "300"))
EXACT = {"type": ["null", "number"]}


@dataclass(frozen=True)
class Kind:
    """A type of property: JSON Schema, and values as JSON text."""

    schema: dict[str, Any]
    values: st.SearchStrategy[str]


def dumped(values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.builds(json.dumps, values, ensure_ascii=st.booleans())


characters = st.characters(blacklist_categories=("Cs",))
texts = st.text(characters, max_size=20) | st.text(
    "\x1d\x1e\x1f\0N\\'\"\n% a\U0001f600", max_size=8
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
edges = st.sampled_from([0, 127, 128, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 7])
integers = edges | st.integers(-(2**63), 2**63 - 1)
doubles = st.floats(allow_nan=False, allow_infinity=False).map(repr)
decimals = st.decimals(-(10**25), 10**25, places=12, allow_nan=False).map(lambda one: f"{one:f}")
cents = st.decimals(-(10**15), 10**15, places=2, allow_nan=False).map(lambda one: f"{one:f}")
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(moment(1000, 1, 2), moment(9999, 12, 30), timezones=offsets)  # noqa: DTZ001
days = st.dates(date(1000, 1, 1))
times = st.times(time(0), time(23, 59, 59, 999999))
objects = st.dictionaries(texts, json_values, max_size=3)

KINDS = {
    "integer": Kind({"type": ["null", "integer"]}, dumped(integers)),
    "large": Kind({"type": "integer", "maximum": 10**30}, dumped(st.integers(-(10**30), 10**30))),
    "number": Kind(EXACT, doubles | decimals | dumped(integers)),
    "money": Kind({"type": ["null", "number"], "multipleOf": 0.01}, cents),
    "boolean": Kind({"type": ["null", "boolean"]}, dumped(st.booleans())),
    "text": Kind(TEXT, dumped(texts)),
    "moment": Kind(
        {"type": "string", "format": "date-time"}, dumped(moments.map(moment.isoformat))
    ),
    "day": Kind({"type": "string", "format": "date"}, dumped(days.map(str))),
    "time": Kind({"type": "string", "format": "time"}, dumped(times.map(time.isoformat))),
    "object": Kind({"type": ["null", "object"]}, dumped(objects)),
    "several": Kind({"type": ["integer", "string"]}, dumped(integers) | dumped(texts)),
}
PROPERTIES = [f"p{number}" for number in range(5)]
Row = dict[str, str]
"""A record's properties, each with its value as JSON text."""


@st.composite
def turns(draw: st.DrawFn) -> tuple[dict[str, str], list[Row]]:
    """Return a SCHEMA, the kinds of its properties, and complete records."""
    kinds = draw(
        st.dictionaries(st.sampled_from(PROPERTIES), st.sampled_from(sorted(KINDS)), min_size=1)
    )
    values = {name: st.just("null") | KINDS[kind].values for name, kind in kinds.items()}
    records = st.fixed_dictionaries({"id": st.integers(0, 9).map(str), **values})
    return kinds, draw(st.lists(records, min_size=1, max_size=12))


def message(row: Row) -> str:
    record = ",".join(f"{json.dumps(name)}:{value}" for name, value in row.items())
    return f'{{"type":"RECORD","stream":"things","record":{{{record}}}}}'


@hypothesis_settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    changes=st.lists(turns(), min_size=1, max_size=3),
    method=st.sampled_from(LOAD_METHODS),
    batch_size=st.sampled_from([1, 3, 1000]),
    at_once=st.booleans(),
)
def test_any_stream_equals_a_model(
    database: TestDatabase,
    changes: list[tuple[dict[str, str], list[Row]]],
    method: str,
    batch_size: int,
    at_once: bool,
) -> None:
    """
    For any sequence of types, in any runs and batches, the last value of each property of each key
    is kept to the last digit, in the column of that name or in a renamed column.
    """
    database.query("DROP TABLE IF EXISTS things")
    lines = [
        [schema({name: KINDS[kind].schema for name, kind in kinds.items()}), *map(message, rows)]
        for kinds, rows in changes
    ]
    runs: list[list[Any]] = [sum(lines, [])] if at_once else lines
    for run in runs:
        load_here(database, *run, load_method=method, batch_size_rows=batch_size)
    names = [row[0] for row in database.query("SHOW COLUMNS FROM things")]
    actual = {}
    for row in database.query("SELECT * FROM things"):
        values = dict(zip(names, row, strict=True))
        actual[str(values["id"])] = values
    assert actual.keys() == {row["id"] for _, rows in changes for row in rows}
    last_keys = {row["id"] for row in changes[-1][1]}
    for key, expected in latest(changes).items():
        for name, (value, kind) in expected.items():
            is_last = key in last_keys and name in changes[-1][0]
            columns = [one for one in names if one == name or one.startswith(f"{name}__")]
            old_value = [plain(actual[key][one]) for one in ([name] if is_last else columns)]
            assert canonical(value, kind) in old_value, (key, name, actual[key])


def latest(
    changes: list[tuple[dict[str, str], list[Row]]],
) -> dict[str, dict[str, tuple[str, str]]]:
    """Return each key's last value of each property, and that value's kind."""
    table: dict[str, dict[str, tuple[str, str]]] = {}
    for kinds, rows in changes:
        for row in rows:
            table.setdefault(row["id"], {}).update(
                {name: (row[name], kind) for name, kind in kinds.items()}
            )
    return table


NUMERAL = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)


def canonical(value: str, kind: str) -> Any:
    """Return a sent value in a canonical form, independent of the column type."""
    parsed = json.loads(value, parse_float=Decimal)
    if parsed is None:
        return None
    if kind == "object":
        return as_json(parsed)
    if kind == "moment":
        return plain(moment.fromisoformat(parsed).astimezone(timezone.utc).replace(tzinfo=None))
    if kind == "day":
        return plain(date.fromisoformat(parsed))
    if kind == "time":
        at = time.fromisoformat(parsed)
        return plain(
            timedelta(
                hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond
            )
        )
    return plain(parsed)


def plain(value: Any) -> Any:
    """Return a stored value in a canonical form: numbers as Decimals, dates and times as text."""
    if isinstance(value, (bool, int, float, Decimal)):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return ("number", number)
    if isinstance(value, moment):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}"
    if isinstance(value, date):
        return f"{value} 00:00:00.000000"
    if isinstance(value, timedelta):
        return ("time", value)
    if not isinstance(value, str):
        return value
    if NUMERAL.fullmatch(value):
        return ("number", Decimal(value))
    if re.fullmatch(r"\d\d\d\d-\d\d-\d\d", value, re.ASCII):
        return f"{value} 00:00:00.000000"
    if re.fullmatch(r"\d\d:\d\d:\d\d\.\d{6}", value, re.ASCII):
        at = time.fromisoformat(value)
        return plain(
            timedelta(
                hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond
            )
        )
    if value[:1] == "{":
        try:
            return as_json(json.loads(value, parse_float=Decimal))
        except ValueError:
            return value
    return value


def as_json(value: Any) -> str:
    return "json " + json.dumps(value, sort_keys=True, default=str)
