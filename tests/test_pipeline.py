"""Tap, target and reports together: first load, increments, edits, kills."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.known_answer import JUNE_2018, TASK_AVERAGE, TASK_AVERAGE_DAY
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import REPOSITORY, SHARED, TestDatabase, run_program
from tests.expected import KEYS, expected_tables
from tests.pipeline import END_S, Pipeline, assert_equals
from tests.servers import FAMILY
from tests.target.conftest import settings
from tests.target.feeding import until
from tests.target.test_staging import staging_tables

RECORDINGS = SHARED / "hubspot" / "recordings"


@pytest.fixture
def pipeline(tmp_path: Path, database: TestDatabase) -> Pipeline:
    return Pipeline(tmp_path, database)


@pytest.fixture
def small() -> Iterator[Simulator]:
    """A portal of 500 engagements, for many repeated runs."""
    with Simulator(Portal.generate(500, seed=11), latency_s=0.005) as simulator:
        yield simulator


@pytest.fixture
def large() -> Iterator[Simulator]:
    """A portal of 1,500 engagements, about 30 pages of 50."""
    with Simulator(Portal.generate(1500, seed=11), latency_s=0.01) as simulator:
        yield simulator


def edit(portal: Portal, random_: random.Random) -> None:
    """Add an engagement and edit two."""
    portal.create({"engagement": {"type": "NOTE"}, "metadata": {"body": f"{random_.random()}"}})
    for record in random_.sample(portal.records(), 2):
        portal.update(record["engagement"]["id"], metadata={"body": f"edited {random_.random()}"})


def test_first_load_and_increment(pipeline: Pipeline, large: Simulator) -> None:
    """
    The first run loads every field of the portal; the second sends only the changes since.
    """
    portal = large.portal
    pipeline.configure(large)
    tap, target = pipeline.run()
    assert (tap.code, target.code) == (0, 0), tap.err + target.err
    assert_equals(pipeline, portal)

    # Older than the lookback, so that only the edited engagements are newer than the bookmark.
    old = [r for r in portal.records() if r["engagement"]["lastUpdated"] < portal.now_ms - 10**8]
    edited_id = old[0]["engagement"]["id"]
    portal.update(edited_id, engagement={"type": "TASK"}, metadata={"body": "🎉"})
    added_id = portal.create({"engagement": {"type": "CALL"}, "metadata": {}})["engagement"]["id"]
    large.requests.clear()
    tap, target = pipeline.run()

    assert (tap.code, target.code) == (0, 0), tap.err + target.err
    assert_equals(pipeline, portal)
    assert {(edited_id,), (added_id,)} <= pipeline.table().keys()
    paths = [request.path for request in large.requests]
    assert len(paths) == 4  # changes, dispositions, and owners, live and archived
    assert not any("paged" in path for path in paths)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recorded responses are not here")
def test_recorded_responses(pipeline: Pipeline) -> None:
    """
    HubSpot's recorded records arrive completely, including a timestamp in ticks.
    """
    portal = Portal.from_recording(RECORDINGS)
    with Simulator(portal) as simulator:
        pipeline.configure(simulator)
        tap, target = pipeline.run()
        pipeline.run()
    assert (tap.code, target.code) == (0, 0), tap.err + target.err
    assert_equals(pipeline, portal)
    table = pipeline.table()
    assert 636418459634654854 in {row["timestamp"] for row in table.values()}


@pytest.mark.parametrize("staging", ["temporary", "tables"])
@pytest.mark.parametrize("victim", ["tap", "target"])
def test_kills_lose_nothing(
    victim: str, staging: str, pipeline: Pipeline, small: Simulator
) -> None:
    """
    After a kill at a random time, a run from the last state makes the table equal the portal.

    The table has the rows that the last state vouches for before the next run starts. A complete
    run leaves no staging table, of its own or of a killed run.
    """
    if staging == "temporary" and not FAMILY.has_temporary_tables:
        pytest.skip("this server stages in ordinary tables in any case")
    # To create and drop ordinary tables takes most of a run's time: fewer batches and rounds.
    rounds, batch_rows = (20, 50) if staging == "temporary" else (6, 200)
    config = settings(staging=staging, batch_size_rows=batch_rows)
    random_ = random.Random(victim)
    pipeline.configure(small, page_size=15)

    def progress() -> int:
        return len(pipeline.states if by_states else small.requests)

    by_states = (victim, staging) == ("target", "tables")  # there the tap is far ahead
    latest = 5 if by_states else 30
    interruptions = leftovers = 0
    for _ in range(rounds):
        for stream in reversed(KEYS):
            pipeline.database.query(f"DROP TABLE IF EXISTS `{stream}`")
        (pipeline.folder / "states").unlink(missing_ok=True)
        tap, target = pipeline.start(config)
        process = tap if victim == "tap" else target
        # By requests or states, not by seconds: the kill hits any page or batch on any machine.
        goal = progress() + random_.randrange(1, latest)
        last = target if by_states else tap
        until(lambda last=last, goal=goal: progress() >= goal or last.poll() is not None)
        process.kill()
        interruptions += process.wait() != 0
        tap.wait(END_S)
        target.wait(END_S)
        leftovers += len(staging_tables(pipeline.database))
        assert_state_is_true(pipeline, small.portal)
        edit(small.portal, random_)

        outcomes = pipeline.run(config)

        assert [outcome.code for outcome in outcomes] == [0, 0], outcomes
        assert_equals(pipeline, small.portal)
        assert staging_tables(pipeline.database) == []
    assert interruptions > rounds // 4, "the kills came too late to prove anything"
    if by_states:
        assert leftovers, "no kill left a staging table"


def assert_state_is_true(pipeline: Pipeline, portal: Portal) -> None:
    """Assert that the table has every id that the last state vouches for."""
    if not pipeline.states:
        return
    mark = pipeline.states[-1].get("bookmarks", {}).get("engagements", {})
    ids = {record["engagement"]["id"] for record in portal.records()}
    if "backfill" in mark:
        left = mark["backfill"][0]["ranges"]
        keys = {(one,) for one in ids if not is_left(one, left)}
    else:
        keys = {(one,) for one in ids} if "lastUpdated" in mark else set()
    assert keys <= pipeline.table().keys() if keys else True


def is_left(one: int, ranges: list[list[int | None]]) -> bool:
    return any(low < one and (high is None or one < high) for low, high in ranges)


def test_a_change_in_the_middle_of_either_pass(pipeline: Pipeline, large: Simulator) -> None:
    """
    Changes while the portal is read are in the table after the next run.

    Deleted rows stay until a full pass: HubSpot's changes do not show deletions.
    """
    portal, random_ = large.portal, random.Random(5)
    pipeline.configure(large, page_size=50)
    deleted_ids: set[int] = set()

    def change(portal: Portal) -> None:
        edit(portal, random_)
        victim = random_.choice(portal.records())["engagement"]["id"]
        deleted_ids.add(victim)
        portal.delete(victim)

    large.faults.add(*(Fault(on=on, path="paged", then=change) for on in (1, 3, 17, 30)))
    large.faults.add(Fault(on=1, path="modified/after", then=change))
    first = pipeline.run()
    for record in random_.sample(portal.records(), 200):
        portal.update(record["engagement"]["id"], metadata={"body": "later"})
    large.faults.add(*(Fault(on=on, path="modified/after", then=change) for on in (1, 2, 3)))
    second = pipeline.run()
    third = pipeline.run()

    assert [one.code for one in (*first, *second, *third)] == [0] * 6
    assert len(deleted_ids) == 8
    rows = {key: row for key, row in pipeline.table().items() if key[0] not in deleted_ids}
    assert rows == expected_tables(portal)["engagements"]
    last = pipeline.run(full_refresh=True)
    assert [one.code for one in last] == [0, 0]
    assert_equals(pipeline, portal)
    query = "SELECT id FROM engagements WHERE _sdc_deleted_at IS NOT NULL"
    flagged_ids = {key for (key,) in pipeline.database.query(query)}
    assert flagged_ids and flagged_ids <= deleted_ids  # some were deleted before they were read


def test_the_known_answer(pipeline: Pipeline) -> None:
    """
    The reports on the portal of June 2018 have the 24 known counts and the known average.
    """
    with Simulator(Portal.june_2018()) as simulator:
        pipeline.configure(simulator)
        pipeline.run()
    daily = report("daily", pipeline.database)
    counts = tuple((row["type"], row["day"], row["num_engagements"]) for row in daily)
    assert counts == JUNE_2018
    rolling = report("rolling", pipeline.database)
    averages = {(row["type"], row["day"]): float(row["avg_14d"]) for row in rolling}
    assert averages["TASK", TASK_AVERAGE_DAY] == TASK_AVERAGE


def report(name: str, database: TestDatabase) -> list[dict[str, Any]]:
    outcome = run_program(
        "engagements-report", name, "--format", "json", environment=database.environment
    )
    assert outcome.code == 0, outcome.err
    rows: list[dict[str, Any]] = json.loads(outcome.out)
    return rows


def test_the_shipped_config_and_catalog_run(pipeline: Pipeline) -> None:
    """
    sample_config.json, with only base_url added, and catalog.json load a portal.
    """
    config = json.loads((REPOSITORY / "sample_config.json").read_text())
    with Simulator(Portal.june_2018(), token=config["access_token"]) as simulator:
        config["base_url"] = simulator.url
        (pipeline.folder / "config.json").write_text(json.dumps(config))
        (pipeline.folder / "catalog.json").write_bytes((REPOSITORY / "catalog.json").read_bytes())
        tap, target = pipeline.run()
    assert (tap.code, target.code) == (0, 0), tap.err + target.err
    assert pipeline.database.query("SELECT COUNT(*) FROM engagements") == [(64,)]
