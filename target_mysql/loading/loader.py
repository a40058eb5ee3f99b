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
from target_mysql.loading.activate_version import delete_older_versions
from target_mysql.loading.batch import Batch
from target_mysql.loading.committer import Committer
from target_mysql.loading.migrate import migrate, widen
from target_mysql.loading.stage_and_merge import utc_now
from target_mysql.loading.staging import Staging
from target_mysql.loading.table_locks import TableLocks
from target_mysql.messages import (
    ActivateVersionMessage,
    Message,
    RecordMessage,
    SchemaMessage,
    StateMessage,
    parse_message,
    record_prefix,
    record_prefixes,
)
from target_mysql.progress import Progress
from target_mysql.rows.encoder import (
    ColumnTooNarrow,
    LogBasedDetected,
    RowEncoder,
    VersionColumnMissing,
)
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


class Loader:
    """One run: takes lines, commits batches, writes states to `out`."""

    def __init__(self, database: Database, config: Config, out: BinaryIO) -> None:
        self.progress = Progress()
        self._database = database
        self._config = config
        self._locks = TableLocks(database, config.lock_timeout_seconds)
        self._staging = Staging(self._locks, uses_tables=config.staging == "tables")
        self._committer = Committer(
            database,
            out,
            self.progress,
            config.retry_limit_seconds,
            self._locks,
            self._staging,
        )
        self._streams: dict[str, Stream] = {}
        self._by_prefix: dict[bytes, Stream] = {}
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
                    self._handle_line(line, number)
                self._tick()
        except InputError:
            self._flush_and_wait()
            raise
        self._flush_and_wait()
        self._staging.drop_left_behind(self._database)

    def stop(self) -> None:
        """End at once: a commit under way is finished, what waits is not begun."""
        self._committer.stop()
        self._locks.release()

    def _handle_line(self, line: bytes, number: int) -> None:
        stream = self._by_prefix.get(record_prefix(line))
        if stream is not None:
            self._load_record(stream, line, number)
            return
        message = parse_message(line, number)
        if message is not None:
            try:
                self._handle_message(message, line, number)
            except RecursionError as error:
                raise InputError("nested too deep", line=number) from error

    def _load_record(self, stream: Stream, line: bytes, number: int) -> None:
        while True:
            try:
                size = stream.take(line, number)
                break
            except VersionColumnMissing:
                stream = self._add_version_column(stream)
            except LogBasedDetected as found:
                self._flush_and_wait()
                stream = self._register_stream(
                    stream.message, stream.table.as_log_based(found.name)
                )
            except ColumnTooNarrow as too_narrow:
                stream = self._widen(stream, too_narrow, number)
        self._rows += 1
        self._size += size
        config = self._config
        if self._rows >= config.batch_size_rows or self._size >= config.batch_size_bytes:
            self._flush()

    def _handle_message(self, message: Message, line: bytes, number: int) -> None:
        if isinstance(message, StateMessage):
            self._state = message.value
            return
        if isinstance(message, SchemaMessage):
            self._handle_schema(message, number)
            return
        stream = self._streams.get(message.stream)
        if stream is None:
            name = "RECORD" if isinstance(message, RecordMessage) else "ACTIVATE_VERSION"
            raise InputError(f"{name} before SCHEMA", line=number, stream=message.stream)
        if isinstance(message, RecordMessage):
            self._load_record(stream, line, number)
        else:
            self._activate_version(stream, message)

    def _handle_schema(self, message: SchemaMessage, number: int) -> None:
        known = self._streams.get(message.stream)
        if known is not None and known.message == message:
            return
        config = self._config
        if config.primary_key_required and not message.key_properties:
            problem = "no key_properties (primary_key_required: false would append its records)"
            raise InputError(problem, line=number, stream=message.stream)
        # What waits is committed first: DDL would commit it half done.
        self._flush_and_wait()
        self._lock(to_table_name(message.stream))
        table = self._to_table(message, number)
        self._check_table_not_shared(table, number)
        parent = table.parent and self._streams.get(table.parent.stream)
        if table.parent and parent is None:
            problem = f"its parent's SCHEMA, of stream {table.parent.stream}, must come first"
            raise InputError(problem, line=number, stream=message.stream)
        existing = self._change_table(lambda: migrate(table, self._database))
        stream = self._register_stream(message, existing)
        if parent:
            self._register_child(parent, stream)

    def _lock(self, table_name: str) -> None:
        """Take the table's lock; raises LockedError where another load keeps it too long."""
        wait_s = self._config.lock_wait_seconds
        give_up_at = time.monotonic() + wait_s
        waits = False
        while holder := self._committer.with_retries(lambda: self._locks.try_acquire(table_name)):
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

        return self._committer.with_retries(attempt)

    def _to_table(self, message: SchemaMessage, number: int) -> Table:
        name = to_table_name(message.stream)
        existing = self._committer.with_retries(lambda: self._database.read_columns(name))
        try:
            source = to_source(message.schema)
            versions = statements.highest_version(name) if TABLE_VERSION in existing else None
            self._committer.with_retries(
                lambda: self._locks.describe(name, source, exists=bool(existing), versions=versions)
            )
            return to_table(
                message.stream,
                message.schema,
                message.key_properties,
                self._database.server.dialect,
                add_metadata_columns=self._config.needs_metadata_columns,
                flattening_levels=self._config.data_flattening_max_level,
                existing=existing,
                missing=self._config.missing_properties,
            )
        except ValueError as error:
            raise InputError(str(error), line=number, stream=message.stream) from error

    def _check_table_not_shared(self, table: Table, number: int) -> None:
        """Raise InputError where another stream has this table: their rows would mix."""
        if not self._database.server.folds_names:
            return
        for name, other in self._streams.items():
            if name != table.stream and other.table.name.casefold() == table.name.casefold():
                problem = f"this server keeps it and stream {name} in one table"
                raise InputError(problem, line=number, stream=table.stream)

    def _register_child(self, parent: Stream, child: Stream) -> None:
        """Have the parent's batches clear away what is no longer among its children."""
        if not parent.table.is_parent_or_child:
            parent = self._register_stream(
                parent.message, replace(parent.table, is_parent_or_child=True)
            )
        parent.children[child.message.stream] = child.table

    def _widen(self, stream: Stream, too_narrow: ColumnTooNarrow, number: int) -> Stream:
        """Make the column the wider one, which holds a value of line `number` that it does not."""
        self._flush_and_wait()
        wider_type, length = too_narrow.wider_type, too_narrow.length
        try:
            existing = self._change_table(
                lambda: widen(stream.table, wider_type, length, self._database)
            )
        except ValueError as error:
            raise InputError(
                str(error),
                line=number,
                stream=stream.message.stream,
                key=too_narrow.key,
                column=wider_type.name,
            ) from error
        return self._register_stream(stream.message, existing)

    def _add_version_column(self, stream: Stream) -> Stream:
        self._flush_and_wait()
        table = replace(stream.table, columns=(*stream.table.columns, VERSION_COLUMN))
        existing = self._change_table(lambda: migrate(table, self._database))
        return self._register_stream(stream.message, existing)

    def _register_stream(self, message: SchemaMessage, table: Table) -> Stream:
        """Have the stream's records go into `table` from now on; none of them wait."""
        name = message.stream
        known = self._streams.get(name)
        children = known.children if known else {}
        is_parent_or_child = replace(
            table, is_parent_or_child=table.is_parent_or_child or bool(children)
        )
        stream = Stream(message, is_parent_or_child, self._config)
        stream.children = children
        self._streams[name] = stream
        self._by_prefix |= dict.fromkeys(record_prefixes(name), stream)
        return stream

    def _activate_version(self, stream: Stream, message: ActivateVersionMessage) -> None:
        """Delete or flag the stream's rows of older versions, once all before is committed."""
        if not self._config.needs_metadata_columns:
            LOGGER.warning("ACTIVATE_VERSION ignored: it needs add_metadata_columns")
            return
        self._flush_and_wait()
        name = stream.table.name
        highest = self._committer.with_retries(
            lambda: self._locks.read_version(self._database, name)
        )
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
        for rows in delete_older_versions(
            stream.table,
            message.version,
            self._database,
            self._committer.with_retries,
            None if self._config.hard_delete else utc_now(),
            self._locks,
        ):
            counts.deleted += rows
            self.progress.tick()

    def _tick(self) -> None:
        """Do what time asks for: hear of a failed commit, flush what has waited long enough."""
        self._committer.raise_failure()
        if self._committer.is_idle:
            self._committer.with_retries(self._locks.keep)
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
            self.progress.streams[name].dates_replaced += stream.encoder.take_replaced_dates()
            self.progress.streams[name].not_numbers += stream.encoder.take_not_numbers()
        state, self._state = self._state, None
        self._rows = self._size = 0
        self._waiting_since = None
        self._committer.submit(batches, state)

    def _parent_table(self, table: Table) -> Table | None:
        return self._streams[table.parent.stream].table if table.parent else None

    def _flush_and_wait(self) -> None:
        """Commit all that waits, and come back when it is done."""
        self._flush()
        self._committer.wait()
