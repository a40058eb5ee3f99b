"""INSERT statements, for servers that forbid LOAD DATA LOCAL. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from target_mysql.exceptions import RowRefused
from target_mysql.rows.load_file import longest_field, to_sql
from target_mysql.tables.columns import Column

INSERT_SIZE = 256 * 1024  # bytes of rows in one INSERT


def split_rows(rows: Sequence[bytes], limit: int) -> Iterator[Sequence[bytes]]:
    """Yield rows in slices of at most `limit` bytes, or of one row that is longer."""
    start = size = 0
    for at, row in enumerate(rows):
        if size and size + len(row) > limit:
            yield rows[start:at]
            start, size = at, 0
        size += len(row)
    if start < len(rows):
        yield rows[start:]


def to_insert(
    statement: bytes, rows: Sequence[bytes], columns: Sequence[Column], limit: int
) -> bytes:
    """
    Return the INSERT that begins with `statement` and has the values of `rows`.

    Raises RowRefused for a statement longer than `limit` bytes, which only a single row can cause:
    the server would hang up, also at the next attempt. A row that is too long by itself is refused
    before it is copied.
    """
    size = len(statement) + sum(map(len, rows))
    query = statement + to_sql(rows) if size < limit else b""
    if not query or len(query) >= limit:
        problem = f"max_allowed_packet is {limit} bytes, too few"
        raise RowRefused(problem, 1, columns[longest_field(rows[0])].name)
    return query
