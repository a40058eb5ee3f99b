"""
The table `_sdc_runs`: a row for each run with a `state_id`, from its start on.

A run that was killed, or that lost its server, has no `ended_at`. Times are the server's, in UTC.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from target_mysql.exceptions import TargetError
from target_mysql.loading.process_identity import ProcessIdentity
from target_mysql.progress import Progress
from target_mysql.server.database import Database
from target_mysql.server.introspection import read_table_names
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.identifiers import RUNS_TABLE

END_PATIENCE_S = 5.0  # for a server that does not respond
START = (
    f"INSERT INTO {RUNS_TABLE} (run_id, state_id, started_at, host, pid)"
    " VALUES (%s, %s, UTC_TIMESTAMP(6), %s, %s)"
)
END = (
    f"UPDATE {RUNS_TABLE} SET ended_at = UTC_TIMESTAMP(6), outcome = %s, error = %s,"
    " records = %s, rows_inserted = %s, rows_updated = %s, rows_deleted = %s, bytes = %s,"
    " batches = %s, retries = %s WHERE run_id = %s"
)


def with_patience(action: Callable[[], None], database: Database) -> None:
    """Run `action`, for END_PATIENCE_S at most: a run ends, whatever becomes of its row."""

    def attempt() -> None:
        with contextlib.suppress(TargetError):
            action()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(END_PATIENCE_S)
    if thread.is_alive():
        database.abort()


class RunHistory:
    """Writes the row of one run; `run_id` is unique to the run, as the token of its locks."""

    def __init__(self, state_id: str, run_id: str) -> None:
        self._state_id = state_id
        self._run_id = run_id

    def start(self, database: Database) -> None:
        """Add the row; harmless to repeat after a lost connection."""
        if RUNS_TABLE not in read_table_names(database, RUNS_TABLE):
            database.execute(create_statement(database.server.dialect))
        process = ProcessIdentity.of_this_process()
        known = "SELECT run_id FROM " + RUNS_TABLE + " WHERE run_id = %s"
        if not database.query(known, (self._run_id,)):
            values = (self._run_id, self._state_id, process.host, process.pid)
            database.execute(START, values)

    def end(self, database: Database, progress: Progress, error: str | None) -> None:
        """Write how the run ended: the numbers of all streams, and the error of a failed run."""
        counts = list(progress.streams.values())
        outcome = "failed" if error else "done"
        totals = [
            sum(getattr(one, name) for one in counts)
            for name in ("records", "inserted", "updated", "deleted")
        ]
        sizes = (progress.size, progress.batches, progress.retries)
        database.execute(END, (outcome, error, *totals, *sizes, self._run_id))


def create_statement(dialect: Dialect) -> str:
    row_format = f" ROW_FORMAT={dialect.row_format}" if dialect.row_format else ""
    numbers = ("records", "rows_inserted", "rows_updated", "rows_deleted", "bytes", "batches")
    columns = ", ".join(f"{name} BIGINT NULL" for name in (*numbers, "retries"))
    return (
        f"CREATE TABLE IF NOT EXISTS {RUNS_TABLE} (run_id VARCHAR(64) NOT NULL PRIMARY KEY,"
        " state_id VARCHAR(190) NOT NULL, started_at DATETIME(6) NOT NULL,"
        " ended_at DATETIME(6) NULL, outcome VARCHAR(16) NULL, error LONGTEXT NULL,"
        f" {columns}, host VARCHAR(255) NULL, pid BIGINT NULL) ENGINE=InnoDB"
        f"{row_format} DEFAULT CHARACTER SET utf8mb4 COLLATE {dialect.collation}"
    )
