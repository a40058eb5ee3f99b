"""Counts the records of a run by outcome, and logs the counts."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field

from command_line.log_format import log_metric
from hubspot_api.client import HubspotClient

LOGGER = logging.getLogger(__name__)

LOG_INTERVAL_S = 30.0
COUNTS = ("created", "updated", "unchanged", "archived", "rejected", "pending")


@dataclass
class Progress:
    """Counts the records of a run by outcome, an item of COUNTS."""

    client: HubspotClient
    is_dry: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    _started_s: float = field(default_factory=time.monotonic)
    _shown_s: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self._started_s

    def tick(self) -> None:
        """Log the counts if the interval has passed."""
        now = time.monotonic()
        if now - self._shown_s >= LOG_INTERVAL_S:
            self._shown_s = now
            LOGGER.info("%s", self._line())

    def close(self, outcome: str) -> None:
        """Log the summary, which begins with `outcome`."""
        for name in COUNTS:
            log_metric(LOGGER, "counter", "record_count", self.counts[name], result=name)
        LOGGER.info("%s: %s", outcome, self._line())

    def _line(self) -> str:
        counts = ", ".join(f"{self.counts[name]} {name}" for name in COUNTS)
        prefix = "dry run, nothing is sent: " if self.is_dry else ""
        return (
            f"{prefix}{counts}; {self.client.requests} requests,"
            f" {self.client.retries} retried, in {self.elapsed_s:.1f} s"
        )
