"""Concurrent runs: an hourly run and a full pass, or two full passes."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import TestDatabase
from tests.overlap import EXIT_LOCKED, run_schedules, schedules
from tests.pipeline import Pipeline


def test_runs_that_overlap_harm_nothing(database: TestDatabase, tmp_path: Path) -> None:
    """
    However two runs overlap and fail, no live row is flagged, no change is lost, and no lock
    remains; some runs end because of the other's lock.
    """

    def build(seed: int) -> Pipeline:
        database.query(f"DROP DATABASE `{database.name}`")
        folder = tmp_path / str(seed)
        folder.mkdir()
        return Pipeline(folder, database)

    codes = run_schedules(build, schedules(10))
    assert EXIT_LOCKED in codes and 0 in codes
