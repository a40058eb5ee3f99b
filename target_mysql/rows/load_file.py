r"""
The format of the load file: a row for each record, read by LOAD DATA or serialized as INSERT. Pure.

Fields and rows end with control characters. JSON holds those only as `\u` escapes, so a RECORD line
without `\u001` needs no escaping in the load file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

FIELD_END, ROW_END, ESCAPE = "\x1f", "\x1e", "\x1d"
NULL: Final = ESCAPE + "N"
LOAD_DATA_FORMAT = (
    f"FIELDS TERMINATED BY '{FIELD_END}' ESCAPED BY '{ESCAPE}' LINES TERMINATED BY '{ROW_END}'"
)
MAY_NEED_ESCAPES: Final = b"\\u001"  # in a RECORD line whose values may hold a separator

_END, _ROW, _ESC, _NULL = (text.encode() for text in (FIELD_END, ROW_END, ESCAPE, NULL))
# Matches the end of a field. The second branch consumes escaped characters, which end no field.
# Matches are found one at a time: a value may have hundreds of MB, all of them escaped.
_FIELD_END = re.compile(_END + b"|" + _ESC + b".", re.DOTALL)


def escape(text: str) -> str:
    """Return `text` with the separators escaped."""
    # Not by a regular expression, which takes 60 bytes for each of up to 100 million characters.
    for special in (ESCAPE, FIELD_END, ROW_END):
        text = text.replace(special, ESCAPE + special)
    return text


def unescape(field: str) -> str | None:
    """Return the value of a field, None for NULL."""
    if field == NULL:
        return None
    for special in (ROW_END, FIELD_END, ESCAPE):
        field = field.replace(ESCAPE + special, special)
    return field


def split_row(row: bytes) -> list[str | None]:
    """Return the values of a row as text, None for NULL."""
    return [unescape(row[start:end].decode()) for start, end in _iter_fields(row)]


def longest_field(row: bytes) -> int:
    """Return the position of a row's longest value, counted from 0; nothing is copied."""
    lengths = [end - start for start, end in _iter_fields(row)]
    return lengths.index(max(lengths))


def to_sql(rows: Sequence[bytes]) -> bytes:
    """Serialize rows as the values of an INSERT: each in brackets, all in quotes but NULL."""
    data = b"".join(rows)
    if data.count(_ESC) != data.count(_NULL):  # some value has a separator
        return b",".join([b"(%b)" % b",".join(map(_quoted, split_row(row))) for row in rows])
    data = data.removesuffix(_ROW).replace(b"\\", b"\\\\").replace(b"'", b"\\'")
    data = data.replace(_END, b"','").replace(_ROW, b"'),('")
    return (b"('%b')" % data).replace(b"'%b'" % _NULL, b"NULL")


def _iter_fields(row: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each value of a row."""
    start, last = 0, len(row) - len(_ROW)
    for match in _FIELD_END.finditer(row, 0, last):
        if match[0] == _END:
            yield start, match.start()
            start = match.end()
    yield start, last


def _quoted(value: str | None) -> bytes:
    if value is None:
        return b"NULL"
    return b"'%b'" % value.encode().replace(b"\\", b"\\\\").replace(b"'", b"\\'")
