"""
One transaction for the batches of all streams, then the state; sent again where it failed.

A worker commits while the next batch is read and encoded. The state of a batch is written right
after its commit, so that no state ever claims a row that is not there.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone
from typing import BinaryIO, TypeVar

import backoff

from target_mysql import sql
from target_mysql.batch import Batch
from target_mysql.database import Database
from target_mysql.exceptions import TargetError, TransientError
from target_mysql.progress import Progress
from target_mysql.server_errors import RowRefused

LOGGER = logging.getLogger(__name__)

RETRY_WAIT_MAX_S = 30.0
STOP_PATIENCE_S = 5.0  # container engines kill 10 s after they have asked

T = TypeVar("T")


class Committer:
    """
    Commits batches, one call at a time, and writes states to `out`.

    `retry_limit_s` bounds how long one batch is sent again to a server that fails.
    """

    def __init__(
        self, database: Database, out: BinaryIO, progress: Progress, retry_limit_s: float
    ) -> None:
        self._database = database
        self._out = out
        self._progress = progress
        self._retry_limit_s = retry_limit_s
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
        self._commit: Future[None] | None = None
        self._stopping = threading.Event()

    def submit(self, batches: Sequence[Batch], state: bytes | None) -> None:
        """Commit `batches`, then write `state`, after what was submitted before; do not wait."""
        self.wait()
        if batches or state is not None:
            self._commit = self._worker.submit(self._commit_and_emit, batches, state)

    def wait(self) -> None:
        """Wait for the commit under way; raises what it raised."""
        if self._commit is not None:
            self._commit.result()  # where it failed it stays: nothing is ever committed after it
            self._commit = None

    def raise_failure(self) -> None:
        """Raise what the last commit raised, if it has ended; do not wait."""
        if self._commit is not None and self._commit.done():
            self._commit.result()

    def stop(self) -> None:
        """End: a commit under way is finished or, where that takes long, rolled back."""
        self._stopping.set()
        if self._commit is not None:
            futures.wait([self._commit], timeout=STOP_PATIENCE_S)
            if not self._commit.done():
                self._database.hang_up()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def patiently(self, attempt: Callable[[], T]) -> T:
        """
        Return what `attempt` returns; after a failure that may pass, connect and do it again.

        Raises TransientError when that has gone on for `retry_limit_s`.
        """
        give_up_at = time.monotonic() + self._retry_limit_s
        waits = backoff.expo(base=2, factor=1, max_value=RETRY_WAIT_MAX_S)
        next(waits)  # backoff's generators want to be started
        failed = False
        while True:
            try:
                if failed:
                    self._database.reconnect()
                return attempt()
            except TransientError as error:
                failed = True
                wait_s = backoff.full_jitter(next(waits))
                if self._stopping.is_set() or time.monotonic() + wait_s > give_up_at:
                    raise
                self._progress.retries += 1
                LOGGER.warning("%s: trying again in %.1f s", error, wait_s)
                # A signal must not have to wait for a server that is away.
                if self._stopping.wait(wait_s):
                    raise

    def _commit_and_emit(self, batches: Sequence[Batch], state: bytes | None) -> None:
        if batches:
            self.patiently(lambda: self._merge(batches))
        if state is not None:
            self._emit(state)

    def _merge(self, batches: Sequence[Batch]) -> None:
        """Stage every batch, then merge all of them in one transaction, parents first."""
        database = self._database
        names = [sql.staging(number) for number in range(len(batches))]
        staged = {one.table.stream: name for one, name in zip(batches, names, strict=True)}
        try:
            for name, batch in zip(names, batches, strict=True):
                self._stage(name, batch)
            with database.transaction():
                for name, batch in zip(names, batches, strict=True):
                    for child in batch.children:
                        database.execute(sql.delete_children(child, name))
                done = [
                    database.merge(
                        batch.table,
                        name,
                        batch.carried,
                        staged.get(batch.table.parent.stream) if batch.table.parent else None,
                        utc_now(),
                    )
                    for name, batch in zip(names, batches, strict=True)
                ]
        finally:
            # Where the connection is gone the server has cleaned up itself.
            with contextlib.suppress(TargetError):
                for name in names:
                    database.execute(sql.drop_staging(name))
        for batch, one in zip(batches, done, strict=True):
            self._progress.count(batch.table.stream, batch.rows, one)
        self._progress.batches += 1

    def _stage(self, name: str, batch: Batch) -> None:
        table, database = batch.table, self._database
        database.execute(sql.drop_staging(name))
        database.execute(
            sql.create_staging(name, batch.columns, table.key, database.server.dialect)
        )
        try:
            database.stage(name, batch.columns, batch.rows)
        except RowRefused as error:
            raise batch.refused(error.row, error.column, str(error)) from error

    def _emit(self, state: bytes) -> None:
        try:
            self._out.write(state + b"\n")
            self._out.flush()
        except OSError as error:
            raise TargetError(f"the state cannot be written to stdout: {error}") from error


def utc_now() -> str:
    """Return the time as MySQL writes it, in UTC."""
    return f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S.%f}"
