"""
A load from top to bottom: lines become messages, batches and commits.

Delivery is at least once: a state is a checkpoint, written after the commit that holds every record
before the state. Records that are sent again are deduplicated by primary key. Memory is bounded by
backpressure: the loader stops reading while all commit workers are busy and the next batch is full.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from target_mysql import metrics
from target_mysql.config import Config
from target_mysql.exceptions import (
    ColumnTooNarrow,
    InputError,
    LogBasedDetected,
    VersionColumnMissing,
)
from target_mysql.loading.activate_version import delete_older_versions
from target_mysql.loading.committer import Committer
from target_mysql.loading.run_history import RunHistory, with_patience
from target_mysql.loading.stage_and_merge import utc_now
from target_mysql.loading.staging import Staging
from target_mysql.loading.stored_states import StoredState
from target_mysql.loading.streams import Stream, Streams
from target_mysql.loading.table_changes import TableChanges
from target_mysql.loading.table_locks import TableLocks
from target_mysql.messages import (
    ActivateVersionMessage,
    Message,
    RecordMessage,
    SchemaMessage,
    StateMessage,
    parse_message,
    record_prefix,
)
from target_mysql.progress import Progress
from target_mysql.server.database import Database
from target_mysql.server.version_statements import Lineage
from target_mysql.tables.identifiers import to_table_name
from target_mysql.tables.table import TABLE_VERSION, Table

LOGGER = logging.getLogger(__name__)

NEARLY_FULL = 0.8  # of a batch


class Loader:
    """A run: reads lines, commits batches, writes states to `out`."""

    def __init__(self, database: Database, config: Config, out: BinaryIO) -> None:
        self.progress = Progress()
        self._database = database
        self._config = config
        self._locks = TableLocks(database, config.lock_timeout_seconds)
        self._staging = Staging(self._locks, uses_tables=config.staging == "tables")
        self._stored_state = StoredState(config.state_id, self._locks) if config.state_id else None
        self._committer = Committer(
            database,
            out,
            self.progress,
            config.retry_limit_seconds,
            self._locks,
            self._staging,
            self._stored_state,
        )
        self._history: RunHistory | None = None
        self._changes = TableChanges(database, config, self._locks, self._committer)
        self._streams = Streams(config)
        self._by_prefix = self._streams.by_prefix
        self._rows = self._size = 0  # waiting, of all streams
        self._waiting_since: float | None = None  # monotonic seconds
        self._state: bytes | None = None

    def run(self, chunks: Iterable[Sequence[bytes]]) -> None:
        """
        Load all lines of `chunks`; an empty chunk says that time has passed without input.

        Raises TargetError. The lines before a faulty one are loaded first.
        """
        number = 0
        if self._stored_state is not None:
            self._begin_stored_run(self._stored_state)
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
        """Stop at once: pending commits finish, waiting rows are dropped."""
        self._committer.stop()
        self._locks.release()

    def report_end(self, error: str | None) -> None:
        """Report the end of the run, to the log, `_sdc_runs` and `metrics_file`; never raises."""
        self.progress.close("failed" if error else "done")
        if self._history is not None:
            history = self._history
            with_patience(lambda: history.end(self._database, self.progress, error), self._database)
        if self._config.metrics_file:
            try:
                metrics.write(
                    self._config.metrics_file, self.progress, self._config, is_success=not error
                )
            except OSError as problem:
                LOGGER.warning("metrics_file: cannot be written: %s", problem)

    def _begin_stored_run(self, state: StoredState) -> None:
        """Lock the state of the run, and begin its row of `_sdc_runs`."""
        self._changes.lock_state(state)
        self._history = RunHistory(state.state_id, self._locks.token)
        history = self._history
        self._committer.with_retries(lambda: history.start(self._database))

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
                size = stream.add_record(line, number)
                break
            except VersionColumnMissing:
                stream = self._add_version_column(stream)
            except LogBasedDetected as detected:
                self._flush_and_wait()
                stream = self._streams.register(
                    stream.message, stream.table.as_log_based(detected.name)
                )
            except ColumnTooNarrow as too_narrow:
                self._flush_and_wait()
                table = self._changes.widen(stream.table, too_narrow, number)
                stream = self._streams.register(stream.message, table)
        self._rows += 1
        self._size += size
        config = self._config
        if self._rows >= config.batch_size_rows or self._size >= config.batch_size_bytes:
            self._flush()

    def _is_nearly_full(self) -> bool:
        """
        Whether to load the batch at a STATE, before it is full.

        Taps write a STATE between records, not between a parent and its children, which a batch of
        their own would delete and insert again.
        """
        config = self._config
        return (
            self._rows >= NEARLY_FULL * config.batch_size_rows
            or self._size >= NEARLY_FULL * config.batch_size_bytes
        )

    def _handle_message(self, message: Message, line: bytes, number: int) -> None:
        if isinstance(message, StateMessage):
            self._state = message.value
            if self._is_nearly_full():
                self._flush()
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
        previous = self._streams.get(message.stream)
        if previous is not None and previous.message == message:
            return
        if self._config.primary_key_required and not message.key_properties:
            problem = "no key_properties (primary_key_required: false would append its records)"
            raise InputError(problem, line=number, stream=message.stream)
        # Waiting rows are committed first: DDL commits implicitly.
        self._flush_and_wait()
        self._changes.lock(to_table_name(message.stream))
        table = self._changes.plan(message, number)
        self._check_table_not_shared(table, number)
        parent = table.parent and self._streams.get(table.parent.stream)
        if table.parent and parent is None:
            problem = f"its parent's SCHEMA, of stream {table.parent.stream}, must come first"
            raise InputError(problem, line=number, stream=message.stream)
        stream = self._streams.register(message, self._changes.migrate(table))
        if parent:
            self._streams.register_child(parent, stream)

    def _check_table_not_shared(self, table: Table, number: int) -> None:
        """Raise InputError if another stream has this table: their rows would mix."""
        other = self._streams.sharing_table(table)
        if other is not None and self._database.server.folds_names:
            problem = f"this server keeps it and stream {other.message.stream} in one table"
            raise InputError(problem, line=number, stream=table.stream)

    def _add_version_column(self, stream: Stream) -> Stream:
        self._flush_and_wait()
        table = self._changes.add_version_column(stream.table)
        return self._streams.register(stream.message, table)

    def _activate_version(self, stream: Stream, message: ActivateVersionMessage) -> None:
        """Delete or flag the stream's rows of older versions, after all earlier records."""
        if not self._config.needs_metadata_columns:
            LOGGER.warning("ACTIVATE_VERSION ignored: it needs add_metadata_columns")
            return
        self._flush_and_wait()
        if self._is_superseded(stream, message):
            return
        if not stream.table.adds(TABLE_VERSION):
            stream = self._add_version_column(stream)
        counts = self.progress.streams[message.stream]
        tables, server = self._streams.with_ancestors(stream), self._database.server
        for rows in delete_older_versions(
            Lineage(tables, server.fold(tables[-1].name), server.dialect.collation),
            message.version,
            self._database,
            self._committer.with_retries,
            None if self._config.hard_delete else utc_now(),
            self._locks,
        ):
            counts.deleted += rows
            self.progress.tick()

    def _is_superseded(self, stream: Stream, message: ActivateVersionMessage) -> bool:
        """Whether the table has rows of a later version; then a warning says so."""
        name = stream.table.name
        highest = self._committer.with_retries(
            lambda: self._locks.read_version(self._database, name)
        )
        if highest is None or message.version >= highest:
            return False
        LOGGER.warning(
            "%s: ACTIVATE_VERSION %d ignored: its table has rows of version %d, of a later pass",
            message.stream,
            message.version,
            highest,
        )
        return True

    def _tick(self) -> None:
        """Raise a failed commit's error, keep the locks, and flush rows that waited too long."""
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
        """Submit the waiting rows of all streams and the newest state for a commit."""
        batches = self._streams.take_batches()
        for stream in self._streams:
            counts = self.progress.streams[stream.message.stream]
            counts.dates_replaced += stream.encoder.take_replaced_dates()
            counts.not_numbers += stream.encoder.take_not_numbers()
        state, self._state = self._state, None
        self._rows = self._size = 0
        self._waiting_since = None
        self._committer.submit(batches, state)

    def _flush_and_wait(self) -> None:
        """Commit all waiting rows, and return when that is done."""
        self._flush()
        self._committer.wait()
