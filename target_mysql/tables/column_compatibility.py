"""
Reconciles existing columns with the columns that a SCHEMA requests. Pure.

An existing column stays while its values fit. When a value does not, the column is changed to its
`wider_type`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from target_mysql.tables.columns import (
    BIGINT_MAX,
    BIGINT_MIN,
    MAX_DECIMAL_DIGITS,
    NUMBER_AS_TEXT_COMMENT,
    Column,
    decimal_column,
    for_property,
    json_column,
    number_column,
    varchar,
    wide_decimal,
    widest_integer,
    without_text,
)
from target_mysql.tables.dialect import BYTES_A_CHARACTER, Dialect
from target_mysql.tables.kinds import TEXTUAL, Kind

BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
TEXTS = ("tinytext", "text", "mediumtext", "longtext")
# The suffix of a renamed column, after its contents.
FAMILIES = {
    **dict.fromkeys(BITS, "integer"),
    **dict.fromkeys(("decimal", "double", "float"), "number"),
    **dict.fromkeys((*TEXTS, "varchar", "char"), "text"),
    **dict.fromkeys(("datetime", "timestamp"), "date_time"),
}
BIGINT_DIGITS = 19
INDEXED_LENGTH = 191  # characters that fit in an index on every server
INDEX_ADVICE = "an index has the column: drop the index, or index a part of the column"
_TYPE = re.compile(r"(?P<base>\w+)(?:\((?P<arguments>[\d,]+)\))?(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True)
class ExistingColumn:
    """
    A column as the server describes it. `sql_type` is in lower case, as in "decimal(38,2)".

    With `has_default`, rows may omit the column. With `is_json`, the server accepts only JSON.
    Records cannot fill a column that `is_generated`. `index_characters` is the length of the
    longest VARCHAR that the indexes of the column can hold, None if no index has the whole column.
    """

    name: str
    sql_type: str
    nullable: bool = True
    has_default: bool = True
    collation: str | None = None
    comment: str = ""
    is_json: bool = False
    index_characters: int | None = None
    is_generated: bool = False

    @property
    def base(self) -> str:
        """The type's name alone."""
        return self._part("base")

    @property
    def arguments(self) -> tuple[int, ...]:
        """The numbers in the type's brackets."""
        return tuple(int(one) for one in self._part("arguments").split(",") if one)

    @property
    def required(self) -> bool:
        """Whether the server refuses a row without a value for this column."""
        return not (self.nullable or self.has_default)

    @property
    def unsigned(self) -> bool:
        return "unsigned" in self._part("rest")

    @property
    def family(self) -> str:
        """The kind of its values, in a word."""
        return "json" if self.is_json else FAMILIES.get(self.base, self.base)

    def _part(self, name: str) -> str:
        result = _TYPE.match(self.sql_type)
        return (result[name] or "") if result else ""


@dataclass(frozen=True)
class Reconciled:
    """
    A column that holds both the existing and the requested values; `modify` to change the table.
    """

    column: Column
    modify: bool


def reconcile(
    requested: Column, existing: ExistingColumn, dialect: Dialect, *, in_key: bool
) -> Reconciled | None:
    """
    Return a column that holds the values of both, None if no type does.

    A column of text in a key always stays, whatever the type of the key now.
    """
    if in_key and existing.family == "text":
        result: Reconciled | None = _key_text(requested, existing, dialect)
    elif in_key and requested.kind is Kind.NUMBER and existing.base in BITS:
        result = Reconciled(wide_decimal(existing.name), modify=True)
    else:
        result = _for_index(_reconcile(requested, existing, dialect), existing)
    if result is None:
        return None
    if in_key and not result.column.collated:
        result = replace(result, column=without_text(result.column))
    column = for_property(result.column, existing.name, requested.path, requested.members)
    has_other_collation = existing.collation is not None and not _is_ours(existing, dialect, in_key)
    refuses_null = not existing.nullable and not in_key
    return Reconciled(column, result.modify or has_other_collation or refuses_null)


def _is_ours(existing: ExistingColumn, dialect: Dialect, in_key: bool) -> bool:
    """Whether a key compares text as it must, or other text can hold all of Unicode."""
    if in_key:
        return existing.collation == dialect.collation
    return str(existing.collation).startswith("utf8mb4")


def _reconcile(requested: Column, existing: ExistingColumn, dialect: Dialect) -> Reconciled | None:
    if existing.is_json:
        return _with_json(requested, existing, dialect)
    if existing.base in BITS:
        return _with_integer(requested, existing)
    if existing.base == "decimal":
        return _with_decimal(requested, existing)
    if existing.base in ("double", "float"):
        return _with_double(requested, existing)
    if existing.base in ("datetime", "timestamp", "date", "time"):
        return _with_moment(requested, existing)
    if existing.family == "text":
        return _with_text(requested, existing)
    if existing.base in ("bit", "year") and requested.kind in (Kind.BOOLEAN, Kind.INTEGER):
        return Reconciled(requested, modify=True)
    return _as_text(requested)


def _keep(requested: Column, existing: ExistingColumn) -> Reconciled:
    return Reconciled(replace(requested, sql_type=existing.sql_type), modify=False)


def _as_text(requested: Column) -> Reconciled | None:
    """Return the requested column of text, or the text column of a JSON type; else None."""
    if requested.kind is Kind.JSON:
        return Reconciled(requested.wider_type or requested, modify=True)
    return Reconciled(requested, modify=True) if requested.kind in TEXTUAL else None


def _with_integer(requested: Column, existing: ExistingColumn) -> Reconciled | None:
    bits = BITS[existing.base]
    limits = (0, 2**bits - 1) if existing.unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if requested.kind is Kind.INTEGER:
        if existing.sql_type.startswith("tinyint(1)"):  # which everyone takes for a boolean
            return Reconciled(requested, modify=True)
        wider_type = requested.wider_type if limits == (BIGINT_MIN, BIGINT_MAX) else requested
        if limits[1] > BIGINT_MAX:  # for the numbers below zero
            limits = (0, BIGINT_MAX)
            widest = widest_integer(existing.name)
            wider_type = replace(
                decimal_column(existing.name, BIGINT_DIGITS + 1, 0), wider_type=widest
            )
        as_is = replace(requested, sql_type=existing.sql_type, limits=limits, wider_type=wider_type)
        return Reconciled(as_is, modify=False)
    if requested.kind is Kind.BOOLEAN:
        return _keep(requested, existing)
    if requested.kind is Kind.NUMBER:
        return Reconciled(requested, modify=True)
    if requested.kind is Kind.DECIMAL:
        return _decimal(existing, BIGINT_DIGITS + 1, 0, requested)
    return _as_text(requested)


def _with_decimal(requested: Column, existing: ExistingColumn) -> Reconciled | None:
    digits, scale = existing.arguments
    whole = digits - scale
    if requested.kind is Kind.BOOLEAN:
        return _keep(requested, existing)
    if requested.kind not in (Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL):
        return _as_text(requested)
    if requested.kind is Kind.DECIMAL:
        holds_requested = whole >= requested.digits - requested.scale and scale >= requested.scale
        # An earlier value may have needed the wider type.
        if not holds_requested and existing.sql_type != _sql_type(requested.wider_type):
            return _decimal(existing, whole, scale, requested)
    as_is = _with_wider_types(decimal_column(existing.name, digits, scale), requested)
    if requested.kind is Kind.INTEGER and whole < BIGINT_DIGITS:
        bigint = decimal_column(existing.name, BIGINT_DIGITS + scale, scale)
        as_is = replace(as_is, wider_type=_with_wider_types(bigint, requested))
    return Reconciled(as_is, modify=existing.unsigned)


def _sql_type(column: Column | None) -> str:
    return column.sql_type.lower() if column else ""


def _with_wider_types(column: Column, requested: Column) -> Column:
    """
    Return a DECIMAL with the wider types of `requested`, a column of numbers.

    The wider DECIMAL keeps the scale of `column`: a smaller one would round existing values.
    """
    wide = requested.wider_type
    if wide is None:
        return column
    scale = max(column.scale, wide.scale)
    decimal = decimal_column(column.name, MAX_DECIMAL_DIGITS, scale)
    text = wide.wider_type
    is_widest = column.sql_type == decimal.sql_type
    return replace(column, wider_type=text if is_widest else replace(decimal, wider_type=text))


def _decimal(
    existing: ExistingColumn, whole: int, scale: int, requested: Column
) -> Reconciled | None:
    """Return the DECIMAL that holds `whole` and `scale` digits, and the requested ones."""
    scale = max(scale, requested.scale)
    digits = max(whole, requested.digits - requested.scale) + scale
    if digits > MAX_DECIMAL_DIGITS:
        return None
    column = decimal_column(existing.name, digits, scale)
    return Reconciled(_with_wider_types(column, requested), modify=True)


def _with_double(requested: Column, existing: ExistingColumn) -> Reconciled | None:
    if requested.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.NUMBER):
        # A FLOAT, or digits in brackets, would round.
        return Reconciled(number_column(existing.name), modify=existing.sql_type != "double")
    if requested.kind is Kind.BOOLEAN:
        return _keep(requested, existing)
    return _as_text(requested)


def _with_moment(requested: Column, existing: ExistingColumn) -> Reconciled | None:
    is_time, wants_time = existing.base == "time", requested.kind is Kind.TIME
    if requested.kind in (Kind.DATE_TIME, Kind.DATE, Kind.TIME):
        if is_time is not wants_time:
            return None
        if requested.kind is Kind.DATE and existing.base in ("date", "datetime"):
            return _keep(requested, existing)
        column = (
            requested
            if requested.kind is not Kind.DATE
            else replace(requested, sql_type="DATETIME(6)")
        )
        return Reconciled(column, modify=existing.sql_type != column.sql_type.lower())
    return _as_text(requested)


def _with_text(requested: Column, existing: ExistingColumn) -> Reconciled | None:
    is_number = requested.kind in (Kind.NUMBER, Kind.DECIMAL)
    if is_number and existing.comment == NUMBER_AS_TEXT_COMMENT:
        numeral = replace(
            requested, kind=Kind.NUMBER_AS_TEXT, sql_type=existing.sql_type, wider_type=None
        )
        return Reconciled(replace(numeral, comment=NUMBER_AS_TEXT_COMMENT), modify=False)
    if requested.kind not in (Kind.STRING, Kind.MIXED, Kind.JSON):
        return None
    text = requested.wider_type or requested if requested.kind is Kind.JSON else requested
    if existing.base != "varchar" or requested.kind is not Kind.STRING:
        return Reconciled(text, modify=existing.base != "longtext")
    (length,) = existing.arguments
    as_is = replace(requested, sql_type=existing.sql_type, max_length=length, wider_type=requested)
    if existing.index_characters is not None:
        as_is = replace(as_is, wider_type=_longest_indexed(as_is, existing.index_characters))
        as_is = replace(as_is, length_advice=INDEX_ADVICE)
    return Reconciled(as_is, modify=False)


def _for_index(result: Reconciled | None, existing: ExistingColumn) -> Reconciled | None:
    """
    Return `result` as a VARCHAR if an index has the whole column: no index can hold a LONGTEXT.
    """
    room = existing.index_characters
    if result is None or room is None or not result.modify or existing.base in TEXTS:
        return result
    if result.column.kind not in TEXTUAL or result.column.max_length is not None:
        return result
    length = existing.arguments[0] if existing.family == "text" else min(INDEXED_LENGTH, room)
    text = replace(varchar(result.column, length), length_advice=INDEX_ADVICE)
    return Reconciled(replace(text, wider_type=_longest_indexed(text, room)), modify=True)


def _longest_indexed(column: Column, room: int) -> Column | None:
    """Return the longest VARCHAR of an index with `room` characters, None for `column` itself."""
    if room <= (column.max_length or 0):
        return None
    return replace(varchar(column, room), wider_type=None, length_advice=INDEX_ADVICE)


def _key_text(requested: Column, existing: ExistingColumn, dialect: Dialect) -> Reconciled:
    """Keep the text column of a key; a longer value makes the column longer."""
    if requested.max_length is None:
        length = existing.arguments[0] if existing.arguments else None
        as_is = Column(
            existing.name, Kind.MIXED, existing.sql_type, max_length=length, pads=dialect.pads
        )
        longest = dialect.key_bytes // BYTES_A_CHARACTER
        if length is not None and length < longest:
            as_is = replace(as_is, wider_type=varchar(as_is, longest))
        return Reconciled(as_is, modify=False)
    if existing.base != "varchar":
        return Reconciled(requested, modify=True)
    (length,) = existing.arguments
    widest = requested.wider_type or requested
    wider_type = widest if (widest.max_length or 0) > length else None
    return Reconciled(
        replace(requested, sql_type=existing.sql_type, max_length=length, wider_type=wider_type),
        False,
    )


def _with_json(requested: Column, existing: ExistingColumn, dialect: Dialect) -> Reconciled | None:
    if requested.kind is Kind.JSON:
        return Reconciled(json_column(existing.name, dialect), modify=False)
    return _as_text(requested)
