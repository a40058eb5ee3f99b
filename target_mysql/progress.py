"""What a person sees of a load on stderr: where it is, and in the end what it did."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from target_mysql.server.connection import StatementResult

LOGGER = logging.getLogger(__name__)

EVERY_S = 30.0  # between two lines in a log
EVERY_ON_TERMINAL_S = 1.0


@dataclass
class Counts:
    """Rows of one stream; records that changed nothing are in `records` alone."""

    records: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    dates_replaced: int = 0  # dates that MySQL cannot hold
    not_numbers: int = 0  # NaN and Infinity
    reported: int = 0  # records that a METRIC has counted


@dataclass
class Progress:
    """Counts what is done, and says so now and then."""

    streams: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    size: int = 0  # bytes of rows sent
    batches: int = 0
    retries: int = 0
    _started: float = field(default_factory=time.monotonic)
    _said: float = field(default_factory=time.monotonic)

    def count(self, stream: str, rows: Sequence[bytes], merged: StatementResult) -> None:
        """Count a merge: MySQL says 1 for a row inserted, 2 for one changed, 0 for one alike."""
        inserted = merged.records - merged.duplicates
        counts = self.streams[stream]
        counts.records += len(rows)
        counts.inserted += inserted
        counts.deleted += merged.deleted
        counts.updated += (merged.affected - inserted) // 2
        self.size += sum(map(len, rows))

    def tick(self) -> None:
        """Say where the load is, if it is time to."""
        on_terminal = sys.stderr.isatty()
        now = time.monotonic()
        if now - self._said < (EVERY_ON_TERMINAL_S if on_terminal else EVERY_S):
            return
        self._said = now
        if on_terminal:
            sys.stderr.write(f"\r\x1b[K{self._line()}")
            sys.stderr.flush()
        else:
            LOGGER.info("%s", self._line())
            self._count_records()

    def close(self, outcome: str) -> None:
        """Say what the load did; `outcome` is its first word."""
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
        self._count_records()
        elapsed_s = time.monotonic() - self._started
        status = "succeeded" if outcome == "done" else "failed"
        _metric("timer", "job_duration", round(elapsed_s, 3), job_type="load", status=status)
        LOGGER.info("%s: %s", outcome, self._line())

    def _count_records(self) -> None:
        """Log each stream's records since the last time."""
        for stream, counts in list(self.streams.items()):
            new, counts.reported = counts.records - counts.reported, counts.records
            if new:
                _metric("counter", "record_count", new, stream=stream)

    def _line(self) -> str:
        # A list: the commit's thread may be adding a stream.
        records = sum(counts.records for counts in list(self.streams.values()))
        elapsed_s = max(time.monotonic() - self._started, 1e-6)
        retries = f", {self.retries} sent again" if self.retries else ""
        return (
            f"{records} records loaded in {elapsed_s:.1f} s, {records / elapsed_s:.0f} a second,"
            f" {self.size / 1e6:.1f} MB in {self.batches} batches{retries}"
        )


def _metric(kind: str, metric: str, value: float, **tags: str) -> None:
    """Log a metric in the form of singer-python's, which orchestrators read."""
    point = {"type": kind, "metric": metric, "value": value, "tags": tags}
    LOGGER.info("METRIC: %s", json.dumps(point))
