"""
The column for a property of a JSON Schema, and the wider columns for values that do not fit. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from target_mysql.tables.dialect import BYTES_A_CHARACTER, Dialect, JsonType
from target_mysql.tables.kinds import Kind, Schema, decimal_places, to_kind

BIGINT_MIN, BIGINT_MAX = -(2**63), 2**63 - 1
MAX_DECIMAL_DIGITS = 65
DEFAULT_DECIMAL_DIGITS = 38
WIDE_SCALE = 30  # the most digits behind the point that MySQL holds
NUMBER_AS_TEXT_COMMENT = "number, as text"


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


@dataclass(frozen=True)
class Column:
    """
    A column and the `path` of the property that fills it; an _sdc_ column has no path.

    `digits` and `scale` belong to a DECIMAL, `limits` to an integer, `max_length` (characters) to a
    string, `json` to a JSON type. `members` are the paths of properties that do not fit in the row
    and share this column as a JSON object. `wider_type` is the column to change to when a value
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
        """Whether records fill the column, and not the target."""
        return bool(self.path or self.members)

    @property
    def collated(self) -> bool:
        """Whether the type is text, with a character set."""
        return bool(_TEXT_TYPE.match(self.sql_type))


def to_column(name: str, path: Sequence[str], schema: Schema, dialect: Dialect) -> Column:
    """Return the column for a property that is no part of the key."""
    kind, facts = to_kind(schema)
    return for_property(_column_of(name, kind, facts, dialect), name, tuple(path))


def for_property(
    column: Column, name: str, path: tuple[str, ...], members: tuple[tuple[str, ...], ...] = ()
) -> Column:
    """Return `column`, and its wider ones, with the name and the property or members."""
    wider_type = column.wider_type and for_property(column.wider_type, name, path, members)
    return replace(column, name=name, path=path, members=members, wider_type=wider_type)


def to_key_column(
    name: str, path: Sequence[str], schema: Schema, dialect: Dialect, columns_in_key: int
) -> Column:
    """
    Return the column of a key's property. Text gets an equal share of the index's bytes.

    The wider column has all bytes that an index allows for a column, see text_keys.py.
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
    """Return a key's column without wider columns that no index can hold."""
    wider_type = column.wider_type
    is_text = wider_type is None or wider_type.collated
    return replace(column, wider_type=None if is_text else wider_type and without_text(wider_type))


def integer_column(name: str) -> Column:
    """Return a BIGINT, whose wider column is a DECIMAL."""
    return Column(name, Kind.INTEGER, "BIGINT", wider_type=widest_integer(name))


def widest_integer(name: str) -> Column:
    """Return the DECIMAL that holds the longest integers."""
    return decimal_column(name, MAX_DECIMAL_DIGITS, 0)


def date_time_column(name: str) -> Column:
    return Column(name, Kind.DATE_TIME, SQL_TYPES[Kind.DATE_TIME])


def number_column(name: str) -> Column:
    """Return a DOUBLE. Its wider columns keep more precision: a DECIMAL, then text."""
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
    """
    Return a column of the server's JSON type, if any; values that this would change go to text.
    """
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
        scale = decimal_places(facts["multipleOf"])
        digits = max(DEFAULT_DECIMAL_DIGITS, min(MAX_DECIMAL_DIGITS, scale + 20))
        return replace(
            decimal_column(name, digits, scale), wider_type=number_column(name).wider_type
        )
    return Column(name, kind, SQL_TYPES[kind])


def _integer_digits(facts: Schema) -> int | None:
    """Return the digits of an integer whose limits are beyond BIGINT, or None."""
    limits = [facts.get("minimum"), facts.get("maximum")]
    numbers = [Decimal(limit) for limit in limits if isinstance(limit, (int, float, Decimal))]
    numbers = [number for number in numbers if number.is_finite()]
    if all(BIGINT_MIN <= number <= BIGINT_MAX for number in numbers):
        return None
    return min(MAX_DECIMAL_DIGITS, max(number.adjusted() + 1 for number in numbers))
