"""Whatever happens between requests, to requests and to the tap: in the end the rows are right."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.times import ms_to_utc, to_rfc3339
from tests.tap.conftest import (
    HOUR_MS,
    TOKEN,
    Clock,
    Message,
    Table,
    attempt,
    expected_table,
    last_state,
    load,
    mark,
    of_type,
    replicate,
)

WRONG = {
    name: faults.BY_NAME[name]
    for name in (
        "RATE_LIMITED SERVER_ERROR BAD_GATEWAY LOCKED NOT_JSON BROKEN_JSON EMPTY_BODY CUT_SHORT"
        " DROPPED DAILY_LIMIT_REACHED MISSING_SCOPES EXPIRED_TOKEN"
    ).split()
}
INDEX_DELAYS_MS = (0, 1, 60_000, 110_000)

Actions = st.lists(
    st.tuples(
        st.sampled_from(["add", "edit", "edit", "late", "late", "tie", "delete"]),
        st.integers(0, 10**6),
    ),
    max_size=3,
)
Run = st.fixed_dictionaries(
    {
        "page_size": st.integers(1, 12),
        "wrong": st.dictionaries(st.integers(1, 12), st.sampled_from(sorted(WRONG)), max_size=3),
        "between": st.dictionaries(st.integers(1, 8), Actions, max_size=4),
        "tick_ms": st.sampled_from([0, 1, 400, 2_500]),
        "idle_ms": st.sampled_from([0, 1, 999, 5_000, 90_000, 4 * HOUR_MS]),
        "lives": st.none() | st.integers(0, 14),
    }
)


@pytest.fixture(scope="module")
def served() -> Iterator[Simulator]:
    """A server for all examples, each with a separate portal."""
    with Simulator(Portal(), token=TOKEN) as simulator:
        yield simulator


class World:
    """A portal, a clock, and the edits so far, which show up to `lag_ms` late."""

    def __init__(self, size: int, lag_ms: int) -> None:
        self.lag_ms = lag_ms
        self.clock = Clock()
        self.portal = Portal(self.clock)
        self.tied: set[int] = set()
        for number in range(size):
            self.clock.now_ms += 700 * (number % 3)
            self._add(number)

    def act(self, actions: list[tuple[str, int]], _: Portal) -> None:
        """Apply `actions` to the portal, all in the same millisecond."""
        for verb, number in actions:
            known_ids = sorted(expected_table(self.portal))
            target = known_ids[number % len(known_ids)] if known_ids else None
            if verb == "add" or target is None:
                self._add(number)
            elif verb == "delete":
                self.portal.delete(target)
            elif verb == "tie":
                self.portal.add_association(target, "contactIds", number)
                self.tied.add(target)
            else:
                lag_ms = number % (self.lag_ms + 1) if verb == "late" else 0
                at_ms = self.clock.now_ms - lag_ms
                inner = {"type": f"TYPE {number}"}
                self.portal.update(target, inner, {"body": f"{number}"}, last_updated_ms=at_ms)

    def pass_time(self, ms: int) -> None:
        self.clock.now_ms += ms

    def _add(self, number: int) -> None:
        metadata = {"body": f"made {number}"}
        self.portal.create({"engagement": {"type": "NOTE"}, "metadata": metadata})


@given(
    size=st.integers(0, 25),
    delay_ms=st.sampled_from(INDEX_DELAYS_MS),
    exclusive=st.booleans(),
    last_after=st.sampled_from(["present", "missing", "null"]),
    lookback_s=st.sampled_from([0, 0, 10, 3600]),
    runs=st.lists(Run, min_size=1, max_size=4),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_is_lost(
    served: Simulator,
    size: int,
    delay_ms: int,
    exclusive: bool,
    last_after: Any,
    lookback_s: int,
    runs: list[dict[str, Any]],
) -> None:
    """
    Runs that are disturbed, refused and killed, each resumed from the last state, lose nothing.

    The lookback is as long as changes show late, or longer. Deletions, and edits of associations
    alone, are aside: HubSpot's changes do not show them.
    """
    lookback = {"lookback_seconds": lookback_s + delay_ms / 1000}
    world = World(size, lag_ms=lookback_s * 1000 + delay_ms)
    served.portal = world.portal
    served.behaviour = type(served.behaviour)(
        index_delay_ms=delay_ms, since_exclusive=exclusive, last_after=last_after
    )
    table: Table = {}
    state: dict[str, Any] = {}
    for run in runs:
        disturb(served, world, run)
        options = {"page_size": run["page_size"], "lives": run["lives"], **lookback}
        messages, _ = attempt(served, state, **options)
        table = load(table, messages)
        assert bookmarks(state, messages) == sorted(bookmarks(state, messages))
        state = last_state(messages, state)
        assert mark(state).get("lastUpdated", "") <= to_rfc3339(ms_to_utc(world.clock.now_ms))
        world.pass_time(run["idle_ms"])

    served.faults.clear()
    world.pass_time(delay_ms)
    table = load(table, messages := replicate(served, state, page_size=7, **lookback))
    assert mark(last_state(messages)).keys() <= {
        "lastUpdated",
        "swept",
        "version",
        "selected",
        "engagements",
        "page_sizes",
    }

    expected = expected_table(world.portal)
    assert table.keys() >= expected.keys()
    for record_id, record in expected.items():
        result = table[record_id]
        if record_id in world.tied:
            result, record = result | {"associations": None}, record | {"associations": None}
        assert result == record


def disturb(served: Simulator, world: World, run: dict[str, Any]) -> None:
    """Let things go wrong at some requests of the run, and the portal change after some."""
    served.faults.clear()
    served.faults.add(Fault(times=None, before=lambda _: world.pass_time(run["tick_ms"])))
    served.faults.add(*(WRONG[name].at(number) for number, name in run["wrong"].items()))
    for number, actions in run["between"].items():
        served.faults.add(Fault(on=number, then=partial(world.act, actions)))


def bookmarks(before: dict[str, Any], messages: list[Message]) -> list[str]:
    """Return the bookmark of each state, `before` first; "" without any yet."""
    states = [before, *(one["value"] for one in of_type(messages, "STATE"))]
    return [mark(one).get("lastUpdated", "") for one in states]
