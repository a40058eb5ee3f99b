"""Random runs that end alike, wherever a window of records ends."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator.server import Simulator
from target_hubspot_engagements import write_back
from tests.write_back.conftest import (
    TOKEN,
    Clock,
    Message,
    Target,
    call,
    empty_portal,
    schema,
    state,
)

SEEDS, KEYS, RUNS, RECORDS = 10, range(3), 3, 12
ASSOCIATIONS = ("contactIds", "companyIds")
PARTS = (
    ("hs_call_title", "contactIds"),
    ("hs_call_title",),
    ("contactIds", "companyIds"),
    ("hs_call_body",),
)


def _call(rng: random.Random, *left_out: str) -> Message:
    """Return a call that is one of few of its key, so that records go back and forth."""
    newness = rng.randrange(2)
    message = call(
        rng.choice(KEYS),
        hs_call_title="ab"[newness],
        contactIds=[101 + newness],
        companyIds=[201] * newness,
    )
    for column in left_out:
        del message["record"][column]
    return message


def _run_all(seed: int, folder: Path) -> list[Any]:
    """Run random records, and return what the portal shows afterwards."""
    rng = random.Random(seed)
    clock = Clock()
    target = Target(folder, Simulator(empty_portal(clock), token=TOKEN), clock)
    with target.hubspot:
        target.run(schema(), *(call(key, companyIds=[]) for key in KEYS))
        for _ in range(RUNS):
            parts = [rng.choice(((), (), *PARTS)) for _ in range(RECORDS)]
            records = [_call(rng, *part) for part in parts]
            assert target.run(schema(), *records, state(1)).states == [1]
        return [
            (one["metadata"], *(one["associations"].get(name, []) for name in ASSOCIATIONS))
            for one in target.engagements()
        ]


def test_windows_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Records with and without columns, of keys that come several times, end in HubSpot as if each
    were written alone.
    """
    ends: dict[int, list[Any]] = {}
    for size in (1, write_back.CHUNK_RECORDS):
        monkeypatch.setattr(write_back, "CHUNK_RECORDS", size)
        monkeypatch.setattr(write_back, "WINDOW_RECORDS", size)
        folders = [tmp_path / f"{size}-{seed}" for seed in range(SEEDS)]
        for folder in folders:
            folder.mkdir()
        ends[size] = [_run_all(seed, folder) for seed, folder in enumerate(folders)]
    alone, together = ends.values()
    assert together == alone
