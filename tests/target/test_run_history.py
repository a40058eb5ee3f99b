"""The table `_sdc_runs` has a row for each run with a `state_id`."""

from __future__ import annotations

from typing import Any

from tests.conftest import TestDatabase
from tests.target.conftest import First, load, record, state
from tests.target.feeding import END_S, THINGS
from tests.target.locking import end, send


def runs_of(database: TestDatabase, columns: str) -> list[tuple[Any, ...]]:
    return database.query(f"SELECT {columns} FROM _sdc_runs ORDER BY started_at")


def test_a_row_for_each_run(database: TestDatabase) -> None:
    """
    Each run with a state_id has a row with its numbers and times, and the error of a failed run.
    """
    portal = {"state_id": "portal"}
    load(database, THINGS, *(record({"id": n}) for n in range(3)), state(1), **portal)
    load(database, THINGS, record({"id": 1, "text": "new"}), "no JSON", **portal)
    load(database, THINGS, state(3))
    columns = "state_id, outcome, records, rows_inserted, rows_updated, rows_deleted, batches"
    assert runs_of(database, columns) == [
        ("portal", "done", 3, 3, 0, 0, 1),
        ("portal", "failed", 1, 0, 1, 0, 1),
    ]
    (first,), (second,) = runs_of(database, "error")
    assert first is None and second.startswith("line 3: not JSON")
    assert all(took >= 0 for (took,) in runs_of(database, "ended_at - started_at"))


def test_a_killed_run_has_no_end(database: TestDatabase, first: First) -> None:
    """
    The row of a run is there while it runs; that of a killed run has no ended_at. A signal is an
    error.
    """
    running = first(state_id="portal")
    assert runs_of(database, "outcome, ended_at, pid") == [(None, None, running.pid)]
    running.kill()
    running.wait(END_S)
    stopped = first(state_id="portal")
    send(stopped, state("more"))
    stopped.terminate()
    assert end(stopped).code == 143
    assert runs_of(database, "outcome, error") == [(None, None), ("failed", "SIGTERM")]
