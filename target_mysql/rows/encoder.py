"""
From a RECORD line to a row of the load file, one value a column. Pure.

Each SCHEMA gets a decoder for its lines and a row function, both made once. Values are joined by
separators that are control characters: JSON can hold those only as \\u escapes, so a line without
`\\u001` needs no escaping. A line that the decoder refuses takes the careful way: what can be kept
is converted there, the rest is an error that says where it is.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from target_mysql.exceptions import InputError, shown
from target_mysql.rows import datetimes, values
from target_mysql.rows.decoder import (
    NO_FIELD_NAME,
    Decoding,
    Path,
    Tree,
    joined,
    member_names,
    to_decoding,
    to_tree,
)
from target_mysql.rows.load_file import ESCAPE, FIELD_END, ROW_END
from target_mysql.rows.values import NULL
from target_mysql.tables.columns import Column, Kind
from target_mysql.tables.table import (
    BATCHED_AT,
    DELETED_AT,
    EXTRACTED_AT,
    LINE_COLUMN,
    MISSING_BITS,
    TABLE_VERSION,
    Table,
    is_log_based,
)

MAX_UNDECLARED = 50  # undeclared properties of a stream to name
MAY_NEED_ESCAPES: Final = b"\\u001"
_END, _ROW, _ESC, _NULL = (text.encode() for text in (FIELD_END, ROW_END, ESCAPE, NULL))
_CONSTANT = re.compile(rb"[:,\[]\s*(?:NaN|-?Infinity)")
# The end of a field, or what is escaped and so no end. One match at a time, since a value may have
# hundreds of MB, all of them escaped.
_FIELD_END = re.compile(_END + b"|" + _ESC + b".", re.DOTALL)

# How the row function writes a value `v` of a kind; what is not here is written as it is.
WRITTEN: Mapping[Kind, str] = {
    Kind.NUMBER: "to_number({v})",
    Kind.NUMBER_AS_TEXT: "to_number_text({v})",
    Kind.DECIMAL: "to_decimal({v}, {digits}, {scale})",
    Kind.BOOLEAN: "'1' if {v} else '0'",
    Kind.DATE_TIME: "to_date_time({v})",
    Kind.DATE: "to_date({v})",
    Kind.TIME: "to_time({v})",
    Kind.JSON: "to_json({v}, {json})",
    Kind.MIXED: "to_text({v}, {max_length})",
}

# How it writes a key's value, which no other value may become.
KEY_WRITTEN: Mapping[Kind, str] = {
    **WRITTEN,
    Kind.NUMBER: "to_key_number({v})",
    Kind.DECIMAL: "to_key_decimal({v}, {digits}, {scale})",
    Kind.DATE_TIME: "to_key_date_time({v})",
    Kind.TIME: "to_key_time({v})",
    Kind.MIXED: "to_key_text({v}, {max_length}, {pads})",
    Kind.STRING: "check_key_text({v}, {pads})",
}

Row = tuple[bytes, int]
"""
A row of the load file, and a bit for each column, in order, that must keep its value because the
record lacks its property.
"""


ToRow = Callable[[Any, str | None, int | None, int], Row]


class VersionColumnMissing(Exception):
    """A record carries a version, and the table has no column for it yet."""


class LogBasedDetected(Exception):
    """A record carries the undeclared `name`, which only log-based taps send."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class ColumnTooNarrow(Exception):
    """
    A value does not fit its column, but `wider_type`, one of that column's wider ones.

    `length` is that of a text, in characters; `key` names the record in an error.
    """

    def __init__(self, wider_type: Column, length: int, key: str) -> None:
        super().__init__(wider_type.name)
        self.wider_type = wider_type
        self.length = length
        self.key = key


class RowEncoder:
    """
    Makes rows of one stream's RECORD lines.

    `columns` are those that a row fills, in the order of its values; `invalid_dates` ("error",
    "null" or "clamp") says what to make of dates that MySQL cannot hold.
    """

    def __init__(self, table: Table, invalid_dates: str = "error") -> None:
        self.table = table
        self._undeclared: frozenset[Path] = frozenset()  # properties met that the SCHEMA lacks
        self._dates_replaced = self._not_numbers = 0
        self._invalid_dates = invalid_dates
        self._extracted = table.adds(EXTRACTED_AT)
        self._versioned = table.adds(TABLE_VERSION)
        # A version needs a column, unless no others are added.
        has_metadata = any(map(table.adds, (EXTRACTED_AT, BATCHED_AT, DELETED_AT)))
        self._lacks_version = has_metadata and not table.adds(TABLE_VERSION)
        self._version: int | None = None  # of the last record
        self._versions: set[int] = set()  # of the records since they were last taken
        added = tuple(filter(None, map(table.added, (EXTRACTED_AT, TABLE_VERSION))))
        line = (LINE_COLUMN,) if table.has_line_numbers else ()
        self.columns = table.filled_by_record + added + line + table.missing_columns
        self._tree = to_tree(table.filled_by_record)
        self._to_row = _row_function(table, self._extracted, self._versioned)
        self._is_strict = True
        self._set_decoding(strict=True)

    def encode(self, line: bytes, number: int) -> Row:
        """
        Return the row of the RECORD line `line`, the input's `number`th.

        Raises InputError naming line, stream, key and column, and VersionAppeared, TooNarrow and
        LogBasedAppeared.
        """
        try:
            return self._encode(self._decode(line), self._flatten, line, number)
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            pass
        where: dict[str, Any] = {"line": number, "stream": self.table.stream}
        try:
            return self._encode(self._decode_carefully(line, number), None, line, number)
        except RecursionError as error:
            raise InputError("nested too deep", **where) from error
        except ValueError as error:
            raise InputError(str(error), **where) from error

    def take_versions(self) -> frozenset[int]:
        """Return the different versions of the records since this was last called."""
        versions, self._version, self._versions = frozenset(self._versions), None, set()
        return versions

    def _note_version(self, version: int | None) -> None:
        if version is not None and self._lacks_version:
            raise VersionColumnMissing
        self._version = version
        if version is not None:
            self._versions.add(version)

    def take_replaced_dates(self) -> int:
        """Return how many dates were mended since this was last asked."""
        dates_replaced, self._dates_replaced = self._dates_replaced, 0
        return dates_replaced

    def take_not_numbers(self) -> int:
        """Return how many NaN and Infinity became null since this was last asked."""
        count, self._not_numbers = self._not_numbers, 0
        return count

    def _encode(
        self, message: Any, flatten: Callable[[Any], Any] | None, line: bytes, number: int
    ) -> Row:
        if message.version != self._version:  # few records have another than the one before
            self._note_version(message.version)
        record = flatten(message.record) if flatten else message.record
        if MAY_NEED_ESCAPES in line:
            record = self._escaped(record)
        return self._to_row(record, message.time_extracted, message.version, number)

    @property
    def undeclared(self) -> frozenset[str]:
        """The names of the properties met that the SCHEMA lacks, as in outer.inner."""
        return frozenset(map(".".join, self._undeclared))

    def _set_decoding(self, *, strict: bool) -> None:
        ignored = self._undeclared if strict else ()
        self._decoding: Decoding = to_decoding(self.table, ignored, strict=strict)
        self._decode, self._flatten = self._decoding.decode, self._decoding.flatten

    def _decode_carefully(self, line: bytes, number: int) -> Any:
        """Return what the decoder would give, were the values of the types that it wants."""
        where: dict[str, Any] = {"line": number, "stream": self.table.stream}
        original = line
        line = values.with_unicode_unescaped(
            line
        )  # what is no Unicode would hide how the rest is written
        replaced = values.has_replacements(original, line)
        try:
            if _CONSTANT.search(line):
                line, count = values.without_constants(line)
                self._not_numbers += count
            message = values.parse_json(line)
        except ValueError as error:
            raise InputError(f"not JSON: {error}", **where) from error
        try:
            record = message["record"]
            self._note_undeclared(record)
            extracted = message.get("time_extracted")
            if extracted is not None:
                if not isinstance(extracted, str):
                    raise ValueError(f"not a date-time: {shown(extracted)}")
                datetimes.to_extracted_at(extracted)
        except ValueError as error:
            raise InputError(f"time_extracted: {error}", **where) from error
        except (KeyError, AttributeError, TypeError) as error:
            raise InputError("not a RECORD message with a record", **where) from error
        fields = self._coerced_fields(record, _as_written(line), where, replaced)
        version = message.get("version")
        if version is not None and not isinstance(version, int):
            raise InputError(f"version is no integer: {shown(version)}", **where)
        return self._decoding.message_type(self._decoding.record_type(**fields), extracted, version)

    def _coerced_fields(
        self,
        record: Mapping[str, object],
        written: Raw,
        where: dict[str, Any],
        replaced: bool,
    ) -> dict[str, Any]:
        fields = {}
        for index, column in enumerate(self.table.filled_by_record):
            try:
                value = self._coerced(column, record, written, replaced)
            except ValueError as error:
                key = _key_text(self.table, record)
                raise InputError(str(error), key=key, column=column.name, **where) from error
            if column.name in self.table.key and (value is None or value is UNSET):
                name = ".".join(column.path)
                raise InputError(f"key property {name} is missing or null", **where)
            fields[f"c{index}"] = value
        return fields

    def _coerced(
        self, column: Column, record: Mapping[str, object], written: Raw, replaced: bool
    ) -> object:
        """Return the column's value as the decoder would give it; UNSET where there is none."""
        if column.members:
            found = [_raw_at(written, path, _at(record, path)) for path in column.members]
            return joined(found, member_names(column))
        value = _at(record, column.path)
        if value is UNSET:
            return UNSET
        raw = _raw_at(written, column.path, value)
        in_key = column.name in self.table.key
        if in_key and value is not None:
            values.check_key(value, column, replaced)
        try:
            result = _coerce(value, column, raw, in_key=in_key)
            return raw if in_key and column.kind is Kind.DECIMAL else result
        except ValueError:
            wider_type = _first_that_holds(value, column.wider_type, raw, in_key=in_key)
            if wider_type is not None:
                length = _text_length(value, wider_type, raw, in_key=in_key)
                raise ColumnTooNarrow(wider_type, length, _key_text(self.table, record)) from None
            if in_key or self._invalid_dates == "error" or column.kind not in TEMPORAL_KINDS:
                raise
        dates_replaced = (
            None if self._invalid_dates == "null" else datetimes.clamped(value, column.kind)
        )
        self._dates_replaced += 1
        return dates_replaced

    def _note_undeclared(self, record: Mapping[str, object]) -> None:
        found = {*_undeclared(record, self._tree)} - {(name,) for name in self.table.ignored}
        self._refuse_log_based(name for name, *inner in found if not inner)
        if found <= self._undeclared or not self._is_strict:
            return
        self._undeclared |= found
        # From here on these are passed over at full speed. Where names are data they have no end.
        self._is_strict = len(self._undeclared) <= MAX_UNDECLARED and not any(
            NO_FIELD_NAME.search(name) for path in found for name in path
        )
        self._set_decoding(strict=self._is_strict)

    def _refuse_log_based(self, names: Iterable[str]) -> None:
        for name in names:
            tells_deletion = name.casefold() == DELETED_AT and self.table.adds(DELETED_AT)
            if tells_deletion or (self.table.missing == "auto" and is_log_based(name)):
                raise LogBasedDetected(name)

    def _escaped(self, record: Any) -> Any:
        """Return `record` with the separators in its strings escaped."""
        found: dict[str, object] = {}
        for index, column in enumerate(self.table.filled_by_record):
            value = getattr(record, f"c{index}")
            if isinstance(value, str):
                found[f"c{index}"] = values.escape(value)
            elif column.kind is Kind.MIXED and bytes(value or b"").startswith(b'"'):
                found[f"c{index}"] = Raw(msgspec.json.encode(values.escape(values.to_text(value))))
        return msgspec.structs.replace(record, **found)


def split_row(row: bytes) -> list[str | None]:
    """Return a row's values as text; the opposite of what the row function does."""
    return [values.unescape(row[start:end].decode()) for start, end in _iter_fields(row)]


def longest_field(row: bytes) -> int:
    """Return which of a row's values is the longest, counted from 0; copies nothing of the row."""
    lengths = [end - start for start, end in _iter_fields(row)]
    return lengths.index(max(lengths))


def _iter_fields(row: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each value of a row starts and ends."""
    start, last = 0, len(row) - len(_ROW)
    for found in _FIELD_END.finditer(row, 0, last):
        if found[0] == _END:
            yield start, found.start()
            start = found.end()
    yield start, last


def to_sql(rows: Sequence[bytes]) -> bytes:
    """Return rows as the values of an INSERT: each in brackets, all in quotes but NULL."""
    data = b"".join(rows)
    if data.count(_ESC) != data.count(_NULL):  # a separator within a value
        return b",".join([b"(%b)" % b",".join(map(_quoted, split_row(row))) for row in rows])
    data = data.removesuffix(_ROW).replace(b"\\", b"\\\\").replace(b"'", b"\\'")
    data = data.replace(_END, b"','").replace(_ROW, b"'),('")
    return (b"('%b')" % data).replace(b"'%b'" % _NULL, b"NULL")


def _quoted(value: str | None) -> bytes:
    if value is None:
        return b"NULL"
    return b"'%b'" % value.encode().replace(b"\\", b"\\\\").replace(b"'", b"\\'")


TEMPORAL_KINDS = (Kind.DATE_TIME, Kind.DATE, Kind.TIME)


class _WrittenMessage(msgspec.Struct):
    record: Raw


def _as_written(line: bytes) -> Raw:
    """Return the record as it is written."""
    try:
        return msgspec.json.decode(line, type=_WrittenMessage).record
    except (ValueError, RecursionError):
        return Raw(b"{}")


def _at(record: object, path: tuple[str, ...]) -> object:
    """
    Return the value at `path`, None inside of null, UNSET where there is none.

    Raises ValueError where an outer value is no object.
    """
    value = record
    for name in path:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ValueError(f"not an object: {shown(value)}")
        if name not in value:
            return UNSET
        value = value[name]
    return value


def _raw_at(written: Raw, path: tuple[str, ...], value: object) -> Any:
    """Return `value`, which stands at `path`, as it is written, or at least as JSON."""
    if value is None or value is UNSET:
        return value
    raw = written
    try:
        for name in path:
            raw = msgspec.json.decode(raw, type=dict[str, Raw])[name]
    except (ValueError, KeyError, RecursionError):  # its name is no text that msgspec reads
        return values.to_raw(value)
    return raw


def _coerce(value: object, column: Column, raw: Raw, *, in_key: bool) -> Any:
    """Return a value as the decoder would give it; ValueError where the column cannot hold it."""
    result: Any = values.coerced(value, column, raw)
    if in_key and column.kind is Kind.MIXED:
        values.check_length(values.to_key_text(result, None, column.pads), column)
    if in_key and column.kind is Kind.NUMBER:
        values.to_key_number(raw)
    if in_key and column.kind is Kind.DECIMAL:
        values.to_key_decimal(raw, column.digits, column.scale)
    return result


def _first_that_holds(
    value: object, column: Column | None, raw: Raw, *, in_key: bool
) -> Column | None:
    while column is not None:
        with contextlib.suppress(ValueError):
            _coerce(value, column, raw, in_key=in_key)
            return column
        column = column.wider_type
    return None


def _text_length(value: object, column: Column, raw: Raw, *, in_key: bool) -> int:
    """Return the characters that a value takes in `column`, 0 where that is not of text."""
    result = _coerce(value, column, raw, in_key=in_key)
    if in_key and column.kind is Kind.MIXED:
        return len(values.to_key_text(result, None, column.pads))
    return len(result) if isinstance(result, str) else 0


def _undeclared(record: Mapping[str, object], tree: Tree) -> Iterator[Path]:
    """Yield the paths of the properties that are not in `tree`."""
    for name, value in record.items():
        inner = tree.get(name)
        if name not in tree:
            yield (name,)
        elif isinstance(inner, dict) and isinstance(value, Mapping):
            for path in _undeclared(value, inner):
                yield (name, *path)


def _row_function(table: Table, extracted: bool, versioned: bool) -> ToRow:
    """
    Return the function from (record, time_extracted, version, line number) to a Row.

    It is compiled from text, as dataclasses and named tuples are: a loop over the columns costs
    three times as much. Nothing of the input is in the text, only positions and kinds.
    """
    body, fields = ["missing = 0"], []
    scope: dict[str, Any] = {**vars(values), **vars(datetimes), "UNSET": UNSET}
    for index, column in enumerate(table.filled_by_record):
        keeps = table.keeps_missing and column is not table.deletion
        body += _field_source(index, column, column.name in table.key, keeps)
        scope[f"json{index}"] = column.json
        fields.append(f"{{v{index}}}")
    if extracted:
        body.append("x = NULL if extracted is None else to_extracted_at(extracted)")
        fields.append("{x}")
    if versioned:
        body.append("n = NULL if version is None else version")
        fields.append("{n}")
    if table.has_line_numbers:
        fields.append("{number}")
    for at in range(len(table.missing_columns)):
        fields.append(f"{{missing >> {at * MISSING_BITS} & {2**MISSING_BITS - 1}}}")
    body.append(f"return f{FIELD_END.join(fields) + ROW_END!r}.encode(), missing")
    exec("\n  ".join(["def to_row(r, extracted, version, number):", *body]), scope)
    function: ToRow = scope["to_row"]
    return function


def _field_source(index: int, column: Column, in_key: bool, keeps: bool) -> list[str]:
    v = f"v{index}"
    facts = {
        "digits": column.digits,
        "scale": column.scale,
        "max_length": column.max_length,
        "json": f"json{index}",
        "pads": column.pads,
    }
    written = KEY_WRITTEN if in_key else WRITTEN
    convert = f"{v} = {written.get(column.kind, '{v}').format(v=v, **facts)}"
    if in_key and column.kind is Kind.STRING and not column.pads:
        convert = f"{v} = {v}"
    if in_key:
        # Raw lets a null pass, which no key may be; the careful way then says so.
        return [f"{v} = r.c{index}", convert, f"if {v} == NULL: raise ValueError"]
    return [
        f"{v} = r.c{index}",
        f"if {v} is None: {v} = NULL",
        f"elif {v} is UNSET: {v} = NULL{f'; missing |= {1 << index}' if keeps else ''}",
        *([f"else: {convert}"] if column.kind in WRITTEN else []),
    ]


def _key_text(table: Table, record: Mapping[str, object]) -> str:
    keys = [column.path[0] for column in table.filled_by_record if column.name in table.key]
    return ", ".join(f"{name}={shown(record.get(name))}" for name in keys)
