"""
Whatever gets lost, HubSpot ends up with each engagement once, or the key is named as undecided.

SCHEDULES sets how many schedules to run; the default is a part of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hubspot_api.client import HubspotClient
from tests.write_back.schedules import Schedule

SCHEDULES = int(os.environ.get("SCHEDULES", "30"))
GROUPS = 6


def run_schedules(seeds: range, folder: Path) -> int:
    """Run schedules, each in a folder of its own; returns how many faults and kills there were."""
    trouble = 0
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        try:
            trouble += Schedule(seed, place).run()
        except BaseException as error:
            raise AssertionError(f"schedule {seed}: {error}") from error
    return trouble


@pytest.mark.parametrize("group", range(GROUPS))
def test_schedules(group: int, tmp_path: Path) -> None:
    """
    After edits, lost answers, 5xx, refusals and kills in any order, the portal equals the source.
    """
    seeds = range(group, SCHEDULES, GROUPS)
    assert run_schedules(seeds, tmp_path) >= len(seeds), "the schedules had hardly any trouble"


def test_schedules_notice_a_blind_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With creations retried without a look into HubSpot, the schedules find doubles.
    """
    write = HubspotClient.write

    def write_blindly(self: HubspotClient, *arguments: Any, **options: Any) -> Any:
        return write(self, *arguments, **{**options, "once": False})

    monkeypatch.setattr(HubspotClient, "write", write_blindly)
    with pytest.raises(AssertionError, match="surplus Counter"):
        run_schedules(range(60), tmp_path)
