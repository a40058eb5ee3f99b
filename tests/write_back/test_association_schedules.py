"""
Random runs of records with and without their associations, with refusals, lost answers and kills.

In the end each engagement has the associations of its record: none is missing, none is left over.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator.objects.object_types import COMPANIES
from hubspot_simulator.server import Simulator
from target_hubspot_engagements import write_back
from target_hubspot_engagements.ledger import Ledger
from tests.write_back.conftest import (
    HOUR_S,
    TOKEN,
    Clock,
    Message,
    Result,
    Target,
    call,
    empty_portal,
    schema,
)
from tests.write_back.schedules import FAULTS, VERSIONS, KilledLedger

SEEDS, KEYS, ROUNDS = 24, range(4), 5
IDS = {"contactIds": (101, 102, 103), "companyIds": (201, 202, 999)}
LATE_COMPANY = 999  # HubSpot has it after the rounds only
FAULTY_PATHS = ("/create", "/update", "/associate", "/contacts/batch/archive", "/crm")


class Schedule:
    """One schedule; `run` raises AssertionError if the portal is not as the records."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._rng = random.Random(seed)
        self._clock = Clock()
        portal = empty_portal(self._clock)
        portal.objects.put_related(COMPANIES, 202, {})
        settings = {
            "api_version": VERSIONS[seed % len(VERSIONS)],
            "unique_property": "source_key" if seed % 4 == 0 else None,
            "on_error": "skip",
            "rejected": str(folder / "rejected.jsonl"),
            "workers": 1,
        }
        self.target = Target(folder, Simulator(portal, token=TOKEN), self._clock, settings)

    def run(self) -> None:
        """Run the rounds; then whole records, until the portal has shown all engagements."""
        with self.target.hubspot as hubspot:
            for _ in range(ROUNDS):
                self._add_faults()
                self._run_once(self._partial_records(), may_be_killed=True)
            hubspot.faults.clear()
            hubspot.portal.objects.put_related(COMPANIES, LATE_COMPANY, {})
            if self._rng.random() < 0.5:
                self._run_once([_call(key, title="last") for key in KEYS])
            records = [_call(key, title="last", **self._associations(1.0)) for key in KEYS]
            self._run_once(records)
            assert self._run_once(records).error is None
            self._check(records)

    def _add_faults(self) -> None:
        for fault in self._rng.choices(FAULTS, k=self._rng.randrange(3)):
            path = self._rng.choice(FAULTY_PATHS)
            self.target.hubspot.faults.add(fault.at(self._rng.randrange(1, 4), path=path))

    def _partial_records(self) -> list[Message]:
        keys = self._rng.sample(KEYS, self._rng.randrange(1, len(KEYS)))
        titles = self._rng.choices("AB", k=len(keys))
        return [
            _call(key, title=title, **self._associations(0.6))
            for key, title in zip(keys, titles, strict=True)
        ]

    def _associations(self, share: float) -> dict[str, list[int]]:
        """Return up to two ids for each column; a record has a column by a chance of `share`."""
        return {
            column: self._rng.sample(ids, self._rng.randrange(3))
            for column, ids in IDS.items()
            if self._rng.random() < share
        }

    def _run_once(self, records: list[Message], *, may_be_killed: bool = False) -> Result:
        lives = self._rng.randrange(12) if may_be_killed and self._rng.random() < 0.5 else None

        def wrap(ledger: Ledger) -> Any:
            return ledger if lives is None else KilledLedger(ledger, lives, after=lives % 2 == 1)

        result = self.target.run(schema(), *records, wrap=wrap)
        self._clock.sleep(2 * HOUR_S)
        return result

    def _check(self, records: list[Message]) -> None:
        expected = [
            tuple(sorted(one["record"][column]) for column in IDS)
            for one in sorted(records, key=lambda one: str(one["record"]["hs_timestamp"]))
        ]
        existing = [
            tuple(sorted(one["associations"].get(column, ())) for column in IDS)
            for one in self.target.engagements()
        ]
        assert existing == expected


def _call(key: int, *, title: str, **associations: list[int]) -> Message:
    """Return a call with these associations alone."""
    message = call(key, hs_call_title=title)
    del message["record"]["contactIds"]
    message["record"] |= associations
    return message


def test_associations_end_as_in_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    After records without columns, refused associations, faults and kills, each engagement has the
    associations of its last record.
    """
    # Each record is a window of its own, so that a kill may come between any two.
    monkeypatch.setattr(write_back, "CHUNK_RECORDS", 1)
    monkeypatch.setattr(write_back, "WINDOW_RECORDS", 1)
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            Schedule(seed, folder).run()
        except AssertionError as error:
            raise AssertionError(f"schedule {seed}: {error}") from error
