"""
From a JSON Schema to a table's columns and keys. Pure.

What a server can do differs; the few differences that reach a table's shape are in `Dialect`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from math import log10
from typing import Any

Schema = Mapping[str, Any]

MAX_NAME_LENGTH = 64  # characters of a MySQL identifier
BIGINT_MIN, BIGINT_MAX = -(2**63), 2**63 - 1
MAX_DECIMAL_DIGITS = 65
DEFAULT_DECIMAL_DIGITS = 38
BYTES_A_CHARACTER = 4  # utf8mb4

STAGING = "_sdc_staging_"  # how the names of the temporary tables begin, and of no others
EXTRACTED_AT = "_sdc_extracted_at"
BATCHED_AT = "_sdc_batched_at"
DELETED_AT = "_sdc_deleted_at"
TABLE_VERSION = "_sdc_table_version"


class Kind(Enum):
    """What a column holds, as far as writing a value goes."""

    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    STRING = "string"
    DATE_TIME = "date-time"
    DATE = "date"
    TIME = "time"
    JSON = "json"  # objects, arrays, and what has no type
    TEXT = "text"  # several types that only text can hold


FORMATS = {"date-time": Kind.DATE_TIME, "date": Kind.DATE, "time": Kind.TIME}
SIMPLE_KINDS = {
    "boolean": Kind.BOOLEAN,
    "object": Kind.JSON,
    "array": Kind.JSON,
}
# Several kinds of which one holds the values of the others.
WIDER = {
    Kind.NUMBER: {Kind.INTEGER},
    Kind.DECIMAL: {Kind.INTEGER},
    Kind.STRING: {Kind.DATE_TIME, Kind.DATE, Kind.TIME},
}
SQL_TYPES = {
    Kind.NUMBER: "DOUBLE",
    Kind.BOOLEAN: "TINYINT(1)",
    Kind.STRING: "LONGTEXT",
    Kind.DATE_TIME: "DATETIME(6)",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME(6)",
    Kind.TEXT: "LONGTEXT",
}


@dataclass(frozen=True)
class Dialect:
    """
    How a server's tables differ: the collation of text, JSON's type, the bytes of a key.

    `staging_engine` is what loads a temporary table fastest, where that is not InnoDB; its keys
    are short, so text keys go to InnoDB all the same.
    """

    collation: str
    json_type: str
    key_bytes: int
    row_format: str | None = None
    staging_engine: str | None = None


@dataclass(frozen=True)
class Column:
    """
    A column and the property that fills it (none for the _sdc_ columns that a batch fills).

    `digits` and `scale` are a DECIMAL's; `max_length` a key string's, in characters.
    """

    name: str
    kind: Kind
    sql_type: str
    property: str | None = None
    digits: int = 0
    scale: int = 0
    max_length: int | None = None


@dataclass(frozen=True)
class Parent:
    """The stream that a table's rows come and go with; `keys` are pairs of columns, ours first."""

    stream: str
    table: str
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """
    A stream's table: its columns in order, and the names of the key's columns in order.

    `numbered` rows carry their line's number while they are staged: a parent's and a child's must,
    to tell which of two sets of children is the later parent's.
    """

    stream: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    parent: Parent | None = None
    numbered: bool = False

    @property
    def properties(self) -> tuple[Column, ...]:
        """The columns that a record fills."""
        return tuple(column for column in self.columns if column.property is not None)

    def has(self, name: str) -> bool:
        """Tell whether there is a column called `name`, whatever the case: MySQL ignores it."""
        return any(column.name.casefold() == name.casefold() for column in self.columns)

    def adds(self, name: str) -> bool:
        """Tell whether there is a column called `name` that this target fills, not the tap."""
        return any(column.name == name and column.property is None for column in self.columns)


def to_table(
    stream: str,
    schema: Schema,
    key_properties: Sequence[str],
    dialect: Dialect,
    *,
    add_metadata_columns: bool = True,
) -> Table:
    """
    Return the table for a stream's SCHEMA message.

    Raises ValueError where the schema has no properties or lacks a key property.
    """
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise ValueError("SCHEMA without properties")
    for name in key_properties:
        if name not in properties:
            raise ValueError(f"key property {name} is not among the properties")
    for name in (stream, *properties):
        _refuse_surrogates(name)
    names = to_names(properties)
    columns = [
        _to_column(names[name], name, schema_of_property, key_properties, dialect)
        for name, schema_of_property in properties.items()
    ]
    if add_metadata_columns:
        taken = {column.name.casefold() for column in columns}
        columns += [column for column in METADATA_COLUMNS if column.name not in taken]
    key = tuple(names[name] for name in key_properties)
    parent = _to_parent(schema, names)
    return Table(stream, to_name(stream), tuple(columns), key, parent, numbered=bool(parent))


def _to_parent(schema: Schema, names: Mapping[str, str]) -> Parent | None:
    """Return what a schema's `x-parent` says; ValueError where it is not understood."""
    given = schema.get("x-parent")
    if given is None:
        return None
    stream = given.get("stream") if isinstance(given, Mapping) else None
    keys = given.get("keys") if isinstance(given, Mapping) else None
    if not isinstance(stream, str) or not isinstance(keys, Mapping) or not keys:
        raise ValueError("x-parent needs a stream and keys")
    unknown = [name for name in keys if name not in names]
    if unknown:
        raise ValueError(f"x-parent: {', '.join(unknown)} is not among the properties")
    pairs = tuple((names[ours], to_name(theirs)) for ours, theirs in keys.items())
    return Parent(stream, to_name(stream), pairs)


METADATA_COLUMNS = tuple(
    Column(name, Kind.DATE_TIME, SQL_TYPES[Kind.DATE_TIME])
    for name in (EXTRACTED_AT, BATCHED_AT, DELETED_AT)
)
LINE_COLUMN = Column("_sdc_line", Kind.INTEGER, "BIGINT")  # of the staging table alone
VERSION_COLUMN = Column(TABLE_VERSION, Kind.INTEGER, "BIGINT")


def _to_column(
    name: str, property_name: str, schema: Schema, key: Sequence[str], dialect: Dialect
) -> Column:
    kind, facts = to_kind(schema)
    if property_name in key:
        return _to_key_column(name, property_name, kind, facts, key, dialect)
    if kind is Kind.JSON:
        return Column(name, kind, dialect.json_type, property_name)
    return _plain_column(name, property_name, kind, facts)


def _plain_column(name: str, property_name: str, kind: Kind, facts: Schema) -> Column:
    if kind is Kind.INTEGER:
        digits = _integer_digits(facts)
        if digits is None:
            return Column(name, kind, "BIGINT", property_name)
        return Column(name, Kind.DECIMAL, f"DECIMAL({digits},0)", property_name, digits)
    if kind is Kind.DECIMAL:
        scale = _scale(facts["multipleOf"])
        digits = max(DEFAULT_DECIMAL_DIGITS, min(MAX_DECIMAL_DIGITS, scale + 20))
        return Column(name, kind, f"DECIMAL({digits},{scale})", property_name, digits, scale)
    return Column(name, kind, SQL_TYPES[kind], property_name)


def _to_key_column(
    name: str, property_name: str, kind: Kind, facts: Schema, key: Sequence[str], dialect: Dialect
) -> Column:
    """A key's column: text must fit the index, so the columns of a key share its bytes."""
    if kind not in (Kind.STRING, Kind.TEXT, Kind.JSON):
        return _plain_column(name, property_name, kind, facts)
    kind = Kind.TEXT if kind is Kind.JSON else kind
    length = dialect.key_bytes // BYTES_A_CHARACTER // len(key)
    return Column(name, kind, f"VARCHAR({length})", property_name, max_length=length)


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
    return Kind.TEXT, schema


def _branches(schema: Schema) -> Iterable[Schema]:
    """Yield the alternatives of `schema`: itself, or those of its anyOf, oneOf, allOf."""
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
            yield Kind.DECIMAL if _scale(branch.get("multipleOf")) else Kind.NUMBER
        elif one == "string":
            yield FORMATS.get(str(branch.get("format")), Kind.STRING)
        elif isinstance(one, str) and one in SIMPLE_KINDS:
            yield SIMPLE_KINDS[one]


def _scale(multiple_of: object) -> int:
    """Return the digits behind the point that a multipleOf of 0.1, 0.01, … asks for, else 0."""
    if not isinstance(multiple_of, (int, float, Decimal)) or not 0 < multiple_of < 1:
        return 0
    places = round(-log10(multiple_of))
    return places if 0 < places <= 30 and float(f"1e-{places}") == float(multiple_of) else 0


def _integer_digits(facts: Schema) -> int | None:
    """Return the digits of an integer whose limits are beyond BIGINT, or None."""
    limits = [facts.get("minimum"), facts.get("maximum")]
    numbers = [int(limit) for limit in limits if isinstance(limit, (int, float, Decimal))]
    if all(BIGINT_MIN <= number <= BIGINT_MAX for number in numbers):
        return None
    return min(MAX_DECIMAL_DIGITS, max(len(str(abs(number))) for number in numbers))


# What MySQL allows in a quoted name: no NUL, nothing beyond the basic plane.
_NOT_IN_NAMES = re.compile("[\x00\U00010000-\U0010ffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def _refuse_surrogates(name: str) -> None:
    if _SURROGATES.search(name):
        raise ValueError(f"the name {name!r} is no Unicode text")


def to_name(name: str) -> str:
    """
    Return `name` as an identifier of at most 64 characters.

    What MySQL cannot take in a name is replaced, and a hash keeps two such names apart.
    """
    fit = _NOT_IN_NAMES.sub("_", name)
    fit = fit[:-1] + "_" if fit.endswith(" ") else fit
    ours = fit.casefold().startswith(STAGING)
    if fit == name and 0 < len(fit) <= MAX_NAME_LENGTH and not ours:
        return name
    return _with_hash(fit, name)


def to_names(names: Iterable[str]) -> dict[str, str]:
    """Return an identifier for each name; names that differ only by case are told apart."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        fit = to_name(name)
        if fit.casefold() in taken:
            fit = _with_hash(fit, name)
        taken.add(fit.casefold())
        found[name] = fit
    return found


def _with_hash(fit: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{fit[: MAX_NAME_LENGTH - 10]}__{digest}"
