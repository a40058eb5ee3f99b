"""
Commits batches in the order of the input, concurrently with reading, and writes their states.

While a batch is merged, the next is read, encoded and staged over a second connection. Its merge
begins after the previous batch is committed and its state is written: no state claims a row that is
not in the table. A batch that fails transiently is sent again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar

from command_line.stdout import write_whole
from target_mysql.exceptions import CommitAbandoned, TargetError, TransientError
from target_mysql.loading import stage_and_merge
from target_mysql.loading.batch import Batch
from target_mysql.loading.staging import Staging
from target_mysql.loading.stored_states import StoredState
from target_mysql.loading.table_locks import TableLocks
from target_mysql.progress import Progress
from target_mysql.retries import iter_waits_s
from target_mysql.server.database import Database

LOGGER = logging.getLogger(__name__)

COMMIT_WORKERS = 2  # one merges while the other stages; a third would only wait
STOP_PATIENCE_S = 5.0  # container engines kill a process 10 s after SIGTERM

T = TypeVar("T")


@dataclass
class _CommitWorker:
    """A connection with the thread that commits over this connection."""

    database: Database
    executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
    )


@dataclass
class _Commit:
    """A pending batch, and the worker that commits the batch."""

    worker: _CommitWorker
    outcome: Future[None]


class Committer:
    """
    Commits batches in the order of their submission, and writes states to `out`.

    `retry_limit_s` limits the seconds from a batch's first failure to its last retry. The states of
    a run with a `stored_state` are also written in the transactions of their batches.
    """

    def __init__(
        self,
        database: Database,
        out: BinaryIO,
        progress: Progress,
        retry_limit_s: float,
        locks: TableLocks,
        staging: Staging,
        stored_state: StoredState | None,
    ) -> None:
        self._database = database
        self._out = out
        self._progress = progress
        self._retry_limit_s = retry_limit_s
        self._locks = locks
        self._staging = staging
        self._stored_state = stored_state
        self._workers = [_CommitWorker(database)]
        self._idle_workers = [*self._workers]
        self._max_workers = COMMIT_WORKERS
        self._pending: deque[_Commit] = deque()
        self._stopping = threading.Event()

    def submit(self, batches: Sequence[Batch], state: bytes | None) -> None:
        """
        Commit `batches`, then write `state`, after earlier batches.

        Blocks only while all workers are busy, as backpressure. Raises the error of an earlier
        commit.
        """
        if not batches and state is None:
            return
        worker = self._take_worker()
        before = self._pending[-1].outcome if self._pending else None
        outcome = worker.executor.submit(
            self._commit_and_emit, worker.database, batches, state, before
        )
        self._pending.append(_Commit(worker, outcome))

    def wait(self) -> None:
        """Wait for all pending commits; raises the error of the first that failed."""
        while self._pending:
            self._finish_oldest()

    @property
    def is_idle(self) -> bool:
        """Whether no commit is pending."""
        return not self._pending

    def raise_failure(self) -> None:
        """Raise the error of a failed commit, without waiting."""
        while self._pending and self._pending[0].outcome.done():
            self._finish_oldest()

    def stop(self) -> None:
        """Stop: a pending commit finishes, or is rolled back after STOP_PATIENCE_S."""
        self._stopping.set()
        outcomes = [commit.outcome for commit in self._pending]
        _, pending = futures.wait(outcomes, timeout=STOP_PATIENCE_S)
        for worker in self._workers:
            if pending:
                worker.database.abort()
            worker.executor.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers[1:]:
            worker.database.close()

    def _take_worker(self) -> _CommitWorker:
        """Return an idle worker; adds a worker, or waits, if all are busy."""
        self.raise_failure()
        if not self._idle_workers and len(self._workers) < self._max_workers:
            self._add_worker()
        if not self._idle_workers:
            self._finish_oldest()
        return self._idle_workers.pop()

    def _add_worker(self) -> None:
        """
        Add a worker, unless the user is limited to one connection or it reaches another server.
        """
        self._max_workers = len(self._workers)
        try:
            database = Database(self._database.config)
        except TargetError as error:
            LOGGER.info("using a single connection: %s", error)
            return
        if not database.is_same_server(self._database):
            LOGGER.info("using a single connection: a second one reaches another server")
            database.close()
            return
        self._max_workers = COMMIT_WORKERS
        self._workers.append(_CommitWorker(database))
        self._idle_workers.append(self._workers[-1])

    def _finish_oldest(self) -> None:
        """
        Wait for the oldest commit. A failed commit stays pending, so that no later one follows.
        """
        self._pending[0].outcome.result()
        self._idle_workers.append(self._pending.popleft().worker)

    def with_retries(self, attempt: Callable[[], T], database: Database | None = None) -> T:
        """
        Return the result of `attempt`; after a transient error, reconnect and retry.

        `database` is the connection, by default the first. Raises TransientError when the next
        retry would begin later than `retry_limit_s` after the first failure.
        """
        waits = iter_waits_s(len(self._database.config.addresses), self._retry_limit_s)
        has_failed = False
        while True:
            try:
                if has_failed:
                    (database or self._database).reconnect()
                return attempt()
            except TransientError as error:
                has_failed = True
                wait_s = next(waits, None)
                if self._stopping.is_set() or wait_s is None:
                    raise
                self._progress.retries += 1
                LOGGER.warning("%s: retrying in %.1f s", error, wait_s)
                # A signal must not have to wait for a server that is away.
                if self._stopping.wait(wait_s):
                    raise

    def _commit_and_emit(
        self,
        database: Database,
        batches: Sequence[Batch],
        state: bytes | None,
        before: Future[None] | None,
    ) -> None:
        """Commit, then write the state, after the commit `before` has succeeded."""

        def wait_for_previous_commit() -> None:
            if before is not None and before.exception() is not None:
                raise CommitAbandoned("the batch before it is not committed")
            if before is not None and self._stopping.is_set():
                raise CommitAbandoned("not begun")

        if batches:
            done = self.with_retries(
                lambda: stage_and_merge.stage_and_merge(
                    database,
                    batches,
                    wait_for_previous_commit,
                    self._locks,
                    self._staging,
                    lambda: self._store(database, state),
                ),
                database,
            )
            for batch, one in zip(batches, done, strict=True):
                self._progress.count(batch.table.stream, batch.rows, one)
            self._progress.batches += 1
        else:
            wait_for_previous_commit()
            self.with_retries(lambda: self._commit_state(database, state), database)
        if state is not None:
            self._emit(state)

    def _commit_state(self, database: Database, state: bytes | None) -> None:
        """Store a state that has no rows of its own; the rows before it are committed."""
        with database.transaction():
            self._store(database, state)
            self._locks.confirm(database)

    def _store(self, database: Database, state: bytes | None) -> None:
        """Write the state into its table, in the open transaction, if the load has a `state_id`."""
        if self._stored_state is not None and state is not None:
            self._stored_state.write(database, state)

    def _emit(self, state: bytes) -> None:
        try:
            write_whole(self._out, state + b"\n")
        except OSError as error:
            raise TargetError(f"the state cannot be written to stdout: {error}") from error
