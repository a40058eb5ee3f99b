"""What a contender loads is looked at; a SQLite stands for the server."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from benchmarks.singer_lines import narrow_lines
from benchmarks.work import Work


class Table:
    """A Database of one table, with the given times of creation and change."""

    server_pid = None

    def __init__(self, *rows: tuple[int, int]) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute("CREATE TABLE engagements (createdAt, lastUpdated)")
        self._connection.executemany("INSERT INTO engagements VALUES (?, ?)", rows)

    def empty(self) -> None:
        self._connection.execute("DELETE FROM engagements")

    def ask(self, query: str) -> tuple[int, ...]:
        (row,) = self._connection.execute(query)
        return tuple(row)


def test_a_table_holds_each_record_as_it_was_sent(tmp_path: Path) -> None:
    """
    A row too many, one too few, one of before: each is none of the work.
    """
    work = Work(narrow_lines, 12, 2, tmp_path)
    work.check(Table((5, 6), (7, 8)), 1)
    for rows in ([], [(5, 6)], [(5, 6), (7, 7)], [(5, 6), (7, 8), (7, 7)]):
        with pytest.raises(RuntimeError, match=f"{len(rows)} rows"):
            work.check(Table(*rows), 1)


def test_who_updates_nothing_has_all_rows(tmp_path: Path) -> None:
    """
    Of a program that is known for it, the rows are counted alone.
    """
    work = Work(narrow_lines, 12, 2, tmp_path)
    work.check(Table((5, 5), (7, 7)), None)
    with pytest.raises(RuntimeError, match="1 rows"):
        work.check(Table((5, 5)), None)
