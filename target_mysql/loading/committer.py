"""
Commits in the order of the input, each followed by its state; sent again where one failed.

The next batch is read and encoded meanwhile, and, over a second connection, staged. It is merged
when the batch before it is committed and that one's state is written: no state ever claims a row
that is not there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar

from target_mysql.exceptions import TargetError, TransientError
from target_mysql.loading import stage_and_merge
from target_mysql.loading.batch import Batch
from target_mysql.loading.staging import Staging
from target_mysql.loading.table_locks import TableLocks
from target_mysql.messages import write_whole
from target_mysql.progress import Progress
from target_mysql.retries import iter_waits_s
from target_mysql.server.database import Database

LOGGER = logging.getLogger(__name__)

COMMIT_WORKERS = 2  # one merges while the other stages: more would only wait for their turn
STOP_PATIENCE_S = 5.0  # container engines kill 10 s after they have asked

T = TypeVar("T")


class _Abandoned(TargetError):
    """What came before is not committed, so this is not either; that one's error is raised."""


@dataclass
class _CommitWorker:
    """A connection, and what is committed over it."""

    database: Database
    executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
    )


@dataclass
class _Commit:
    """A batch that is on its way over a lane."""

    worker: _CommitWorker
    outcome: Future[None]


class Committer:
    """
    Commits batches in the order they are submitted in, and writes states to `out`.

    `retry_limit_s` bounds how long one batch is sent again to a server that fails.
    """

    def __init__(
        self,
        database: Database,
        out: BinaryIO,
        progress: Progress,
        retry_limit_s: float,
        locks: TableLocks,
        staging: Staging,
    ) -> None:
        self._database = database
        self._out = out
        self._progress = progress
        self._retry_limit_s = retry_limit_s
        self._locks = locks
        self._staging = staging
        self._workers = [_CommitWorker(database)]
        self._idle_workers = [*self._workers]
        self._max_workers = COMMIT_WORKERS
        self._pending: deque[_Commit] = deque()
        self._stopping = threading.Event()

    def submit(self, batches: Sequence[Batch], state: bytes | None) -> None:
        """
        Commit `batches`, then write `state`, after what was submitted before.

        Waits only where every lane is taken; raises what an earlier commit raised.
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
        """Wait for all commits under way; raises what the first of them that failed raised."""
        while self._pending:
            self._finish_oldest()

    @property
    def is_idle(self) -> bool:
        """Whether no commit is under way."""
        return not self._pending

    def raise_failure(self) -> None:
        """Raise what a commit raised, if it has ended; do not wait."""
        while self._pending and self._pending[0].outcome.done():
            self._finish_oldest()

    def stop(self) -> None:
        """End: a commit under way is finished or, where that takes long, rolled back."""
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
        """Return a lane that is idle; opens one more, or waits, where there is none."""
        self.raise_failure()
        if not self._idle_workers and len(self._workers) < self._max_workers:
            self._add_worker()
        if not self._idle_workers:
            self._finish_oldest()
        return self._idle_workers.pop()

    def _add_worker(self) -> None:
        """Open one lane more, or none any more: some users may have but one connection."""
        self._max_workers = len(self._workers)
        try:
            database = Database(self._database.config)
        except TargetError as error:
            LOGGER.info("staying with one connection: %s", error)
            return
        if not database.is_same_server(self._database):
            LOGGER.info("staying with one connection: another leads to another server")
            database.close()
            return
        self._max_workers = COMMIT_WORKERS
        self._workers.append(_CommitWorker(database))
        self._idle_workers.append(self._workers[-1])

    def _finish_oldest(self) -> None:
        """Wait for the oldest commit. Where it failed it stays: nothing is committed after it."""
        self._pending[0].outcome.result()
        self._idle_workers.append(self._pending.popleft().worker)

    def with_retries(self, attempt: Callable[[], T], database: Database | None = None) -> T:
        """
        Return what `attempt` returns; after a failure that may pass, connect and do it again.

        `database` is what is asked, where that is not the first. Raises TransientError when that
        has gone on for `retry_limit_s`.
        """
        give_up_at = time.monotonic() + self._retry_limit_s
        waits = iter_waits_s(len(self._database.config.addresses))
        failed = False
        while True:
            try:
                if failed:
                    (database or self._database).reconnect()
                return attempt()
            except TransientError as error:
                failed = True
                wait_s = next(waits)
                if self._stopping.is_set() or time.monotonic() + wait_s > give_up_at:
                    raise
                self._progress.retries += 1
                LOGGER.warning("%s: trying again in %.1f s", error, wait_s)
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
        """Commit, and write the state, once what came `before` is committed and written."""

        def wait_for_previous_commit() -> None:
            if before is not None and before.exception() is not None:
                raise _Abandoned("what came before is not committed")
            if before is not None and self._stopping.is_set():
                raise _Abandoned("not begun")

        if batches:
            done = self.with_retries(
                lambda: stage_and_merge.stage_and_merge(
                    database, batches, wait_for_previous_commit, self._locks, self._staging
                ),
                database,
            )
            for batch, one in zip(batches, done, strict=True):
                self._progress.count(batch.table.stream, batch.rows, one)
            self._progress.batches += 1
        else:
            wait_for_previous_commit()
            self.with_retries(lambda: self._locks.confirm(database), database)
        if state is not None:
            self._emit(state)

    def _emit(self, state: bytes) -> None:
        try:
            write_whole(self._out, state + b"\n")
        except OSError as error:
            raise TargetError(f"the state cannot be written to stdout: {error}") from error
