"""Shows the progress of a sync on stderr, and at the end a summary."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from command_line import logs
from command_line.log_format import log_metric
from hubspot_api.client import HubspotClient
from tap_hubspot_engagements.properties import TYPES_WITH_STREAM

LOGGER = logging.getLogger(__name__)

# Known types without a stream of their own: no warning.
TYPES_WITHOUT_STREAM = frozenset(
    "PUBLISHING_TASK CONVERSATION_SESSION SMS WHATS_APP LINKEDIN_MESSAGE POSTAL_MAIL".split()
)
LOG_INTERVAL_S = 30.0
TERMINAL_INTERVAL_S = 1.0


@dataclass
class Progress:
    """Counts the run's work, and logs the counts from time to time."""

    client: HubspotClient
    streams: Counter[str] = field(default_factory=Counter)  # records by stream
    types: Counter[str] = field(default_factory=Counter)  # engagements by type
    mismatches: Counter[str] = field(default_factory=Counter)  # values in `extra`, by property
    redacted_emails: int = 0  # e-mails whose text HubSpot withholds
    nul_removed: int = 0  # engagements that lost a U+0000
    _started_s: float = field(default_factory=time.monotonic)
    _shown_s: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start of the sync, above 0."""
        return max(time.monotonic() - self._started_s, 1e-6)

    def count(self, stream: str, records: int, mismatches: Iterable[str]) -> None:
        """Count records of a stream, and their type mismatches by property."""
        self.streams[stream] += records
        self.mismatches.update(f"{stream}.{name}" for name in mismatches)

    def count_types(self, types: Iterable[object], redacted_emails: int, nul_removed: int) -> None:
        """Count a page's engagements by type; warn of each unknown type once."""
        counts = Counter(map(str, types))
        known_types = self.types.keys() | TYPES_WITH_STREAM | TYPES_WITHOUT_STREAM
        for kind in sorted(counts.keys() - known_types):
            LOGGER.warning("engagements of type %s, which is new: in engagement_other", kind)
        self.types.update(counts)
        self.redacted_emails += redacted_emails
        self.nul_removed += nul_removed

    def tick(self) -> None:
        """Show the progress if the interval has passed."""
        now = time.monotonic()
        if now - self._shown_s < TERMINAL_INTERVAL_S:
            return  # before is_terminal, whose system call lets other threads run first
        is_terminal = logs.is_terminal()
        if not is_terminal and now - self._shown_s < LOG_INTERVAL_S:
            return
        self._shown_s = now
        if is_terminal:
            logs.write(f"\r\x1b[K{self._line()}")
        else:
            LOGGER.info("%s", self._line())

    def close(self, outcome: str) -> None:
        """Log a summary of the sync; `outcome` is the first word of the last line."""
        if logs.is_terminal():
            logs.write("\r\x1b[K")
        for kind, number in sorted(self.types.items()):
            LOGGER.info("engagements of type %s: %d", kind, number)
        for stream, number in self.streams.items():
            LOGGER.info("stream %s: %d records", stream, number)
            log_metric(LOGGER, "counter", "record_count", number, endpoint=stream)
        log_metric(LOGGER, "counter", "http_request_count", self.client.requests)
        log_metric(LOGGER, "timer", "http_request_duration", round(self.client.request_s, 3))
        for name, number in sorted(self.mismatches.items()):
            LOGGER.warning("%d values of %s do not have its type: kept in extra", number, name)
        if self.redacted_emails:
            LOGGER.warning(
                "%d e-mails without their text: grant the token sales-email-read",
                self.redacted_emails,
            )
        if self.nul_removed:
            LOGGER.warning("U+0000 removed from the texts of %d engagements", self.nul_removed)
        LOGGER.info("%s: %s", outcome, self._line())

    def _line(self) -> str:
        elapsed_s = self.elapsed_s
        client, engagements = self.client, self.types.total()
        return (
            f"{engagements} engagements in {elapsed_s:.1f} s,"
            f" {engagements / elapsed_s:.0f} a second; {client.requests} requests,"
            f" {client.retries} retried, {client.rate_limiter.waited_s:.1f} s waited"
        )
