"""
Which column holds both what a table's column has and what a schema asks for. Pure.

A column that a value of the stream may outgrow is left as it is, with a `wider` one to make of it
once such a value comes: a table made by hand stays as it was made for as long as it serves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from target_mysql.tables.columns import (
    BIGINT_MAX,
    BIGINT_MIN,
    MAX_DECIMAL_DIGITS,
    NUMERAL_COMMENT,
    TEXTUAL,
    Column,
    Dialect,
    Kind,
    decimal_column,
    for_property,
    json_column,
    number_column,
    varchar,
    wide_decimal,
    widest_integer,
    without_text,
)

BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
TEXTS = ("tinytext", "text", "mediumtext", "longtext")
# How a column is called that was put aside, after what it holds.
FAMILIES = {
    **dict.fromkeys(BITS, "integer"),
    **dict.fromkeys(("decimal", "double", "float"), "number"),
    **dict.fromkeys((*TEXTS, "varchar", "char"), "text"),
    **dict.fromkeys(("datetime", "timestamp"), "date_time"),
}
BIGINT_DIGITS = 19
INDEXED_LENGTH = 191  # characters; what every index that can hold text can hold
INDEX_ADVICE = "an index has the column: drop the index, or index a part of the column"
_TYPE = re.compile(r"(?P<base>\w+)(?:\((?P<arguments>[\d,]+)\))?(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True)
class ColumnThere:
    """
    A column as the server describes it; `sql_type` in lower case, as in "decimal(38,2)".

    `fills_itself` where a row that names no value for it is no error; `is_json` where the server
    takes nothing but JSON. Records cannot fill one that `is_generated`. `index_characters` is the
    length of the longest VARCHAR that the column's indexes can hold beside their other columns,
    None where no index has the column whole.
    """

    name: str
    sql_type: str
    nullable: bool = True
    fills_itself: bool = True
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
        """Tell whether a row without a value for it is refused."""
        return not (self.nullable or self.fills_itself)

    @property
    def unsigned(self) -> bool:
        return "unsigned" in self._part("rest")

    @property
    def family(self) -> str:
        """What it holds, in a word."""
        return "json" if self.is_json else FAMILIES.get(self.base, self.base)

    def _part(self, name: str) -> str:
        found = _TYPE.match(self.sql_type)
        return (found[name] or "") if found else ""


@dataclass(frozen=True)
class Fit:
    """A column that holds what is there and what is wanted; `modify` where it has to be made so."""

    column: Column
    modify: bool


def fit(wanted: Column, there: ColumnThere, dialect: Dialect, *, in_key: bool) -> Fit | None:
    """
    Return what makes `there` hold the values of `wanted`, too; None where nothing does.

    A key's column is always kept: text there holds whatever the key is now.
    """
    if in_key and there.family == "text":
        found: Fit | None = _key_text(wanted, there, dialect.pads)
    elif in_key and wanted.kind is Kind.NUMBER and there.base in BITS:
        found = Fit(wide_decimal(there.name), modify=True)
    else:
        found = _for_index(_fit(wanted, there, dialect), there)
    if found is None:
        return None
    if in_key and not found.column.collated:
        found = replace(found, column=without_text(found.column))
    column = for_property(found.column, there.name, wanted.path, wanted.members)
    strange = there.collation is not None and not _is_ours(there, dialect, in_key)
    strict = not there.nullable and not in_key
    return Fit(column, found.modify or strange or strict)


def _is_ours(there: ColumnThere, dialect: Dialect, in_key: bool) -> bool:
    """Tell whether text is compared as it must be in a key, or can at least hold all of Unicode."""
    if in_key:
        return there.collation == dialect.collation
    return str(there.collation).startswith("utf8mb4")


def _fit(wanted: Column, there: ColumnThere, dialect: Dialect) -> Fit | None:
    if there.is_json:
        return _with_json(wanted, there, dialect)
    if there.base in BITS:
        return _with_integer(wanted, there)
    if there.base == "decimal":
        return _with_decimal(wanted, there)
    if there.base in ("double", "float"):
        return _with_double(wanted, there)
    if there.base in ("datetime", "timestamp", "date", "time"):
        return _with_moment(wanted, there)
    if there.family == "text":
        return _with_text(wanted, there)
    if there.base in ("bit", "year") and wanted.kind in (Kind.BOOLEAN, Kind.INTEGER):
        return Fit(wanted, modify=True)
    return _as_text(wanted)


def _keep(wanted: Column, there: ColumnThere) -> Fit:
    return Fit(replace(wanted, sql_type=there.sql_type), modify=False)


def _as_text(wanted: Column) -> Fit | None:
    """Anything becomes text without loss, and a column of text holds JSON, too."""
    if wanted.kind is Kind.JSON:
        return Fit(wanted.wider or wanted, modify=True)
    return Fit(wanted, modify=True) if wanted.kind in TEXTUAL else None


def _with_integer(wanted: Column, there: ColumnThere) -> Fit | None:
    bits = BITS[there.base]
    limits = (0, 2**bits - 1) if there.unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if wanted.kind is Kind.INTEGER:
        if there.sql_type.startswith("tinyint(1)"):  # which everyone takes for a boolean
            return Fit(wanted, modify=True)
        wider = wanted.wider if limits == (BIGINT_MIN, BIGINT_MAX) else wanted
        if limits[1] > BIGINT_MAX:  # for the numbers below zero
            limits = (0, BIGINT_MAX)
            widest = widest_integer(there.name)
            wider = replace(decimal_column(there.name, BIGINT_DIGITS + 1, 0), wider=widest)
        kept = replace(wanted, sql_type=there.sql_type, limits=limits, wider=wider)
        return Fit(kept, modify=False)
    if wanted.kind is Kind.BOOLEAN:
        return _keep(wanted, there)
    if wanted.kind is Kind.NUMBER:
        return Fit(wanted, modify=True)
    if wanted.kind is Kind.DECIMAL:
        return _decimal(there, BIGINT_DIGITS + 1, 0, wanted)
    return _as_text(wanted)


def _with_decimal(wanted: Column, there: ColumnThere) -> Fit | None:
    digits, scale = there.arguments
    whole = digits - scale
    kept = decimal_column(there.name, digits, scale)
    if wanted.kind is Kind.BOOLEAN:
        return _keep(wanted, there)
    if wanted.kind is Kind.INTEGER:
        room = BIGINT_DIGITS + scale
        if digits < room <= MAX_DECIMAL_DIGITS:
            kept = replace(kept, wider=decimal_column(there.name, room, scale))
        elif not scale and digits < MAX_DECIMAL_DIGITS:
            kept = replace(kept, wider=widest_integer(there.name))
        return Fit(kept, modify=there.unsigned)
    if wanted.kind is Kind.NUMBER:
        wide = number_column(there.name).wider
        is_wide = wide is not None and wide.sql_type.lower() == there.sql_type
        return Fit(replace(kept, wider=wide and wide.wider if is_wide else wide), there.unsigned)
    if wanted.kind is Kind.DECIMAL:
        if whole >= wanted.digits - wanted.scale and scale >= wanted.scale:
            wider = wanted.wider if there.sql_type != _sql_type(wanted.wider) else None
            return Fit(replace(kept, wider=wider), modify=there.unsigned)
        return _decimal(there, whole, scale, wanted)
    return _as_text(wanted)


def _sql_type(column: Column | None) -> str:
    return column.sql_type.lower() if column else ""


def _decimal(there: ColumnThere, whole: int, scale: int, wanted: Column) -> Fit | None:
    """Return the DECIMAL of `whole` and `scale` digits, or more, that holds what is wanted, too."""
    scale = max(scale, wanted.scale)
    digits = max(whole, wanted.digits - wanted.scale) + scale
    if digits > MAX_DECIMAL_DIGITS:
        return None
    return Fit(decimal_column(there.name, digits, scale), modify=True)


def _with_double(wanted: Column, there: ColumnThere) -> Fit | None:
    if wanted.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.NUMBER):
        # A FLOAT, or digits in brackets, would round.
        return Fit(number_column(there.name), modify=there.sql_type != "double")
    if wanted.kind is Kind.BOOLEAN:
        return _keep(wanted, there)
    return _as_text(wanted)


def _with_moment(wanted: Column, there: ColumnThere) -> Fit | None:
    is_time, wants_time = there.base == "time", wanted.kind is Kind.TIME
    if wanted.kind in (Kind.DATE_TIME, Kind.DATE, Kind.TIME):
        if is_time is not wants_time:
            return None
        if wanted.kind is Kind.DATE and there.base in ("date", "datetime"):
            return _keep(wanted, there)
        column = wanted if wanted.kind is not Kind.DATE else replace(wanted, sql_type="DATETIME(6)")
        return Fit(column, modify=there.sql_type != column.sql_type.lower())
    return _as_text(wanted)


def _with_text(wanted: Column, there: ColumnThere) -> Fit | None:
    if wanted.kind is Kind.NUMBER and there.comment == NUMERAL_COMMENT:
        numeral = replace(wanted, kind=Kind.NUMERAL, sql_type=there.sql_type, wider=None)
        return Fit(replace(numeral, comment=NUMERAL_COMMENT), modify=False)
    if wanted.kind not in (Kind.STRING, Kind.TEXT, Kind.JSON):
        return None
    text = wanted.wider or wanted if wanted.kind is Kind.JSON else wanted
    if there.base != "varchar" or wanted.kind is not Kind.STRING:
        return Fit(text, modify=there.base != "longtext")
    (length,) = there.arguments
    kept = replace(wanted, sql_type=there.sql_type, max_length=length, wider=wanted)
    if there.index_characters is not None:
        kept = replace(kept, wider=_longest_indexed(kept, there.index_characters))
        kept = replace(kept, length_advice=INDEX_ADVICE)
    return Fit(kept, modify=False)


def _for_index(found: Fit | None, there: ColumnThere) -> Fit | None:
    """
    Return what is `found` for a column, as VARCHAR where an index has the column whole.

    An index holds no whole LONGTEXT.
    """
    room = there.index_characters
    if found is None or room is None or not found.modify or there.base in TEXTS:
        return found
    if found.column.kind not in TEXTUAL or found.column.max_length is not None:
        return found
    length = there.arguments[0] if there.family == "text" else min(INDEXED_LENGTH, room)
    text = replace(varchar(found.column, length), length_advice=INDEX_ADVICE)
    return Fit(replace(text, wider=_longest_indexed(text, room)), modify=True)


def _longest_indexed(column: Column, room: int) -> Column | None:
    """Return the longest VARCHAR of an index with `room` characters, None for `column` itself."""
    if room <= (column.max_length or 0):
        return None
    return replace(varchar(column, room), wider=None, length_advice=INDEX_ADVICE)


def _key_text(wanted: Column, there: ColumnThere, pads: bool) -> Fit:
    """Keep a key's text, whatever the key is now; make it longer where a longer value comes."""
    if wanted.max_length is None:
        length = there.arguments[0] if there.arguments else None
        kept = Column(there.name, Kind.TEXT, there.sql_type, max_length=length, pads=pads)
        return Fit(kept, modify=False)
    if there.base != "varchar":
        return Fit(wanted, modify=True)
    (length,) = there.arguments
    widest = wanted.wider or wanted
    wider = widest if (widest.max_length or 0) > length else None
    return Fit(replace(wanted, sql_type=there.sql_type, max_length=length, wider=wider), False)


def _with_json(wanted: Column, there: ColumnThere, dialect: Dialect) -> Fit | None:
    if wanted.kind is Kind.JSON:
        return Fit(json_column(there.name, dialect), modify=False)
    return _as_text(wanted)
