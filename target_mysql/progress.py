"""Reports the progress of a load, and a summary, on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from command_line.log_format import log_metric
from target_mysql.server.upload_connection import StatementResult

LOGGER = logging.getLogger(__name__)

EVERY_S = 30.0  # between two lines in a log
EVERY_ON_TERMINAL_S = 1.0


@dataclass
class Counts:
    """Numbers of rows of a stream; `records` includes records that changed nothing."""

    records: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    dates_replaced: int = 0  # dates that MySQL cannot hold
    not_numbers: int = 0  # NaN and Infinity
    reported: int = 0  # records that a METRIC has counted


@dataclass
class Progress:
    """Counts rows and reports them at intervals."""

    streams: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    size: int = 0  # bytes of rows sent
    batches: int = 0
    retries: int = 0
    _started_at: float = field(default_factory=time.monotonic)
    _reported_at: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start of the load, above 0."""
        return max(time.monotonic() - self._started_at, 1e-6)

    def count(self, stream: str, rows: Sequence[bytes], result: StatementResult) -> None:
        """
        Count a merge. Affected rows of ON DUPLICATE KEY UPDATE: 1 inserted, 2 updated, 0 unchanged.
        """
        counts = self.streams[stream]
        counts.records += len(rows)
        counts.inserted += result.inserted
        counts.deleted += result.deleted
        counts.updated += result.duplicates
        self.size += sum(map(len, rows))

    def tick(self) -> None:
        """Report the progress if the interval is over."""
        on_terminal = sys.stderr.isatty()
        now = time.monotonic()
        if now - self._reported_at < (EVERY_ON_TERMINAL_S if on_terminal else EVERY_S):
            return
        self._reported_at = now
        if on_terminal:
            sys.stderr.write(f"\r\x1b[K{self._line()}")
            sys.stderr.flush()
        else:
            LOGGER.info("%s", self._line())
            self._count_records()

    def close(self, outcome: str) -> None:
        """Report the summary, which begins with `outcome`."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
        for stream, counts in self.streams.items():
            LOGGER.info(
                "%s: %d records: %d inserted, %d updated, %d deleted%s%s",
                stream,
                counts.records,
                counts.inserted,
                counts.updated,
                counts.deleted,
                f", {counts.dates_replaced} dates that MySQL cannot hold"
                if counts.dates_replaced
                else "",
                f", {counts.not_numbers} NaN or Infinity as NULL" if counts.not_numbers else "",
            )
            for name in ("inserted", "updated", "deleted"):
                if rows := getattr(counts, name):
                    log_metric(LOGGER, "counter", f"rows_{name}", rows, stream=stream)
        self._count_records()
        status = "succeeded" if outcome == "done" else "failed"
        seconds = round(self.elapsed_s, 3)
        log_metric(LOGGER, "timer", "job_duration", seconds, job_type="load", status=status)
        LOGGER.info("%s: %s", outcome, self._line())

    def _count_records(self) -> None:
        """Log the number of records of each stream since the last report."""
        for stream, counts in list(self.streams.items()):
            new, counts.reported = counts.records - counts.reported, counts.records
            if new:
                log_metric(LOGGER, "counter", "record_count", new, stream=stream)

    def _line(self) -> str:
        # A list: the commit's thread may be adding a stream.
        records = sum(counts.records for counts in list(self.streams.values()))
        elapsed_s = self.elapsed_s
        retries = f", {self.retries} retries" if self.retries else ""
        return (
            f"{records} records loaded in {elapsed_s:.1f} s, {records / elapsed_s:.0f} a second,"
            f" {self.size / 1e6:.1f} MB in {self.batches} batches{retries}"
        )
