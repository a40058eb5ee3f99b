"""What a person sees of a sync on stderr: where it is, and in the end what it did."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tap_hubspot_engagements.client import HubspotClient

LOGGER = logging.getLogger(__name__)

EVERY_S = 30.0  # between two lines in a log
EVERY_ON_TERMINAL_S = 1.0


@dataclass
class Progress:
    """Counts what is done, and says so now and then."""

    client: HubspotClient
    types: Counter[str] = field(default_factory=Counter)  # records by engagement type
    misfits: Counter[str] = field(default_factory=Counter)  # values kept in `extra`, by property
    nul_removed: int = 0  # engagements that had U+0000 in them
    _started: float = field(default_factory=time.monotonic)
    _said: float = field(default_factory=time.monotonic)

    @property
    def records(self) -> int:
        return self.types.total()

    def count(self, kind: str | None, misfits: Iterable[str]) -> None:
        """Count a record of type `kind`, and what of it did not fit."""
        self.types[str(kind)] += 1
        self.misfits.update(misfits)

    def tick(self) -> None:
        """Say where the sync is, if it is time to."""
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

    def close(self, outcome: str) -> None:
        """Say what the sync did; `outcome` is its first word."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
        for kind, number in sorted(self.types.items()):
            LOGGER.info("engagements of type %s: %d", kind, number)
        for name, number in sorted(self.misfits.items()):
            LOGGER.warning("%d values of %s do not have its type: kept in extra", number, name)
        if self.nul_removed:
            LOGGER.warning("U+0000 removed from the texts of %d engagements", self.nul_removed)
        LOGGER.info("%s: %s", outcome, self._line())

    def _line(self) -> str:
        elapsed_s = max(time.monotonic() - self._started, 1e-6)
        client = self.client
        return (
            f"{self.records} engagements in {elapsed_s:.1f} s,"
            f" {self.records / elapsed_s:.0f} a second; {client.requests} requests,"
            f" {client.retries} asked again, {client.pace.waited_s:.1f} s waited"
        )
