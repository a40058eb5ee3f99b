"""
The fallback for RECORD lines that a stream's decoder refuses: parses them into dicts. Pure.

Values of another type are coerced if that is lossless. A type mismatch that is not raises an error
that names line, stream, key and column, or a request for a wider column. NaN, lone surrogates and
undeclared properties are handled here as well.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from target_mysql.exceptions import ColumnTooNarrow, InputError, LogBasedDetected, shown
from target_mysql.rows import coercion, datetimes, json_codec, values
from target_mysql.rows.decoder import (
    NO_FIELD_NAME,
    Path,
    Tree,
    joined,
    member_names,
    to_tree,
)
from target_mysql.tables.columns import Column
from target_mysql.tables.kinds import Kind
from target_mysql.tables.table import DELETED_AT, Table, is_log_based

MAX_UNDECLARED = 50  # undeclared properties of a stream that its decoder knows by name
TEMPORAL_KINDS = (Kind.DATE_TIME, Kind.DATE, Kind.TIME)
_CONSTANT = re.compile(rb"[:,\[]\s*(?:NaN|-?Infinity)")

Decoded = tuple[dict[str, Any], str | None, int | None]
"""A record's fields by the names of the record type, its time_extracted, and its version."""


class FallbackDecoder:
    """
    Decodes the RECORD lines of a stream, whatever the types of their values.

    `undeclared` collects the paths of properties that the SCHEMA lacks. `has_few_undeclared` is
    False when there are too many, or names that no decoder can have.
    """

    def __init__(self, table: Table, invalid_dates: str) -> None:
        self._table = table
        self._invalid_dates = invalid_dates
        self._tree = to_tree(table.filled_by_record)
        self._dates_replaced = self._not_numbers = 0
        self.undeclared: frozenset[Path] = frozenset()
        self.has_few_undeclared = True

    def decode(self, line: bytes, number: int) -> Decoded:
        """
        Return the record of the line, the input's `number`th.

        Raises InputError, and ColumnTooNarrow and LogBasedDetected.
        """
        place: dict[str, Any] = {"line": number, "stream": self._table.stream}
        original = line
        line = json_codec.with_unicode_unescaped(line)  # so that property names can be compared
        has_replacements = json_codec.has_replacements(original, line)
        try:
            if _CONSTANT.search(line):
                line, count = json_codec.without_constants(line)
                self._not_numbers += count
            message = json_codec.parse_json(line)
        except ValueError as error:
            raise InputError(f"not JSON: {error}", **place) from error
        record, time_extracted = self._read_message(message, place)
        fields = self._coerce_fields(record, _raw_record(line), place, has_replacements)
        version = message.get("version")
        if version is not None and not isinstance(version, int):
            raise InputError(f"version is no integer: {shown(version)}", **place)
        return fields, time_extracted, version

    def take_replaced_dates(self) -> int:
        count, self._dates_replaced = self._dates_replaced, 0
        return count

    def take_not_numbers(self) -> int:
        count, self._not_numbers = self._not_numbers, 0
        return count

    def _read_message(
        self, message: Any, place: dict[str, Any]
    ) -> tuple[Mapping[str, object], str | None]:
        """Return a message's record and time_extracted."""
        try:
            record = message["record"]
            self._add_undeclared(record)
            time_extracted = message.get("time_extracted")
            if time_extracted is not None:
                if not isinstance(time_extracted, str):
                    raise ValueError(f"not a date-time: {shown(time_extracted)}")
                datetimes.to_extracted_at(time_extracted)
        except ValueError as error:
            raise InputError(f"time_extracted: {error}", **place) from error
        except (KeyError, AttributeError, TypeError) as error:
            raise InputError("not a RECORD message with a record", **place) from error
        return record, time_extracted

    def _coerce_fields(
        self,
        record: Mapping[str, object],
        raw_record: Raw,
        place: dict[str, Any],
        has_replacements: bool,
    ) -> dict[str, Any]:
        fields = {}
        for index, column in enumerate(self._table.filled_by_record):
            try:
                value = self._coerce(column, record, raw_record, has_replacements)
            except ValueError as error:
                key = _key_text(self._table, record)
                raise InputError(str(error), key=key, column=column.name, **place) from error
            if column.name in self._table.key and (value is None or value is UNSET):
                name = ".".join(column.path)
                raise InputError(f"key property {name} is missing or null", **place)
            fields[f"c{index}"] = value
        return fields

    def _coerce(
        self,
        column: Column,
        record: Mapping[str, object],
        raw_record: Raw,
        has_replacements: bool,
    ) -> object:
        """Return the value of a column as the decoder would; UNSET if the property is missing."""
        if column.members:
            return self._join_members(column, record, raw_record)
        value = _at(record, column.path)
        if value is UNSET:
            return UNSET
        raw = _raw_at(raw_record, column.path, value)
        in_key = column.name in self._table.key
        if in_key and value is not None:
            coercion.check_key(value, column, has_replacements)
        try:
            result = _coerce_to(column, value, raw, in_key=in_key)
            return raw if in_key and column.kind is Kind.DECIMAL else result
        except ValueError:
            wider_type = _first_that_holds(value, column.wider_type, raw, in_key=in_key)
            if wider_type is not None:
                length = _text_length(value, wider_type, raw, in_key=in_key)
                key = _key_text(self._table, record)
                raise ColumnTooNarrow(wider_type, length, key) from None
            if in_key or self._invalid_dates == "error" or column.kind not in TEMPORAL_KINDS:
                raise
        self._dates_replaced += 1
        return None if self._invalid_dates == "null" else datetimes.clamped(value, column.kind)

    def _join_members(
        self, column: Column, record: Mapping[str, object], raw_record: Raw
    ) -> object:
        """Return the JSON object of a column's members; UNSET if all are missing."""
        members = [_raw_at(raw_record, path, _at(record, path)) for path in column.members]
        value = joined(members, member_names(column))
        if value is not UNSET and column.wider_type:
            try:
                values.to_json(value, column.json)
            except ValueError:
                key = _key_text(self._table, record)
                raise ColumnTooNarrow(column.wider_type, 0, key) from None
        return value

    def _add_undeclared(self, record: Mapping[str, object]) -> None:
        ignored = {(name,) for name in self._table.ignored}
        paths = {*_undeclared_paths(record, self._tree)} - ignored
        self._check_log_based(name for name, *inner in paths if not inner)
        if paths <= self.undeclared or not self.has_few_undeclared:
            return
        self.undeclared |= paths
        # The decoder skips the names that it knows. Names that are data, such as ids, never end.
        self.has_few_undeclared = len(self.undeclared) <= MAX_UNDECLARED and not any(
            NO_FIELD_NAME.search(name) for path in paths for name in path
        )

    def _check_log_based(self, names: Iterable[str]) -> None:
        for name in names:
            is_deletion = name.casefold() == DELETED_AT and self._table.adds(DELETED_AT)
            if is_deletion or (self._table.missing == "auto" and is_log_based(name)):
                raise LogBasedDetected(name)


class _RawMessage(msgspec.Struct):
    record: Raw


def _raw_record(line: bytes) -> Raw:
    """Return the JSON text of a message's record."""
    try:
        return msgspec.json.decode(line, type=_RawMessage).record
    except (ValueError, RecursionError):
        return Raw(b"{}")


def _at(record: object, path: tuple[str, ...]) -> object:
    """
    Return the value at `path`: None inside of null, UNSET if a property is missing.

    Raises ValueError if an outer value is not an object.
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


def _raw_at(raw_record: Raw, path: tuple[str, ...], value: object) -> Any:
    """Return the JSON text of `value`, which stands at `path` of a record."""
    if value is None or value is UNSET:
        return value
    raw = raw_record
    try:
        for name in path:
            raw = msgspec.json.decode(raw, type=dict[str, Raw])[name]
    except (ValueError, KeyError, RecursionError):  # msgspec refuses some names
        return json_codec.to_raw(value)
    return raw


def _coerce_to(column: Column, value: object, raw: Raw, *, in_key: bool) -> Any:
    """Return a value as the decoder would; ValueError if the column cannot hold the value."""
    result: Any = coercion.coerced(value, column, raw)
    if in_key and column.kind is Kind.MIXED:
        coercion.check_length(values.to_key_text(result, None, column.pads), column)
    if in_key and column.kind is Kind.NUMBER:
        values.to_key_number(raw)
    if in_key and column.kind is Kind.DECIMAL:
        values.to_key_decimal(raw, column.digits, column.scale)
    return result


def _first_that_holds(
    value: object, column: Column | None, raw: Raw, *, in_key: bool
) -> Column | None:
    """Return the first column, of `column` and its wider columns, that holds the value, or None."""
    while column is not None:
        with contextlib.suppress(ValueError):
            _coerce_to(column, value, raw, in_key=in_key)
            return column
        column = column.wider_type
    return None


def _text_length(value: object, column: Column, raw: Raw, *, in_key: bool) -> int:
    """Return the characters that a value takes in `column`, 0 for other types than text."""
    result = _coerce_to(column, value, raw, in_key=in_key)
    if in_key and column.kind is Kind.MIXED:
        return len(values.to_key_text(result, None, column.pads))
    return len(result) if isinstance(result, str) else 0


def _undeclared_paths(record: Mapping[str, object], tree: Tree) -> Iterator[Path]:
    """Yield the paths of the properties that are not in `tree`."""
    for name, value in record.items():
        inner = tree.get(name)
        if name not in tree:
            yield (name,)
        elif isinstance(inner, dict) and isinstance(value, Mapping):
            for path in _undeclared_paths(value, inner):
                yield (name, *path)


def _key_text(table: Table, record: Mapping[str, object]) -> str:
    keys = [column.path[0] for column in table.filled_by_record if column.name in table.key]
    return ", ".join(f"{name}={shown(record.get(name))}" for name in keys)
