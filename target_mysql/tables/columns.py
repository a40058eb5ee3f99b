"""
From a property's JSON Schema to a column: what it holds, and what to make of it when it is too
narrow. Pure.

What a server can do differs; the few differences that reach a table's shape are in `Dialect`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from math import log10
from typing import Any

Schema = Mapping[str, Any]

BIGINT_MIN, BIGINT_MAX = -(2**63), 2**63 - 1
MAX_DECIMAL_DIGITS = 65
DEFAULT_DECIMAL_DIGITS = 38
WIDE_SCALE = 30  # the most digits behind the point that MySQL holds
BYTES_A_CHARACTER = 4  # utf8mb4
KEY_BYTES = 3072  # of all of an index's columns
# Of InnoDB's 8,126 bytes a row, what is left for columns: its own, null bits and ours taken off.
ROW_BYTES = 7_850
PAGE_BYTES = 16_384  # of InnoDB, unless it was set up otherwise
SMALL_KEY_BYTES = 767  # of one of them, on MySQL 5.6 as it comes
NUMBER_AS_TEXT_COMMENT = "number, as text"


class Kind(Enum):
    """What a column holds, as far as writing a value goes."""

    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    STRING = "string"
    DATE_TIME = "date_time"
    DATE = "date"
    TIME = "time"
    JSON = "json"  # objects, arrays, and what has no type
    MIXED = "mixed"  # several types that only text can hold
    NUMBER_AS_TEXT = "number as text"  # numbers, as text: digits beyond DOUBLE and DECIMAL


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
    Kind.MIXED: "LONGTEXT",
    Kind.NUMBER_AS_TEXT: "LONGTEXT",
}
_TEXT_TYPE = re.compile(r"\w*text|(var)?char|enum|set", re.IGNORECASE)
TEXTUAL = (Kind.STRING, Kind.MIXED, Kind.NUMBER_AS_TEXT)


@dataclass(frozen=True)
class JsonType:
    """
    A server's type for JSON: how deep it lets values nest, and whether numbers stay as written.

    Where they do not, integers of 64 bits and what a DOUBLE holds exactly do.
    """

    name: str
    depth: int
    keeps_digits: bool


@dataclass(frozen=True)
class Dialect:
    """
    How a server's tables differ: the collation of text, JSON's type if any, the bytes of a key's
    column.

    `key_bytes` are those of one column of a key, `index_bytes` those of all. `row_bytes` are left
    for a row's columns. Where the collation `pads`, blanks at the end of a text count for nothing.
    `staging_engine` is what loads a temporary table fastest, where that is not InnoDB; its keys
    are short, so text keys go to InnoDB all the same.
    """

    collation: str
    json: JsonType | None
    key_bytes: int = KEY_BYTES
    row_format: str | None = None
    staging_engine: str | None = None
    pads: bool = False
    index_bytes: int = KEY_BYTES
    row_bytes: int = ROW_BYTES

    @property
    def key_advice(self) -> str:
        """What to do where a key's text is longer than an index holds."""
        advice = "have the tap use a shorter key, or load the stream without key_properties"
        if self.key_bytes == SMALL_KEY_BYTES:
            settings = "innodb_file_format=Barracuda and innodb_large_prefix=ON"
            return f"on MySQL 5.6 set {settings} for longer ones, {advice}"
        return f"{advice} (primary_key_required: false)"

    def without_json(self) -> Dialect:
        """Return the dialect with JSON in columns of text."""
        return replace(self, json=None)

    def with_pages(self, size: int) -> Dialect:
        """Return the dialect of a server whose InnoDB has pages of `size` bytes."""
        if size >= PAGE_BYTES:
            return self
        index_bytes = KEY_BYTES * size // PAGE_BYTES
        return replace(
            self,
            key_bytes=min(self.key_bytes, index_bytes),
            index_bytes=index_bytes,
            # Half a page, less what a page and a row need for themselves.
            row_bytes=size // 2 - 342,
        )


@dataclass(frozen=True)
class Column:
    """
    A column and the `path` of the property that fills it; an _sdc_ column has no path.

    `digits` and `scale` belong to a DECIMAL, `limits` to an integer, `max_length` (characters) to a
    string, `json` to a JSON type. `members` are the paths of properties that do not fit in the row
    and share this column as one JSON object. `wider_type` is the column to change to when a value
    does not fit. `comment` is stored with the column for later runs. With `pads`, trailing spaces
    do not count when keys are compared. `length_advice` ends the error for a text that is too long.
    """

    name: str
    kind: Kind
    sql_type: str
    path: tuple[str, ...] = ()
    digits: int = 0
    scale: int = 0
    limits: tuple[int, int] = (BIGINT_MIN, BIGINT_MAX)
    max_length: int | None = None
    json: JsonType | None = None
    members: tuple[tuple[str, ...], ...] = ()
    wider_type: Column | None = None
    comment: str = ""
    pads: bool = False
    length_advice: str = ""

    @property
    def filled_by_record(self) -> bool:
        """Tell whether a record fills it, and not the target."""
        return bool(self.path or self.members)

    @property
    def collated(self) -> bool:
        """Tell whether its type is one of text, and has a character set."""
        return bool(_TEXT_TYPE.match(self.sql_type))


def to_column(name: str, path: Sequence[str], schema: Schema, dialect: Dialect) -> Column:
    """Return the column for a property that is no part of the key."""
    kind, facts = to_kind(schema)
    return for_property(_column_of(name, kind, facts, dialect), name, tuple(path))


def for_property(
    column: Column, name: str, path: tuple[str, ...], members: tuple[tuple[str, ...], ...] = ()
) -> Column:
    """Return `column` and its wider ones under `name`, for the property, or the members."""
    wider_type = column.wider_type and for_property(column.wider_type, name, path, members)
    return replace(column, name=name, path=path, members=members, wider_type=wider_type)


def to_key_column(
    name: str, path: Sequence[str], schema: Schema, dialect: Dialect, columns_in_key: int
) -> Column:
    """
    Return a key's column: text must fit the index, so the columns of a key share its bytes.

    Its wider column has all of the bytes that one column may have; see text_keys.py.
    """
    column = to_column(name, path, schema, dialect)
    if column.kind not in (Kind.STRING, Kind.MIXED, Kind.JSON):
        return without_text(column)
    kind = Kind.MIXED if column.kind is Kind.JSON else column.kind
    text = Column(name, kind, "", column.path, pads=dialect.pads, length_advice=dialect.key_advice)
    longest = dialect.key_bytes // BYTES_A_CHARACTER
    length = min(longest, dialect.index_bytes // columns_in_key // BYTES_A_CHARACTER)
    return replace(
        varchar(text, length), wider_type=varchar(text, longest) if length < longest else None
    )


def varchar(column: Column, length: int) -> Column:
    """Return `column` as a VARCHAR of `length` characters."""
    return replace(column, sql_type=f"VARCHAR({length})", max_length=length)


def without_text(column: Column) -> Column:
    """Return a key's column without those of its wider ones that no index can hold."""
    wider_type = column.wider_type
    is_text = wider_type is None or wider_type.collated
    return replace(column, wider_type=None if is_text else wider_type and without_text(wider_type))


def integer_column(name: str) -> Column:
    """Return a BIGINT; for integers beyond it a DECIMAL."""
    return Column(name, Kind.INTEGER, "BIGINT", wider_type=widest_integer(name))


def widest_integer(name: str) -> Column:
    """Return the DECIMAL that holds the longest integers."""
    return decimal_column(name, MAX_DECIMAL_DIGITS, 0)


def date_time_column(name: str) -> Column:
    return Column(name, Kind.DATE_TIME, SQL_TYPES[Kind.DATE_TIME])


def number_column(name: str) -> Column:
    """
    Return a DOUBLE; for digits that it would lose a DECIMAL, and for what that lacks, text.
    """
    numeral = Column(
        name, Kind.NUMBER_AS_TEXT, SQL_TYPES[Kind.NUMBER_AS_TEXT], comment=NUMBER_AS_TEXT_COMMENT
    )
    return Column(
        name, Kind.NUMBER, "DOUBLE", wider_type=replace(wide_decimal(name), wider_type=numeral)
    )


def wide_decimal(name: str) -> Column:
    """Return the DECIMAL that holds every integer of 64 bits, and as many other numbers as can."""
    return decimal_column(name, MAX_DECIMAL_DIGITS, WIDE_SCALE)


def decimal_column(name: str, digits: int, scale: int) -> Column:
    return Column(name, Kind.DECIMAL, f"DECIMAL({digits},{scale})", digits=digits, scale=scale)


def json_column(name: str, dialect: Dialect) -> Column:
    """Return a column for JSON; for what the server's type would refuse or change, text."""
    text = Column(name, Kind.JSON, "LONGTEXT")
    if dialect.json is None:
        return text
    return Column(name, Kind.JSON, dialect.json.name, json=dialect.json, wider_type=text)


def _column_of(name: str, kind: Kind, facts: Schema, dialect: Dialect) -> Column:
    if kind is Kind.JSON:
        return json_column(name, dialect)
    if kind is Kind.NUMBER:
        return number_column(name)
    if kind is Kind.INTEGER:
        digits = _integer_digits(facts)
        if digits is None:
            return integer_column(name)
        return replace(decimal_column(name, digits, 0), wider_type=widest_integer(name))
    if kind is Kind.DECIMAL:
        scale = _scale(facts["multipleOf"])
        digits = max(DEFAULT_DECIMAL_DIGITS, min(MAX_DECIMAL_DIGITS, scale + 20))
        return replace(
            decimal_column(name, digits, scale), wider_type=number_column(name).wider_type
        )
    return Column(name, kind, SQL_TYPES[kind])


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
    numbers = [Decimal(limit) for limit in limits if isinstance(limit, (int, float, Decimal))]
    numbers = [number for number in numbers if number.is_finite()]
    if all(BIGINT_MIN <= number <= BIGINT_MAX for number in numbers):
        return None
    return min(MAX_DECIMAL_DIGITS, max(number.adjusted() + 1 for number in numbers))
