"""The check of a loaded table; SQLite stands in for the server."""

from __future__ import annotations

import csv
import json
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


def test_the_csv_file_has_every_record(tmp_path: Path) -> None:
    """
    The CSV has the columns of the SCHEMA, and each record of the lines with its values.
    """
    work = Work(narrow_lines, 12, 3, tmp_path)
    with work.file(1).open("rb") as lines:
        schema, *records = (
            message for message in map(json.loads, lines) if message["type"] in {"SCHEMA", "RECORD"}
        )
    with work.csv_file(1).open(newline="") as file:
        names, *rows = csv.reader(file)
    assert names == list(schema["schema"]["properties"])
    assert rows == [[str(one["record"][name]) for name in names] for one in records]
    assert len(rows) == 3
