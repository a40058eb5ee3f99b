"""
From a RECORD line to a row of the load file, one value a column. Pure.

Each SCHEMA gets a decoder for its lines and a row function, both made once. Values are joined by
separators that are control characters: JSON can hold those only as \\u escapes, so a line without
`\\u001` needs no escaping. A line that the decoder refuses takes the careful way: what can be kept
is converted there, the rest is an error that says where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from target_mysql import values
from target_mysql.exceptions import InputError
from target_mysql.sql import ESCAPE, FIELD_END, ROW_END
from target_mysql.tables import (
    BATCHED_AT,
    BIGINT_MAX,
    BIGINT_MIN,
    EXTRACTED_AT,
    LINE_COLUMN,
    TABLE_VERSION,
    Column,
    Kind,
    Table,
)

MAY_NEED_ESCAPES: Final = b"\\u001"
_NO_FIELD_NAME = re.compile(r'[\\"\x00-\x1f]')
_FIELD_END = re.compile(f"((?:[^{FIELD_END}{ESCAPE}]|{ESCAPE}.)*){FIELD_END}", re.DOTALL)

BigInt = Annotated[int, Meta(ge=BIGINT_MIN, le=BIGINT_MAX)]
# The type that the decoder checks a kind's values against; Raw leaves a value as it was written.
DECODED: Mapping[Kind, Any] = {
    Kind.INTEGER: BigInt,
    Kind.NUMBER: float,
    Kind.DECIMAL: Decimal,
    Kind.BOOLEAN: bool,
    Kind.STRING: str,
    Kind.DATE_TIME: str,
    Kind.DATE: str,
    Kind.TIME: str,
    Kind.JSON: Raw,
    Kind.TEXT: Raw,
}
# How the row function writes a value `v` of a kind; what is not here is written as it is.
WRITTEN: Mapping[Kind, str] = {
    Kind.NUMBER: "repr({v})",
    Kind.DECIMAL: "to_decimal({v}, {digits}, {scale})",
    Kind.BOOLEAN: "'1' if {v} else '0'",
    Kind.DATE_TIME: "to_date_time({v})",
    Kind.DATE: "to_date({v})",
    Kind.TIME: "to_time({v})",
    Kind.JSON: "to_json({v})",
    Kind.TEXT: "to_text({v})",
}

Row = tuple[bytes, int]
"""A row of the load file, and a bit for each property, in order, that its record did not have."""


ToRow = Callable[[Any, str | None, int | None, int], Row]


class VersionAppeared(Exception):
    """A record carries a version, and the table has no column for it yet."""


class RowEncoder:
    """
    Makes rows of one stream's RECORD lines.

    `columns` are those that a row fills, in the order of its values.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.undeclared: frozenset[str] = frozenset()  # properties met that the SCHEMA lacks
        self._extracted = table.adds(EXTRACTED_AT)
        self._versioned = table.adds(TABLE_VERSION)
        # A version needs a column, unless the tap has one of that name or no others are added.
        self._lacks_version = table.adds(BATCHED_AT) and not table.has(TABLE_VERSION)
        ours = (EXTRACTED_AT, TABLE_VERSION)
        added = tuple(one for one in table.columns if one.property is None and one.name in ours)
        line = (LINE_COLUMN,) if table.numbered else ()
        self.columns = table.properties + added + line
        self._to_row = _row_function(table, self._extracted, self._versioned)
        self._set_decoder(strict=True)

    def encode(self, line: bytes, number: int) -> Row:
        """
        Return the row of the RECORD line `line`, the input's `number`th.

        Raises InputError naming line, stream, key and column, and VersionAppeared.
        """
        try:
            return self._encode(self._decode(line), line, number)
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            pass
        try:
            return self._encode(self._decode_carefully(line, number), line, number)
        except RecursionError as error:
            problem = "nested too deep"
            raise InputError(problem, line=number, stream=self.table.stream) from error

    def _encode(self, message: Any, line: bytes, number: int) -> Row:
        if message.version is not None and self._lacks_version:
            raise VersionAppeared
        record = message.record
        if MAY_NEED_ESCAPES in line:
            record = self._escaped(record)
        return self._to_row(record, message.time_extracted, message.version, number)

    def _set_decoder(self, *, strict: bool) -> None:
        self._record_type = _record_type(self.table, strict)
        fields: list[Any] = [
            ("record", self._record_type),
            ("time_extracted", str | None, None),
            ("version", BigInt | None, None),
        ]
        self._message_type = msgspec.defstruct("Message", fields, gc=False)
        decoder = msgspec.json.Decoder(self._message_type)
        self._decode = decoder.decode if _are_decodable(self.table) else _refuse

    def _decode_carefully(self, line: bytes, number: int) -> Any:
        """Return what the decoder would give, were the values of the types that it wants."""
        where: dict[str, Any] = {"line": number, "stream": self.table.stream}
        line = values.unescaped(line)  # what is no Unicode would hide how the rest is written
        try:
            message = values.parse_json(line)
        except ValueError as error:
            raise InputError(f"not JSON: {error}", **where) from error
        try:
            record = message["record"]
            self._note_undeclared(record)
            extracted = message.get("time_extracted")
            if extracted is not None:
                values.to_extracted_at(extracted)
        except ValueError as error:
            raise InputError(f"time_extracted: {error}", **where) from error
        except (KeyError, AttributeError, TypeError) as error:
            raise InputError("not a RECORD message with a record", **where) from error
        fields = self._fitted_fields(record, _as_written(line), where)
        version = message.get("version")
        if version is not None and not isinstance(version, int):
            raise InputError(f"version is no integer: {values.shown(version)}", **where)
        return self._message_type(self._record_type(**fields), extracted, version)

    def _fitted_fields(
        self, record: Mapping[str, object], written: Mapping[str, Raw], where: dict[str, Any]
    ) -> dict[str, Any]:
        fields = {}
        for index, column in enumerate(self.table.properties):
            value = record.get(column.property or "")
            if value is None and column.name in self.table.key:
                raise InputError(f"key property {column.property} is missing or null", **where)
            if column.property in record:
                try:
                    raw = written.get(column.property or "")
                    fields[f"c{index}"] = values.fitted(value, column, raw)
                except ValueError as error:
                    key = _key_text(self.table, record)
                    raise InputError(str(error), key=key, column=column.name, **where) from error
        return fields

    def _note_undeclared(self, record: Mapping[str, object]) -> None:
        undeclared = record.keys() - {column.property for column in self.table.properties}
        if undeclared and not self.undeclared:
            self.undeclared = frozenset(undeclared)
            # From here on they are passed over at full speed.
            self._set_decoder(strict=False)

    def _escaped(self, record: Any) -> Any:
        """Return `record` with the separators in its strings escaped."""
        found: dict[str, object] = {}
        for index, column in enumerate(self.table.properties):
            value = getattr(record, f"c{index}")
            if isinstance(value, str):
                found[f"c{index}"] = values.escape(value)
            elif column.kind is Kind.TEXT and bytes(value or b"").startswith(b'"'):
                found[f"c{index}"] = Raw(msgspec.json.encode(values.escape(values.to_text(value))))
        return msgspec.structs.replace(record, **found)


def split_row(row: bytes) -> list[str | None]:
    """Return a row's values as text; the opposite of what the row function does."""
    text = row.decode()[: -len(ROW_END)]
    fields = _FIELD_END.findall(text + FIELD_END) if ESCAPE in text else text.split(FIELD_END)
    return [values.unescape(field) for field in fields]


class _WrittenRecord(msgspec.Struct):
    record: dict[str, Raw]


def _as_written(line: bytes) -> Mapping[str, Raw]:
    """Return the record's values as they are written; none where their names are no text."""
    try:
        return msgspec.json.decode(line, type=_WrittenRecord).record
    except (ValueError, RecursionError):
        return {}


def _are_decodable(table: Table) -> bool:
    """Tell whether msgspec's structs can have fields of all the properties' names."""
    return not any(_NO_FIELD_NAME.search(column.property or "") for column in table.properties)


def _refuse(_: bytes) -> Any:
    raise ValueError("no decoder is to be had: the careful way it is")


def _record_type(table: Table, strict: bool) -> Any:
    """Return the struct that a stream's records are decoded to: fields c0, c1, … in order."""
    fields: list[Any] = []
    for index, column in enumerate(table.properties):
        decoded = DECODED[column.kind]
        if column.name in table.key:
            fields.append((f"c{index}", _limited(decoded, column)))
        elif decoded is Raw:
            fields.append((f"c{index}", Raw | UnsetType, UNSET))
        else:
            fields.append((f"c{index}", decoded | None | UnsetType, UNSET))
    renamed = {f"c{index}": column.property or "" for index, column in enumerate(table.properties)}
    if not _are_decodable(table):
        renamed = {}
    return msgspec.defstruct(
        "Record", fields, rename=renamed, forbid_unknown_fields=strict, kw_only=True, gc=False
    )


def _limited(decoded: Any, column: Column) -> Any:
    if decoded is str and column.max_length is not None:
        return Annotated[str, Meta(max_length=column.max_length)]
    return decoded


def _row_function(table: Table, extracted: bool, versioned: bool) -> ToRow:
    """
    Return the function from (record, time_extracted, version, line number) to a Row.

    It is compiled from text, as dataclasses and named tuples are: a loop over the columns costs
    three times as much. Nothing of the input is in the text, only positions and kinds.
    """
    body, fields = ["absent = 0"], []
    for index, column in enumerate(table.properties):
        body += _field_source(index, column, in_key=column.name in table.key)
        fields.append(f"{{v{index}}}")
    if extracted:
        body.append("x = NULL if extracted is None else to_extracted_at(extracted)")
        fields.append("{x}")
    if versioned:
        body.append("n = NULL if version is None else version")
        fields.append("{n}")
    if table.numbered:
        fields.append("{number}")
    body.append(f"return f{FIELD_END.join(fields) + ROW_END!r}.encode(), absent")
    scope: dict[str, Any] = {**vars(values), "UNSET": UNSET}
    exec("\n  ".join(["def to_row(r, extracted, version, number):", *body]), scope)
    function: ToRow = scope["to_row"]
    return function


def _field_source(index: int, column: Column, in_key: bool) -> list[str]:
    v = f"v{index}"
    written = WRITTEN.get(column.kind, "{v}")
    convert = f"{v} = {written.format(v=v, digits=column.digits, scale=column.scale)}"
    if in_key:
        # Raw lets a null pass, which no key may be; the careful way then says so.
        refuse = f"if {v} == NULL: raise ValueError"
        return [f"{v} = r.c{index}", convert, *([refuse] if column.kind is Kind.TEXT else [])]
    return [
        f"{v} = r.c{index}",
        f"if {v} is None: {v} = NULL",
        f"elif {v} is UNSET: {v} = NULL; absent |= {1 << index}",
        *([f"else: {convert}"] if column.kind in WRITTEN else []),
    ]


def _key_text(table: Table, record: Mapping[str, object]) -> str:
    keys = [column.property or "" for column in table.properties if column.name in table.key]
    return ", ".join(f"{name}={values.shown(record.get(name))}" for name in keys)
