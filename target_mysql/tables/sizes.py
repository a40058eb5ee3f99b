"""The most bytes that a column takes in a row and in an index. Pure."""

from __future__ import annotations

import re

from target_mysql.tables.dialect import BYTES_A_CHARACTER

OFF_PAGE_BYTES = 41  # of a long text, whose rest is stored off page
FIXED_BYTES = {
    "tinyint": 1,
    "smallint": 2,
    "mediumint": 3,
    "int": 4,
    "bigint": 8,
    "double": 8,
    "float": 4,
    "date": 3,
    "time": 6,
    "datetime": 8,
    "timestamp": 7,
}
_TYPE = re.compile(r"(?P<base>\w+)(?:\((?P<length>\d+))?")


def row_bytes(sql_type: str, in_key: bool) -> int:
    """Return the bytes that a value takes in a row; a key's text is never stored off page."""
    base, length = _parse_type(sql_type)
    if base == "decimal":
        return length // 2 + 4
    if base in ("varchar", "char") and (in_key or length * BYTES_A_CHARACTER < 256):
        return length * BYTES_A_CHARACTER + 2
    return FIXED_BYTES.get(base, OFF_PAGE_BYTES)


def index_bytes(sql_type: str, prefix_length: int | None = None) -> int:
    """Return the bytes of an index that a column takes; `prefix_length` is in characters."""
    base, length = _parse_type(sql_type)
    if prefix_length is not None:
        return prefix_length * BYTES_A_CHARACTER
    if base in ("varchar", "char"):
        return length * BYTES_A_CHARACTER
    return row_bytes(sql_type, in_key=True)


def _parse_type(sql_type: str) -> tuple[str, int]:
    match = _TYPE.match(sql_type.lower())
    return (match["base"], int(match["length"] or 0)) if match else ("", 0)
