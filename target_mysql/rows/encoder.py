"""
Encodes RECORD lines as rows of the load file. Pure.

Each SCHEMA gets a decoder for its lines and a row function, both compiled once: the fast path. A
line that the decoder refuses takes the fallback (fallback.py), which coerces values or raises an
error with their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from target_mysql.exceptions import InputError, VersionColumnMissing
from target_mysql.rows.decoder import DecodedMessage, Decoding, to_decoding
from target_mysql.rows.fallback import FallbackDecoder
from target_mysql.rows.load_file import MAY_NEED_ESCAPES, escape
from target_mysql.rows.row_function import Row, row_function
from target_mysql.rows.values import to_text
from target_mysql.tables.kinds import Kind
from target_mysql.tables.table import (
    BATCHED_AT,
    DELETED_AT,
    EXTRACTED_AT,
    LINE_COLUMN,
    TABLE_VERSION,
    Table,
)

_find_escape = re.compile(rb"\\u").search  # twice as fast as `in`


class RowEncoder:
    """
    Encodes the RECORD lines of a stream as rows of `table`.

    `columns` are the columns of a row, in order. `invalid_dates` ("error", "null" or "clamp") is
    the policy for dates that MySQL cannot hold.
    """

    def __init__(self, table: Table, invalid_dates: str = "error") -> None:
        self.table = table
        # The first record with a version adds a column for it, unless metadata columns are off.
        has_metadata = any(map(table.adds, (EXTRACTED_AT, BATCHED_AT, DELETED_AT)))
        self._lacks_version = has_metadata and not table.adds(TABLE_VERSION)
        self._version: int | None = None  # of the last record
        self._versions: set[int] = set()  # of the records since `take_versions`
        metadata = tuple(filter(None, map(table.added, (EXTRACTED_AT, TABLE_VERSION))))
        line = (LINE_COLUMN,) if table.has_line_numbers else ()
        self.columns = table.filled_by_record + metadata + line + table.missing_columns
        self._fallback = FallbackDecoder(table, invalid_dates)
        to_row = partial(
            row_function,
            table,
            has_extracted_at=table.adds(EXTRACTED_AT),
            has_version=table.adds(TABLE_VERSION),
        )
        self._to_row = to_row(has_escapes=False)
        self._to_row_with_escapes = to_row(has_escapes=True)
        self._set_decoding()

    def encode(self, line: bytes, number: int) -> Row:
        """
        Return the row of the RECORD line `line`, the input's `number`th.

        Raises InputError with line, stream, key and column, and SchemaOutgrown.
        """
        try:
            return self._encode(self._decode(line), self._flatten, line, number)
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            pass
        try:
            return self._encode(self._decode_by_fallback(line, number), None, line, number)
        except RecursionError as error:
            raise InputError("nested too deep", line=number, stream=self.table.stream) from error
        except ValueError as error:
            raise InputError(str(error), line=number, stream=self.table.stream) from error

    @property
    def undeclared(self) -> frozenset[str]:
        """The properties in records that the SCHEMA lacks, as in outer.inner."""
        return frozenset(map(".".join, self._fallback.undeclared))

    def take_versions(self) -> frozenset[int]:
        """Return the distinct versions of the records since the last call."""
        versions, self._version, self._versions = frozenset(self._versions), None, set()
        return versions

    def take_replaced_dates(self) -> int:
        """Return the number of replaced dates since the last call."""
        return self._fallback.take_replaced_dates()

    def take_not_numbers(self) -> int:
        """Return the number of NaN and Infinity that became NULL since the last call."""
        return self._fallback.take_not_numbers()

    def _encode(
        self,
        message: DecodedMessage,
        flatten: Callable[[Any], Any] | None,
        line: bytes,
        number: int,
    ) -> Row:
        if message.version != self._version:  # few records differ from the one before
            self._add_version(message.version)
        record = flatten(message.record) if flatten else message.record
        if _find_escape(line) is None:
            return self._to_row(record, message.time_extracted, message.version, number)
        if MAY_NEED_ESCAPES in line:
            record = self._escaped(record)
        return self._to_row_with_escapes(record, message.time_extracted, message.version, number)

    def _add_version(self, version: int | None) -> None:
        if version is not None and self._lacks_version:
            raise VersionColumnMissing
        self._version = version
        if version is not None:
            self._versions.add(version)

    def _decode_by_fallback(self, line: bytes, number: int) -> DecodedMessage:
        previous = self._fallback.undeclared
        fields, time_extracted, version = self._fallback.decode(line, number)
        if self._fallback.undeclared != previous:
            self._set_decoding()
        record = self._decoding.record_type(**fields)
        message: DecodedMessage = self._decoding.message_type(record, time_extracted, version)
        return message

    def _set_decoding(self) -> None:
        """Compile the decoder, which skips the undeclared properties that are known so far."""
        is_strict = self._fallback.has_few_undeclared
        ignored = self._fallback.undeclared if is_strict else ()
        self._decoding: Decoding = to_decoding(self.table, ignored, strict=is_strict)
        self._decode, self._flatten = self._decoding.decode, self._decoding.flatten

    def _escaped(self, record: Any) -> Any:
        """Return `record` with the load file's separators escaped in its strings."""
        fields: dict[str, object] = {}
        for index, column in enumerate(self.table.filled_by_record):
            value = getattr(record, f"c{index}")
            if isinstance(value, str):
                fields[f"c{index}"] = escape(value)
            elif column.kind is Kind.MIXED and bytes(value or b"").startswith(b'"'):
                fields[f"c{index}"] = Raw(msgspec.json.encode(escape(to_text(value))))
        return msgspec.structs.replace(record, **fields)
