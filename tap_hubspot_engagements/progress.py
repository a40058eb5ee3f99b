"""What a person sees of a sync on stderr: where it is, and in the end what it did."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tap_hubspot_engagements import logs
from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.records import TYPED

LOGGER = logging.getLogger(__name__)

# Types without a stream of their own that are known of: no news.
KNOWN = frozenset(
    "PUBLISHING_TASK CONVERSATION_SESSION SMS WHATS_APP LINKEDIN_MESSAGE POSTAL_MAIL".split()
)
EVERY_S = 30.0  # between two lines in a log
EVERY_ON_TERMINAL_S = 1.0


@dataclass
class Progress:
    """Counts what is done, and says so now and then."""

    client: HubspotClient
    streams: Counter[str] = field(default_factory=Counter)  # records by stream
    types: Counter[str] = field(default_factory=Counter)  # engagements by type
    misfits: Counter[str] = field(default_factory=Counter)  # values kept in `extra`, by property
    redacted: int = 0  # e-mails whose text HubSpot keeps back
    nul_removed: int = 0  # engagements that had U+0000 in them
    _started: float = field(default_factory=time.monotonic)
    _said: float = field(default_factory=time.monotonic)

    def count(self, stream: str, records: int, misfits: Iterable[str]) -> None:
        """Count records of a stream, and what of them did not fit."""
        self.streams[stream] += records
        self.misfits.update(f"{stream}.{name}" for name in misfits)

    def count_types(self, types: Iterable[object], redacted: int, nul_removed: int) -> None:
        """Count engagements by type, and what is odd about their page; warn of a new type once."""
        counts = Counter(map(str, types))
        for kind in sorted(counts.keys() - self.types.keys() - TYPED - KNOWN):
            LOGGER.warning("engagements of type %s, which is new: in engagement_other", kind)
        self.types.update(counts)
        self.redacted += redacted
        self.nul_removed += nul_removed

    def tick(self) -> None:
        """Say where the sync is, if it is time to."""
        now = time.monotonic()
        if now - self._said < EVERY_ON_TERMINAL_S:
            return  # before the question for a terminal, which waits for the threads that read
        on_terminal = logs.on_terminal()
        if not on_terminal and now - self._said < EVERY_S:
            return
        self._said = now
        if on_terminal:
            logs.write(f"\r\x1b[K{self._line()}")
        else:
            LOGGER.info("%s", self._line())

    def close(self, outcome: str) -> None:
        """Say what the sync did; `outcome` is its first word."""
        if logs.on_terminal():
            logs.write("\r\x1b[K")
        for kind, number in sorted(self.types.items()):
            LOGGER.info("engagements of type %s: %d", kind, number)
        for stream, number in self.streams.items():
            LOGGER.info("stream %s: %d records", stream, number)
            _metric("counter", "record_count", number, endpoint=stream)
        _metric("counter", "http_request_count", self.client.requests)
        _metric("timer", "http_request_duration", round(self.client.asking_s, 3))
        for name, number in sorted(self.misfits.items()):
            LOGGER.warning("%d values of %s do not have its type: kept in extra", number, name)
        if self.redacted:
            LOGGER.warning(
                "%d e-mails without their text: grant the token sales-email-read", self.redacted
            )
        if self.nul_removed:
            LOGGER.warning("U+0000 removed from the texts of %d engagements", self.nul_removed)
        LOGGER.info("%s: %s", outcome, self._line())

    def _line(self) -> str:
        elapsed_s = max(time.monotonic() - self._started, 1e-6)
        client, engagements = self.client, self.types.total()
        return (
            f"{engagements} engagements in {elapsed_s:.1f} s,"
            f" {engagements / elapsed_s:.0f} a second; {client.requests} requests,"
            f" {client.retries} asked again, {client.pace.waited_s:.1f} s waited"
        )


def _metric(kind: str, metric: str, value: float, **tags: str) -> None:
    """Log a metric in the form of singer-python's, which orchestrators read."""
    point = {"type": kind, "metric": metric, "value": value, "tags": tags}
    LOGGER.info("METRIC: %s", json.dumps(point))
