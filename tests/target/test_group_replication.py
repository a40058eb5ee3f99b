"""The servers are a group of MySQL's Group Replication: a primary, or several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from private_servers.group_replication import GroupReplication, install
from tests.overlap import EXIT_LOCKED, ClusterDatabase, run_schedules, schedules
from tests.pipeline import Pipeline
from tests.target.conftest import StartTarget, to_lines
from tests.target.feeding import END_S, THINGS, feeding, loaded, numbered, until

FRESH_READS = "SET SESSION group_replication_consistency = 'BEFORE'"


@pytest.fixture(params=[False, True], ids=["one primary", "many primaries"])
def many_primaries(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def group(many_primaries: bool) -> Iterator[GroupReplication]:
    install()
    with GroupReplication(many_primaries=many_primaries) as group:
        yield group


def test_runs_that_overlap_harm_nothing(
    group: GroupReplication, many_primaries: bool, tmp_path: Path
) -> None:
    """
    Of two concurrent runs, through the same primary or two, only one at a time loads a table.
    """

    def build(seed: int) -> Pipeline:
        folder = tmp_path / str(seed)
        folder.mkdir()
        # Several primaries refuse foreign keys that cascade.
        database = ClusterDatabase(
            group.nodes[0],
            f"overlap_{seed}",
            group.nodes,
            FRESH_READS,
            foreign_keys=not many_primaries,
        )
        return Pipeline(folder, database)

    codes = run_schedules(build, schedules(30))
    assert EXIT_LOCKED in codes and 0 in codes


@pytest.mark.parametrize("many_primaries", [False], ids=["one primary"])
def test_the_primary_is_killed_in_mid_load(
    group: GroupReplication, start_target: StartTarget, database: ClusterDatabase
) -> None:
    """
    When the primary is killed, the load continues on the next: all rows are loaded, and the last
    state says so.
    """
    target = start_target(batch_size_rows=100)
    assert target.stdin and target.stdout and target.stderr
    with feeding(target, to_lines(THINGS) + numbered(1, 3000), pause_s=0.01):
        until(lambda: loaded(database) >= 500)
        group.nodes[0].kill()
    target.stdin.close()
    assert target.wait(END_S) == 0, target.stderr.read()
    assert target.stdout.read().split()[-1] == b"3000"
    assert b"retrying" in target.stderr.read()
    right = "SELECT COUNT(*), MIN(id), MAX(id) FROM things WHERE text = CONCAT('text ', id)"
    assert database.query(right) == [(3000, 1, 3000)]


@pytest.fixture
def database(group: GroupReplication) -> ClusterDatabase:
    return ClusterDatabase(group.nodes[0], "group_database", group.nodes, FRESH_READS)
