"""The state that the parts of a run share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hubspot_api.client import HubspotClient
from hubspot_api.endpoints import NEWEST
from target_hubspot_engagements.config import V1, Config
from target_hubspot_engagements.ledger import Key, Ledger
from target_hubspot_engagements.lookups import Lookups
from target_hubspot_engagements.object_writes import ObjectWrites
from target_hubspot_engagements.progress import Progress
from target_hubspot_engagements.rejected import Rejections
from target_hubspot_engagements.v1_writes import V1Writes

SHOWN_KEYS = 5


@dataclass(frozen=True)
class Options:
    """
    The options of the command line.

    `adopts`: engagements that are in HubSpot are looked for before they are created, as after the
    loss of a ledger. `resends`: creations that an earlier run named as undecided are sent again.
    """

    is_new: bool = False
    adopts: bool = False
    resends: bool = False
    is_dry: bool = False


def local_ms() -> int:
    """Return this machine's time in Unix ms."""
    return time.time_ns() // 1_000_000


def version_of(config: Config) -> str:
    """Return the version of the CRM objects API to use beside, or instead of, v1."""
    return NEWEST if config.api_version == V1 else config.api_version


@dataclass
class Run:
    """
    A run over one input.

    `undecided` are the keys in doubt, each with the reason; `passed_over` are those of them whose
    record was not written, so that no STATE may follow. `clock` returns this machine's time in
    Unix ms, `sleep` waits for seconds. `behind_ms` is how much later it is by HubSpot's clock.
    """

    config: Config
    options: Options
    client: HubspotClient
    ledger: Ledger
    lookups: Lookups
    objects: ObjectWrites
    v1: V1Writes
    progress: Progress
    rejections: Rejections
    clock: Callable[[], int] = local_ms
    sleep: Callable[[float], None] = time.sleep
    behind_ms: int = 0
    undecided: dict[Key, str] = field(default_factory=dict)
    passed_over: set[Key] = field(default_factory=set)

    @property
    def version(self) -> str:
        """The version of the CRM objects API, which does the writes that v1 lacks."""
        return version_of(self.config)

    def set_clock(self, hubspot_at: datetime) -> None:
        """Take over HubSpot's clock: this machine's may be wrong by hours."""
        self.behind_ms = int(hubspot_at.timestamp() * 1000) - self.clock()

    def now_ms(self) -> int:
        """Return the time by HubSpot's clock, in Unix ms; right to a second or two."""
        return self.clock() + self.behind_ms

    def note_undecided(self, undecided: Mapping[Key, str], settled: Iterable[Key]) -> None:
        """Note keys in doubt; of the `settled` ones, those remain whose record was passed over."""
        for place in {*settled} - self.passed_over:
            self.undecided.pop(place, None)
        self.undecided |= undecided

    def pass_over(self, place: Key, reason: str) -> None:
        """Note that a record is not written, since its key is in doubt."""
        self.passed_over.add(place)
        self.undecided.setdefault(place, reason)

    def undecided_lines(self) -> list[str]:
        """Return a line with the reason for each key in doubt."""
        return [
            f"stream {stream}, key {key}: {reason}"
            for (stream, key), reason in self.undecided.items()
        ]

    def undecided_text(self) -> str:
        """Return the line that names the first keys in doubt."""
        lines = self.undecided_lines()
        more = len(lines) - SHOWN_KEYS
        return (
            f"{len(lines)} engagements are undecided, none was sent again:"
            f" {'; '.join(lines[:SHOWN_KEYS])}{f'; and {more} more' if more > 0 else ''}:"
            " see docs/write-back.md"
        )
