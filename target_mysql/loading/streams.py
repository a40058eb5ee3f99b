"""
The streams that SCHEMA messages have announced, and each stream's waiting rows.

The encoder and the batch of a stream fit only the current shape of its table: after a change of the
table, the stream is registered again. Waiting rows are flushed first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from target_mysql.config import Config
from target_mysql.loading.batch import Batch
from target_mysql.messages import SchemaMessage, record_prefixes
from target_mysql.rows.encoder import RowEncoder
from target_mysql.tables.table import TABLE_VERSION, Table

if TYPE_CHECKING:
    from target_mysql.rows.validation import Validator

LOGGER = logging.getLogger(__name__)


class Stream:
    """A stream: table, encoder and waiting rows."""

    def __init__(self, message: SchemaMessage, table: Table, config: Config) -> None:
        self.message = message
        self.table = table
        self.encoder = RowEncoder(table, config.invalid_dates)
        self._validator = _validator(message) if config.validate_records else None
        self.children: dict[str, Table] = {}  # by stream
        self._reported_undeclared: frozenset[str] = frozenset()
        self._batch = self._new_batch()

    @property
    def has_rows(self) -> bool:
        return bool(self._batch.rows)

    def add_record(self, line: bytes, number: int) -> int:
        """Encode the RECORD line, the input's `number`th, and keep its row; return its bytes."""
        if self._validator is not None:
            self._validator.check(line, number)
        row = self.encoder.encode(line, number)
        self._batch.add(row, number)
        return len(row[0])

    def take_batch(self, parent: Table | None) -> Batch:
        """Return the waiting rows and begin a new batch; `parent` is the parent stream's table."""
        batch, self._batch = self._batch, self._new_batch()
        batch.children, batch.parent = tuple(self.children.values()), parent
        batch.versions = self.encoder.take_versions()
        self._warn_undeclared()
        return batch

    def _new_batch(self) -> Batch:
        return Batch(self.table, self.encoder.columns)

    def _warn_undeclared(self) -> None:
        undeclared = self.encoder.undeclared
        if undeclared > self._reported_undeclared:
            LOGGER.warning(
                "%s: properties that its SCHEMA does not declare are left out: %s",
                self.message.stream,
                ", ".join(sorted(undeclared - self._reported_undeclared)),
            )
            self._reported_undeclared = undeclared


class Streams:
    """
    The streams of one run by name.

    `by_prefix` finds a RECORD line's stream by how the line begins, see `record_prefix`.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._by_name: dict[str, Stream] = {}
        self.by_prefix: dict[bytes, Stream] = {}

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Stream | None:
        return self._by_name.get(name)

    def register(self, message: SchemaMessage, table: Table) -> Stream:
        """Have the stream's records go into `table` from now on; none of its rows may wait."""
        name = message.stream
        previous = self._by_name.get(name)
        children = previous.children if previous else {}
        is_related = table.is_parent_or_child or bool(children)
        stream = Stream(message, replace(table, is_parent_or_child=is_related), self._config)
        stream.children = children
        self._by_name[name] = stream
        self.by_prefix |= dict.fromkeys(record_prefixes(name), stream)
        return stream

    def register_child(self, parent: Stream, child: Stream) -> None:
        """Have each batch of `parent` replace the rows of `child` that belong to its records."""
        if not parent.table.is_parent_or_child:
            parent = self.register(parent.message, replace(parent.table, is_parent_or_child=True))
        parent.children[child.message.stream] = child.table

    def take_batches(self) -> list[Batch]:
        """Return the waiting rows of all streams that have some, in the order of their SCHEMAs."""
        return [
            stream.take_batch(self._parent_table(stream.table))
            for stream in self._by_name.values()
            if stream.has_rows
        ]

    def sharing_table(self, table: Table) -> Stream | None:
        """Return another stream whose table's name differs from `table`'s by case at most."""
        name = table.name.casefold()
        return next(
            (
                one
                for one in self._by_name.values()
                if one.message.stream != table.stream and one.table.name.casefold() == name
            ),
            None,
        )

    def with_ancestors(self, stream: Stream) -> list[Table]:
        """Return the tables of the stream, its parent, and so on, as far as versions count."""
        tables = [stream.table]
        while parent := self._parent_table(tables[-1]):
            if parent in tables or not parent.adds(TABLE_VERSION):
                break
            if not tables[-1].finds_parent_by_key(parent):
                break
            tables.append(parent)
        return tables

    def _parent_table(self, table: Table) -> Table | None:
        return self._by_name[table.parent.stream].table if table.parent else None


def _validator(message: SchemaMessage) -> Validator:
    # Imported only for validate_records: the import takes time.
    from target_mysql.rows.validation import Validator

    return Validator(message.stream, message.schema)
