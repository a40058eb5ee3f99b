"""The tap's schedules of edits, faults and kills, with the real target."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import TestDatabase, run_program
from tests.pipeline import Pipeline, assert_equals
from tests.tap.test_every_source import (
    ATTEMPTS,
    HOUR_MS,
    INDEX_DELAY_MS,
    TOKEN,
    Attempt,
    Clock,
    run_once,
)

SMALL_BATCHES = {"TARGET_MYSQL_BATCH_SIZE_ROWS": "25"}


class RealTarget:
    """Runs target-mysql after each run of the tap; `state` is the last state written."""

    def __init__(self, database: TestDatabase) -> None:
        self.state: dict[str, Any] | None = None
        self._database = database

    def load(self, lines: Iterable[bytes]) -> None:
        whole = b"".join(line for line in lines if line.endswith(b"\n"))
        environment = self._database.environment | SMALL_BATCHES
        done = run_program("target-mysql", stdin=whole, environment=environment)
        assert done.code == 0, done.err
        for line in done.out.splitlines()[-1:]:
            self.state = json.loads(line)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    engagements=st.integers(0, 40),
    seed=st.integers(0, 1000),
    attempts=st.lists(ATTEMPTS, min_size=1, max_size=3),
)
def test_no_schedule_loses_anything(
    database: TestDatabase, tmp_path: Path, engagements: int, seed: int, attempts: list[Attempt]
) -> None:
    """
    Edits, adds, deletes, faults and kills at any request leave no trace in any table.
    """
    database.query(f"DROP DATABASE IF EXISTS `{database.name}`")
    clock, target = Clock(), RealTarget(database)
    portal = Portal.generate(engagements, seed, clock=clock)
    with Simulator(portal, token=TOKEN, index_delay_ms=INDEX_DELAY_MS) as simulator:
        for attempt in attempts:
            run_once(simulator, target, attempt, workers=3)
            clock.now_ms += HOUR_MS
        assert run_once(simulator, target, Attempt(full_refresh=True), workers=3)
    assert_equals(Pipeline(tmp_path, database), portal)
