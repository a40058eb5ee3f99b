"""The rows of a stream that wait to be loaded."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from target_mysql.exceptions import InputError, shown
from target_mysql.rows.load_file import split_row
from target_mysql.rows.row_function import Row
from target_mysql.tables.columns import Column
from target_mysql.tables.identifiers import STAGING
from target_mysql.tables.table import LINE_COLUMN, Table


@dataclass
class Batch:
    """
    Rows of the load file for `table`, each with the values of `columns`.

    `lines` are the line numbers of the rows in the input. A bit of `missing_mask` is set if some
    row lacks the property of the column at this position, so that the column keeps its value.
    `children` are the tables whose rows are replaced with these rows. `versions` are the versions
    of the rows. `parent` is the table of the parent stream.
    """

    table: Table
    columns: Sequence[Column]
    children: Sequence[Table] = ()
    rows: list[bytes] = field(default_factory=list)
    lines: array[int] = field(default_factory=lambda: array("Q"))
    missing_mask: int = 0
    versions: frozenset[int] = frozenset()
    parent: Table | None = None

    def add(self, row: Row, line: int) -> None:
        data, missing_mask = row
        self.rows.append(data)
        self.lines.append(line)
        self.missing_mask |= missing_mask

    @property
    def merged_columns(self) -> list[Column]:
        """
        The columns to merge into the table, without those that only staging needs.

        Columns that the SCHEMA lacks, such as deselected properties, keep their values.
        """
        return [
            column
            for column in self.columns
            if column.filled_by_record or not column.name.startswith(STAGING)
        ]

    @property
    def staging_key(self) -> tuple[str, ...]:
        """
        The key of the staging table, by which rows are deduplicated: the last row of a key wins.

        If rows may lack properties, earlier rows of a key count as well: all are staged, and merged
        in order.
        """
        return (LINE_COLUMN.name,) if self.missing_mask else self.table.key

    def refused(self, row: int, column: str, reason: str) -> InputError:
        """Return the error for the row that the server refused, counted from 1."""
        if not 0 < row <= len(self.rows):
            return InputError(reason, stream=self.table.stream, column=column)
        values = dict(
            zip((one.name for one in self.columns), split_row(self.rows[row - 1]), strict=True)
        )
        key = ", ".join(f"{name}={shown(values.get(name))}" for name in self.table.key)
        return InputError(
            f"{reason}: {shown(values.get(column))}",
            line=self.lines[row - 1],
            stream=self.table.stream,
            key=key or None,
            column=column,
        )
