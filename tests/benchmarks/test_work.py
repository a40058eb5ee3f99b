"""The check of a loaded table; SQLite stands in for the server."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from benchmarks.singer_lines import narrow_lines
from benchmarks.work import Work


class Table:
    """A Database with one table; `rows` are (createdAt, lastUpdated)."""

    server_pid = None

    def __init__(self, *rows: tuple[int, int]) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute("CREATE TABLE engagements (createdAt, lastUpdated)")
        self._connection.executemany("INSERT INTO engagements VALUES (?, ?)", rows)

    def empty(self) -> None:
        self._connection.execute("DELETE FROM engagements")

    def query(self, sql: str) -> tuple[int, ...]:
        (row,) = self._connection.execute(sql)
        return tuple(row)


def test_the_check_finds_wrong_tables(tmp_path: Path) -> None:
    """
    An extra row, a missing row and an unchanged row each raise an error.
    """
    work = Work(narrow_lines, 12, 2, tmp_path)
    work.check(Table((5, 6), (7, 8)), 1)
    for rows in ([], [(5, 6)], [(5, 6), (7, 7)], [(5, 6), (7, 8), (7, 7)]):
        with pytest.raises(RuntimeError, match=f"{len(rows)} rows"):
            work.check(Table(*rows), 1)


def test_the_check_of_programs_that_update_nothing(tmp_path: Path) -> None:
    """
    Without a change, the check only counts the rows.
    """
    work = Work(narrow_lines, 12, 2, tmp_path)
    work.check(Table((5, 5), (7, 7)), None)
    with pytest.raises(RuntimeError, match="1 rows"):
        work.check(Table((5, 5)), None)
