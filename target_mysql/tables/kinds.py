"""The kinds of values, derived from JSON Schema. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from math import log10
from typing import Any

Schema = Mapping[str, Any]


class Kind(Enum):
    """The kind of values that a column holds."""

    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    STRING = "string"
    DATE_TIME = "date_time"
    DATE = "date"
    TIME = "time"
    JSON = "json"  # objects, arrays, and values without a type
    MIXED = "mixed"  # several types that only text can hold
    NUMBER_AS_TEXT = "number as text"  # numbers, as text: digits beyond DOUBLE and DECIMAL


FORMATS = {"date-time": Kind.DATE_TIME, "date": Kind.DATE, "time": Kind.TIME}
SIMPLE_KINDS = {
    "boolean": Kind.BOOLEAN,
    "object": Kind.JSON,
    "array": Kind.JSON,
}
# Kinds that also hold the values of other kinds.
WIDER = {
    Kind.NUMBER: {Kind.INTEGER},
    Kind.DECIMAL: {Kind.INTEGER},
    Kind.STRING: {Kind.DATE_TIME, Kind.DATE, Kind.TIME},
}
TEXTUAL = (Kind.STRING, Kind.MIXED, Kind.NUMBER_AS_TEXT)


def to_kind(schema: Schema) -> tuple[Kind, Schema]:
    """Return the kind that holds all values of `schema`, and the branch that limits them."""
    schema = schema if isinstance(schema, Mapping) else {}  # `true` allows anything, as {} does
    branches = [branch for branch in _branches(schema) if branch.get("type") != "null"]
    kinds = {kind: branch for branch in branches for kind in _branch_kinds(branch)}
    if not kinds:
        return Kind.JSON, schema
    if len(kinds) == 1:
        return next(iter(kinds.items()))
    for wide, narrow in WIDER.items():
        if wide in kinds and kinds.keys() <= narrow | {wide}:
            return wide, kinds[wide]
    return Kind.MIXED, schema


def _branches(schema: Schema) -> Iterable[Schema]:
    """Yield the alternatives of `schema`: anyOf, oneOf and allOf, or `schema` itself."""
    for word in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(word), list):
            for branch in schema[word]:
                if isinstance(branch, Mapping):
                    yield from _branches(branch)
            if "type" not in schema:
                return
    yield schema


def _branch_kinds(branch: Schema) -> Iterable[Kind]:
    types = branch.get("type")
    for one in types if isinstance(types, list) else [types]:
        if one == "integer":
            yield Kind.INTEGER
        elif one == "number":
            yield Kind.DECIMAL if decimal_places(branch.get("multipleOf")) else Kind.NUMBER
        elif one == "string":
            yield FORMATS.get(str(branch.get("format")), Kind.STRING)
        elif isinstance(one, str) and one in SIMPLE_KINDS:
            yield SIMPLE_KINDS[one]


def decimal_places(multiple_of: object) -> int:
    """Return n if a multipleOf is 10 to the power of -n, otherwise 0."""
    if not isinstance(multiple_of, (int, float, Decimal)) or not 0 < multiple_of < 1:
        return 0
    places = round(-log10(multiple_of))
    return places if 0 < places <= 30 and float(f"1e-{places}") == float(multiple_of) else 0
