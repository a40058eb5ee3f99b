"""
The whole load, top to bottom: lines to messages, messages to batches, batches to commits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from target_mysql.config import Config
from target_mysql.exceptions import InputError, LockedError
from target_mysql.loading.activate_version import retire_older
from target_mysql.loading.batch import Batch
from target_mysql.loading.committer import Committer
from target_mysql.loading.migrate import migrate, widen
from target_mysql.loading.stage_and_merge import utc_now
from target_mysql.loading.table_locks import TableLocks
from target_mysql.messages import (
    ActivateVersionMessage,
    Message,
    RecordMessage,
    SchemaMessage,
    StateMessage,
    beginning,
    parse_message,
    record_beginnings,
)
from target_mysql.progress import Progress
from target_mysql.rows.encoder import LogBasedAppeared, RowEncoder, TooNarrow, VersionAppeared
from target_mysql.server import statements
from target_mysql.server.database import Database
from target_mysql.tables.table import (
    TABLE_VERSION,
    VERSION_COLUMN,
    Table,
    to_source,
    to_table,
    to_table_name,
)

if TYPE_CHECKING:
    from target_mysql.rows.validation import Validator

LOGGER = logging.getLogger(__name__)

LOCK_POLL_S = 0.5


class Stream:
    """A stream that a SCHEMA has announced: its table, its encoder, and what waits to be loaded."""

    def __init__(self, message: SchemaMessage, table: Table, config: Config) -> None:
        self.message = message
        self.table = table
        self.encoder = RowEncoder(table, config.invalid_dates)
        self._validator = _validator(message) if config.validate_records else None
        self.children: dict[str, Table] = {}  # by stream
        self._warned: frozenset[str] = frozenset()
        self._batch = self._new_batch()

    @property
    def has_rows(self) -> bool:
        return bool(self._batch.rows)

    def take(self, line: bytes, number: int) -> int:
        """Encode the RECORD line and keep its row; returns the row's bytes."""
        if self._validator is not None:
            self._validator.check(line, number)
        row = self.encoder.encode(line, number)
        self._batch.add(row, number)
        return len(row[0])

    def take_batch(self, parent: Table | None) -> Batch:
        """Return what waits, and begin anew; `parent` is the table of the stream's parent."""
        batch, self._batch = self._batch, self._new_batch()
        batch.children, batch.parent = tuple(self.children.values()), parent
        batch.versions = self.encoder.take_versions()
        self._warn_undeclared()
        return batch

    def _new_batch(self) -> Batch:
        return Batch(self.table, self.encoder.columns)

    def _warn_undeclared(self) -> None:
        undeclared = self.encoder.undeclared
        if undeclared > self._warned:
            LOGGER.warning(
                "%s: properties that its SCHEMA does not declare are left out: %s",
                self.message.stream,
                ", ".join(sorted(undeclared - self._warned)),
            )
            self._warned = undeclared


def _validator(message: SchemaMessage) -> Validator:
    # Imported here: it is not to be waited for by those who do not ask for it.
    from target_mysql.rows.validation import Validator

    return Validator(message.stream, message.schema)


class Load:
    """One run: takes lines, commits batches, writes states to `out`."""

    def __init__(self, database: Database, config: Config, out: BinaryIO) -> None:
        self.progress = Progress()
        self._database = database
        self._config = config
        self._locks = TableLocks(database, config.lock_timeout_seconds)
        self._committer = Committer(
            database, out, self.progress, config.retry_limit_seconds, self._locks
        )
        self._streams: dict[str, Stream] = {}
        self._by_beginning: dict[bytes, Stream] = {}
        self._rows = self._size = 0  # waiting, of all streams
        self._waiting_since: float | None = None  # monotonic seconds
        self._state: bytes | None = None

    def run(self, chunks: Iterable[Sequence[bytes]]) -> None:
        """
        Load all lines of `chunks`; an empty chunk only tells that time has passed.

        Raises TargetError; where a line is at fault, what came before it is loaded first.
        """
        number = 0
        try:
            for lines in chunks:
                for line in lines:
                    number += 1
                    self._take(line, number)
                self._tick()
        except InputError:
            self._finish()
            raise
        self._finish()

    def stop(self) -> None:
        """End at once: a commit under way is finished, what waits is not begun."""
        self._committer.stop()
        self._locks.release()

    def _take(self, line: bytes, number: int) -> None:
        stream = self._by_beginning.get(beginning(line))
        if stream is not None:
            self._take_record(stream, line, number)
            return
        message = parse_message(line, number)
        if message is not None:
            try:
                self._take_message(message, line, number)
            except RecursionError as error:
                raise InputError("nested too deep", line=number) from error

    def _take_record(self, stream: Stream, line: bytes, number: int) -> None:
        while True:
            try:
                size = stream.take(line, number)
                break
            except VersionAppeared:
                stream = self._add_version_column(stream)
            except LogBasedAppeared as found:
                self._finish()
                stream = self._put_stream(stream.message, stream.table.as_log_based(found.name))
            except TooNarrow as narrow:
                stream = self._widen(stream, narrow, number)
        self._rows += 1
        self._size += size
        config = self._config
        if self._rows >= config.batch_size_rows or self._size >= config.batch_size_bytes:
            self._flush()

    def _take_message(self, message: Message, line: bytes, number: int) -> None:
        if isinstance(message, StateMessage):
            self._state = message.value
            return
        if isinstance(message, SchemaMessage):
            self._take_schema(message, number)
            return
        stream = self._streams.get(message.stream)
        if stream is None:
            name = "RECORD" if isinstance(message, RecordMessage) else "ACTIVATE_VERSION"
            raise InputError(f"{name} before SCHEMA", line=number, stream=message.stream)
        if isinstance(message, RecordMessage):
            self._take_record(stream, line, number)
        else:
            self._activate(stream, message)

    def _take_schema(self, message: SchemaMessage, number: int) -> None:
        known = self._streams.get(message.stream)
        if known is not None and known.message == message:
            return
        config = self._config
        if config.primary_key_required and not message.key_properties:
            problem = "no key_properties (primary_key_required: false would append its records)"
            raise InputError(problem, line=number, stream=message.stream)
        # What waits is committed first: DDL would commit it half done.
        self._finish()
        self._lock(to_table_name(message.stream))
        table = self._to_table(message, number)
        self._refuse_shared(table, number)
        parent = table.parent and self._streams.get(table.parent.stream)
        if table.parent and parent is None:
            problem = f"its parent's SCHEMA, of stream {table.parent.stream}, must come first"
            raise InputError(problem, line=number, stream=message.stream)
        there = self._change_table(lambda: migrate(table, self._database))
        stream = self._put_stream(message, there)
        if parent:
            self._adopt(parent, stream)

    def _lock(self, table_name: str) -> None:
        """Take the table's lock; raises LockedError where another load keeps it too long."""
        wait_s = self._config.lock_wait_seconds
        give_up_at = time.monotonic() + wait_s
        waits = False
        while holder := self._committer.patiently(lambda: self._locks.try_acquire(table_name)):
            if time.monotonic() >= give_up_at:
                advice = "" if wait_s else ", or set lock_wait_seconds to wait for it"
                raise LockedError(
                    f"table {table_name} is being loaded by another target-mysql ({holder}):"
                    f" run again when that has ended{advice}"
                )
            if not waits:
                waits = True
                LOGGER.info("table %s: waiting up to %g s for %s", table_name, wait_s, holder)
            time.sleep(LOCK_POLL_S)

    def _change_table(self, change: Callable[[], Table]) -> Table:
        """Change a table, which must still be held; returns it as it is then."""

        def attempt() -> Table:
            self._locks.confirm(self._database)
            return change()

        return self._committer.patiently(attempt)

    def _to_table(self, message: SchemaMessage, number: int) -> Table:
        name = to_table_name(message.stream)
        there = self._committer.patiently(lambda: self._database.read_columns(name))
        try:
            source = to_source(message.schema)
            versions = statements.highest_version(name) if TABLE_VERSION in there else None
            self._committer.patiently(
                lambda: self._locks.describe(name, source, exists=bool(there), versions=versions)
            )
            return to_table(
                message.stream,
                message.schema,
                message.key_properties,
                self._database.server.dialect,
                add_metadata_columns=self._config.needs_metadata_columns,
                flattening_levels=self._config.data_flattening_max_level,
                there=there,
                missing=self._config.missing_properties,
            )
        except ValueError as error:
            raise InputError(str(error), line=number, stream=message.stream) from error

    def _refuse_shared(self, table: Table, number: int) -> None:
        """Raise InputError where another stream has this table: their rows would mix."""
        if not self._database.server.folds_names:
            return
        for name, other in self._streams.items():
            if name != table.stream and other.table.name.casefold() == table.name.casefold():
                problem = f"this server keeps it and stream {name} in one table"
                raise InputError(problem, line=number, stream=table.stream)

    def _adopt(self, parent: Stream, child: Stream) -> None:
        """Have the parent's batches clear away what is no longer among its children."""
        if not parent.table.numbered:
            parent = self._put_stream(parent.message, replace(parent.table, numbered=True))
        parent.children[child.message.stream] = child.table

    def _widen(self, stream: Stream, narrow: TooNarrow, number: int) -> Stream:
        """Make the column the wider one, which holds a value of line `number` that it does not."""
        self._finish()
        wider, length = narrow.wider, narrow.length
        try:
            there = self._change_table(lambda: widen(stream.table, wider, length, self._database))
        except ValueError as error:
            raise InputError(
                str(error),
                line=number,
                stream=stream.message.stream,
                key=narrow.key,
                column=wider.name,
            ) from error
        return self._put_stream(stream.message, there)

    def _add_version_column(self, stream: Stream) -> Stream:
        self._finish()
        table = replace(stream.table, columns=(*stream.table.columns, VERSION_COLUMN))
        there = self._change_table(lambda: migrate(table, self._database))
        return self._put_stream(stream.message, there)

    def _put_stream(self, message: SchemaMessage, table: Table) -> Stream:
        """Have the stream's records go into `table` from now on; none of them wait."""
        name = message.stream
        known = self._streams.get(name)
        children = known.children if known else {}
        numbered = replace(table, numbered=table.numbered or bool(children))
        stream = Stream(message, numbered, self._config)
        stream.children = children
        self._streams[name] = stream
        self._by_beginning |= dict.fromkeys(record_beginnings(name), stream)
        return stream

    def _activate(self, stream: Stream, message: ActivateVersionMessage) -> None:
        """Delete or flag the stream's rows of older versions, once all before is committed."""
        if not self._config.needs_metadata_columns:
            LOGGER.warning("ACTIVATE_VERSION ignored: it needs add_metadata_columns")
            return
        self._finish()
        name = stream.table.name
        highest = self._committer.patiently(lambda: self._locks.read_version(self._database, name))
        if highest is not None and message.version < highest:
            LOGGER.warning(
                "%s: ACTIVATE_VERSION %d ignored: its table has rows of version %d, of a later"
                " pass",
                message.stream,
                message.version,
                highest,
            )
            return
        if not stream.table.adds(TABLE_VERSION):
            stream = self._add_version_column(stream)
        counts = self.progress.streams[message.stream]
        for rows in retire_older(
            stream.table,
            message.version,
            self._database,
            self._committer.patiently,
            None if self._config.hard_delete else utc_now(),
            self._locks,
        ):
            counts.deleted += rows
            self.progress.tick()

    def _tick(self) -> None:
        """Do what time asks for: hear of a failed commit, flush what has waited long enough."""
        self._committer.raise_failure()
        if self._committer.is_idle:
            self._committer.patiently(self._locks.keep)
        now = time.monotonic()
        if not self._rows and self._state is None:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = now
        elif now - self._waiting_since >= self._config.batch_wait_limit_seconds:
            self._flush()
        self.progress.tick()

    def _flush(self) -> None:
        """Hand what waits, of all streams, and the newest state on to be committed."""
        batches = [
            stream.take_batch(self._parent_table(stream.table))
            for stream in self._streams.values()
            if stream.has_rows
        ]
        for name, stream in self._streams.items():
            self.progress.streams[name].mended += stream.encoder.take_mended()
            self.progress.streams[name].not_numbers += stream.encoder.take_not_numbers()
        state, self._state = self._state, None
        self._rows = self._size = 0
        self._waiting_since = None
        self._committer.submit(batches, state)

    def _parent_table(self, table: Table) -> Table | None:
        return self._streams[table.parent.stream].table if table.parent else None

    def _finish(self) -> None:
        """Commit all that waits, and come back when it is done."""
        self._flush()
        self._committer.wait()
