"""Creations in doubt that HubSpot does not show: they are found later, or named, never doubled."""

from __future__ import annotations

from typing import Any

import pytest

from hubspot_simulator.faults import BAD_PARAMETER, DROPPED, LOST, Fault
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from target_hubspot_engagements import lookups
from target_hubspot_engagements.exceptions import LedgerError, RejectedError, UndecidedError
from target_hubspot_engagements.ledger import Ledger
from target_hubspot_engagements.run import Options
from tests.write_back.conftest import Killed, Message, Serve, Target, call, schema, state
from tests.write_back.schedules import KilledLedger

TOO_MANY = "HubSpot's search does not show all engagements of its moment"
LATER = "HubSpot does not show it, and may do so later"


def alone(key: int, **values: Any) -> Message:
    """Return a call without associations, which only the search can find."""
    return call(key, contactIds=[], **values)


def lose_creation(target: Target) -> None:
    """Let HubSpot carry out the next creation, and its answer be lost."""
    target.hubspot.faults.add(DROPPED.at(path="batch/create"))


@pytest.fixture
def short_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a search end after two results, as HubSpot's ends after 10,000."""
    monkeypatch.setattr(lookups, "MAX_FOUND", 2)
    monkeypatch.setattr(lookups, "MAX_RESULTS", 2)


AT_MIDNIGHT = [alone(key, hs_timestamp="2026-11-19") for key in range(5)]


@pytest.mark.usefixtures("short_searches")
def test_a_moment_of_too_many_engagements(serve: Serve) -> None:
    """
    A search that ends early does not say that HubSpot lacks an engagement: it stays undecided.
    """
    target = serve()
    target.run(schema(), *AT_MIDNIGHT[:4])
    lose_creation(target)
    target.run(schema(), AT_MIDNIGHT[4])
    target.clock.sleep(7_200)
    result = target.run(schema(), AT_MIDNIGHT[4], state(5))
    assert isinstance(result.error, UndecidedError)
    assert f"stream calls, key [4]: {TOO_MANY}" in str(result.error)
    assert (result.states, len(target.engagements())) == ([], 5)


@pytest.mark.usefixtures("short_searches")
def test_a_moment_of_many_older_engagements(serve: Serve) -> None:
    """
    Where a moment has too many engagements, the search is for those created since the request.
    """
    target = serve()
    target.run(schema(), *AT_MIDNIGHT[:4])
    target.clock.sleep(7_200)
    lose_creation(target)
    target.run(schema(), AT_MIDNIGHT[4])
    target.clock.sleep(7_200)
    result = target.run(schema(), AT_MIDNIGHT[4], state(5))
    assert (result.error, result.states, len(target.engagements())) == (None, [5], 5)


@pytest.mark.usefixtures("short_searches")
def test_moments_that_share_a_search(serve: Serve) -> None:
    """
    Moments that together have too many engagements for a search are searched for one by one.
    """
    target = serve()
    lose_creation(target)
    calls = [alone(key) for key in range(5)]
    target.run(schema(), *calls)
    target.clock.sleep(7_200)
    result = target.run(schema(), *calls, state(5))
    assert (result.error, result.states, len(target.engagements())) == (None, [5], 5)


@pytest.mark.usefixtures("short_searches")
def test_adopting_at_a_moment_of_too_many_engagements(serve: Serve) -> None:
    """
    After the loss of a ledger nothing that the search may have left out is created again.
    """
    target = serve()
    target.run(schema(), *AT_MIDNIGHT)
    target.ledger.unlink()
    target.clock.sleep(7_200)
    result = target.run(schema(), *AT_MIDNIGHT, options=Options(is_new=True, adopts=True))
    assert isinstance(result.error, UndecidedError)
    assert str(result.error).count(TOO_MANY) == 3
    assert len(target.engagements()) == 5


@pytest.mark.parametrize("fault", [DROPPED, LOST])
def test_the_unix_time_zero(serve: Serve, fault: Fault) -> None:
    """
    HubSpot's search fails at the Unix time 0: a lost creation of that moment is found all the same,
    or sent again.
    """
    target = serve()
    target.hubspot.faults.add(fault.at(path="batch/create"))
    calls = [alone(1, hs_timestamp=0), alone(2, hs_timestamp=-1)]
    target.run(schema(), *calls)
    target.clock.sleep(7_200)
    result = target.run(schema(), *calls, state(2))
    assert (result.error, result.states, len(target.engagements())) == (None, [2], 2)


def test_sending_undecided_engagements_again(serve: Serve) -> None:
    """
    With --send-undecided a creation that an earlier run named is sent again, once. A creation
    whose answer is lost in the same run is undecided.
    """
    target = serve(objects=ObjectsBehaviour(search_delay_ms=600_000))
    target.hubspot.faults.add(LOST.at(path="batch/create"))
    target.run(schema(), alone(1))
    lose_creation(target)
    result = target.run(schema(), alone(1), alone(2), options=Options(resends=True))
    assert isinstance(result.error, UndecidedError)
    assert str(result.error).count(LATER) == 2
    assert len(target.engagements()) == 2


@pytest.fixture
def reformatted(serve: Serve) -> Target:
    """A portal that has call 2 with another text than the request whose answer was lost."""
    target = serve(objects=ObjectsBehaviour(search_delay_ms=600_000))
    target.run(schema(), alone(1))
    target.clock.sleep(7_200)
    lose_creation(target)
    target.run(schema(), alone(2))
    hubspot_id = newest_id(target)
    target.hubspot.portal.update(hubspot_id, metadata={"body": "reformatted"})
    target.clock.sleep(7_200)
    named = target.run(schema(), alone(2))
    assert f"it may be {hubspot_id}, whose values differ" in str(named.error)
    return target


def newest_id(target: Target) -> int:
    return max(int(one["engagement"]["id"]) for one in target.engagements())


def test_sending_again_what_hubspot_has_otherwise(reformatted: Target) -> None:
    """
    The engagement that --send-undecided does not take for the record's is no sign of an old copy
    of the ledger: not in this run, and not in the next one if HubSpot refuses the creation.
    """
    target = reformatted
    target.hubspot.faults.add(BAD_PARAMETER.at(path="batch/create"))
    refused = target.run(schema(), alone(2), options=Options(resends=True))
    assert isinstance(refused.error, RejectedError)

    assert target.run(schema(), alone(2), state(2)).states == [2]
    assert target.run(schema(), alone(3), state(3)).states == [3]
    assert len(target.engagements()) == 4


def test_an_old_ledger_and_sending_again(reformatted: Target) -> None:
    """
    An old copy of the ledger is noticed with --send-undecided, too.
    """
    target, copy = reformatted, reformatted.ledger.read_bytes()
    decided = alone(2, hubspotId=newest_id(target))
    assert target.run(schema(), decided, alone(3)).error is None
    target.ledger.write_bytes(copy)
    target.clock.sleep(7_200)

    result = target.run(schema(), alone(2), alone(3), options=Options(resends=True))
    assert isinstance(result.error, LedgerError)
    assert len(target.engagements()) == 3


def test_every_undecided_engagement_is_named(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The log has a line with the reason for each undecided engagement, however many there are.
    """
    target = serve(objects=ObjectsBehaviour(search_delay_ms=600_000))
    lose_creation(target)
    result = target.run(schema(), *(alone(key) for key in range(7)))
    assert "7 engagements are undecided" in str(result.error)
    for key in range(7):
        assert f"undecided: stream calls, key [{key}]: {LATER}" in caplog.messages


def run_killed(target: Target, message: Message, changes: int = 1) -> None:
    """Run until the process is killed before its next change of the ledger, after `changes`."""

    def wrap(ledger: Ledger) -> Any:
        return KilledLedger(ledger, changes, after=False)

    assert isinstance(target.run(schema(), message, wrap=wrap).error, Killed)
    target.clock.slept.clear()


@pytest.mark.parametrize("changes", [1, 2, 3])
def test_sending_again_after_a_kill(serve: Serve, changes: int) -> None:
    """
    With --send-undecided a creation of a killed run is not sent again: no run has named it, also
    if the kill came after the answer was lost.
    """
    target = serve(objects=ObjectsBehaviour(search_delay_ms=600_000))
    lose_creation(target)
    run_killed(target, alone(1), changes)
    result = target.run(schema(), alone(1), options=Options(resends=True))
    assert f"key [1]: {LATER}" in str(result.error)
    assert len(target.engagements()) == 1


def test_a_restart_after_a_long_batch(serve: Serve) -> None:
    """
    When a batch is killed two hours after it began, its last request may have been sent just now:
    the next run waits before it looks, and later runs count from there.
    """
    target = serve(objects=ObjectsBehaviour(search_delay_ms=600_000))
    target.hubspot.faults.add(LOST.at(path="batch/create"))
    run_killed(target, alone(1))
    target.clock.now_ms += 7_200_000
    result = target.run(schema(), alone(1))
    assert LATER in str(result.error)
    assert 50 < sum(target.clock.slept) <= 60
    target.clock.sleep(3_600)
    result = target.run(schema(), alone(1))
    assert (result.error, result.counts) == (None, {"created": 1})
