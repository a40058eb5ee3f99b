"""
Random schedules of a source's edits, HubSpot's faults and kills, and what must be true afterwards.

The source is a table; its tap sends every change since the last state, as an incremental tap does.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubspot_simulator.faults import (
    CUT_SHORT,
    DONE_THEN_GATEWAY_TIMEOUT,
    DONE_THEN_SERVER_ERROR,
    DROPPED,
    LOCKED,
    LOST,
    RATE_LIMITED,
    SERVER_ERROR,
    UNAVAILABLE,
)
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.server import Simulator
from target_hubspot_engagements.exceptions import UndecidedError
from target_hubspot_engagements.ledger import Ledger
from tests.write_back.conftest import (
    CONTACT_IDS,
    TOKEN,
    Clock,
    Killed,
    Message,
    Record,
    Result,
    Target,
    empty_portal,
    record,
    schema,
    state,
)

FAULTS = (
    *(DROPPED, DROPPED, CUT_SHORT, DONE_THEN_SERVER_ERROR, DONE_THEN_GATEWAY_TIMEOUT),
    *(LOST, SERVER_ERROR, UNAVAILABLE, RATE_LIMITED, LOCKED),
)
ROUNDS, EDITS, KEYS = 4, 12, 30
FIRST_MS = 1_790_000_000_000
REQUIRED = "hs_call_title"
FINAL_RUNS = 3
VERSIONS = ("2026-09", "v3", "v1")


class KilledLedger:
    """A ledger whose process is killed before or after its change number `lives`."""

    def __init__(self, ledger: Ledger, lives: int, *, after: bool) -> None:
        self._ledger = ledger
        self._lives = lives
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def put(self, *arguments: Any, **options: Any) -> None:
        self._lives -= 1
        if self._lives >= 0 or self._after:
            self._ledger.put(*arguments, **options)
        if self._lives < 0:
            raise Killed


@dataclass
class Source:
    """A table of calls in another system, and the log of its changes."""

    rng: random.Random
    rows: dict[int, Record] = field(default_factory=dict)
    log: list[tuple[int, Record]] = field(default_factory=list)

    def edit(self) -> None:
        """Insert, change or delete rows, some of them alike in all but the key."""
        for _ in range(self.rng.randrange(1, EDITS)):
            key = self.rng.randrange(KEYS)
            if key in self.rows and self.rng.random() < 0.25:
                del self.rows[key]
                self.log.append((key, {"_sdc_deleted_at": "2026-11-20T08:00:00Z"}))
                continue
            row = self._row(key)
            if self.rows and self.rng.random() < 0.15:
                row = dict(self.rng.choice(list(self.rows.values())))
            self.rows[key] = row
            self.log.append((key, row))

    def messages(self, position: int) -> Iterator[Message]:
        """Yield the changes since a position, with states on the way."""
        yield schema()
        for place, (key, row) in enumerate(self.log[position:], start=position + 1):
            yield record(key, **row)
            if self.rng.random() < 0.3:
                yield state(place)
        yield state(len(self.log))

    def _row(self, key: int) -> Record:
        previous = self.rows.get(key)
        at_ms = previous["hs_timestamp"] if previous else FIRST_MS + self.rng.randrange(50) * 1000
        contacts = self.rng.choices((1, 2, 0), (6, 2, 1))[0]
        return {
            "hs_timestamp": at_ms,
            "hs_call_title": None if self.rng.random() < 0.08 else f"Call {key}",
            "hs_call_body": f"Version {self.rng.randrange(10**6)} 🎉",
            "contactIds": sorted(self.rng.sample(CONTACT_IDS[:4], contacts)),
        }


class Schedule:
    """One schedule; `run` raises AssertionError if the portal is not as the source."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = random.Random(seed)
        self.source = Source(self.rng)
        self.clock = Clock()
        self.position = 0
        self.version = VERSIONS[seed % len(VERSIONS)]
        behaviour = ObjectsBehaviour(
            trace_ids_in_results=self.rng.random() < 0.7,
            multi_status=self.rng.choice(("by_version", "always", "never")),
            search_delay_ms=self.rng.choice((0, 20_000, 600_000)),
            association_ids=self.rng.choice(("number", "text")),
            unassociated=self.rng.choice(("no_row", "error")),
            required_on_create=(REQUIRED,),
        )
        simulator = Simulator(empty_portal(self.clock), token=TOKEN, objects=behaviour)
        settings = {
            "api_version": self.version,
            "workers": self.rng.choice((1, 3)),
            "on_error": "skip",
            "rejected": str(folder / "rejected.jsonl"),
        }
        self.target = Target(folder, simulator, self.clock, settings)

    def run(self) -> int:
        """Run the rounds, and end in peace; returns how many faults and kills there were."""
        trouble = 0
        with self.target.hubspot:
            for _ in range(ROUNDS):
                self.source.edit()
                trouble += self._add_faults()
                trouble += isinstance(self._run_once(may_be_killed=True).error, Killed)
                self.clock.now_ms += self.rng.choice((1, 60, 7_200)) * 1000
            self.target.hubspot.faults.clear()
            for _ in range(FINAL_RUNS):
                self.clock.now_ms += 7_200_000
                result = self._run_once(may_be_killed=False)
            self._check(result)
        return trouble

    def _add_faults(self) -> int:
        """Let some of the next requests that write fail; returns how many."""
        number = self.rng.randrange(4)
        for fault in self.rng.choices(FAULTS, k=number):
            path = self.rng.choice(("/create", "/update", "/archive", "/engagements/v1", "/crm"))
            self.target.hubspot.faults.add(
                fault.at(self.rng.randrange(1, 4), path=path, times=self.rng.randrange(1, 3))
            )
        return number

    def _run_once(self, *, may_be_killed: bool) -> Result:
        def wrap(ledger: Ledger) -> Any:
            if not may_be_killed or self.rng.random() < 0.5:
                return ledger
            return KilledLedger(ledger, self.rng.randrange(9), after=self.rng.random() < 0.5)

        result = self.target.run(*self.source.messages(self.position), wrap=wrap)
        self.position = result.states[-1] if result.states else self.position
        return result

    def _check(self, result: Result) -> None:
        """The portal is as the source, or the difference is named and the run has failed."""
        undecided = {int(json.loads(key)[0]) for _, key in result.run.undecided}
        assert isinstance(result.error, UndecidedError if undecided else type(None)), result.error
        assert not undecided, result.error  # HubSpot shows everything by now
        expected = Counter(_content(row) for row in self._accepted())
        existing = Counter(map(_content_of, self.target.hubspot.portal.records()))
        assert existing == expected, f"missing {expected - existing}, surplus {existing - expected}"

    def _accepted(self) -> list[Record]:
        """
        Return the rows that must be in HubSpot.

        2026-09 refuses to create a call without a title, which is then among the rejected.
        """
        path = Path(self.target.settings["rejected"])
        lines = path.read_text().splitlines() if path.exists() else []
        rejected = [json.loads(line)["record"] for line in lines]
        return [
            row
            for key, row in self.source.rows.items()
            if row[REQUIRED] or {"id": key, **row} not in rejected
        ]


def _content(row: Record) -> tuple[Any, ...]:
    return (
        row["hs_timestamp"],
        row["hs_call_title"] or "",
        row["hs_call_body"],
        tuple(row["contactIds"]),
    )


def _content_of(engagement: Record) -> tuple[Any, ...]:
    metadata = engagement["metadata"]
    return (
        engagement["engagement"]["timestamp"],
        metadata.get("title") or "",
        metadata["body"],
        tuple(sorted(engagement["associations"].get("contactIds", ()))),
    )
