"""The portal of the data: each SCHEMA has the name, and a state serves a single portal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator import faults
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.discover import build_catalog
from tests.tap.conftest import (
    DISCOVERED,
    Run,
    Serve,
    Tap,
    last_state,
    mark,
    of_type,
    paths,
    records,
)

OURS, THEIRS = 62515, 777
DETAILS = "account-info/v3/details"


def portal_of(portal_id: int, engagements: int = 3) -> Portal:
    portal = Portal(portal_id=portal_id)
    for number in range(engagements):
        portal.create({"engagement": {"type": "NOTE"}, "metadata": {"body": str(number)}})
    return portal


def alone(stream: str) -> dict[str, Any]:
    """Return the catalog that selects this stream and no other."""
    catalog: dict[str, Any] = build_catalog().to_dict()
    (entry,) = (one for one in catalog["streams"] if one["stream"] == stream)
    entry["metadata"][0]["metadata"]["selected"] = True
    return {"streams": [entry]}


def sources(run: Run) -> set[str | None]:
    return {one["schema"].get("x-source") for one in of_type(run.messages, "SCHEMA")}


@pytest.fixture
def ours(serve: Serve) -> Simulator:
    return serve(portal_of(OURS))


@pytest.fixture
def state(ours: Simulator, tmp_path: Path) -> Any:
    """The state of a run over our portal."""
    state = last_state(Tap(tmp_path, ours)().messages)
    ours.requests.clear()
    return state


def test_each_schema_names_the_portal(ours: Simulator, tmp_path: Path) -> None:
    """
    Every stream's SCHEMA has x-source, and the state keeps the portal.
    """
    run = Tap(tmp_path, ours)(catalog=DISCOVERED)
    assert run.code == 0, run.err
    assert len(of_type(run.messages, "SCHEMA")) == 11
    assert sources(run) == {"hubspot:62515"}
    assert last_state(run.messages)["portal"] == OURS
    assert paths(ours).count("details") == 1


def test_a_state_that_names_the_portal_saves_the_request(
    ours: Simulator, state: Any, tmp_path: Path
) -> None:
    """
    An hourly run with nothing new is a single request, and the SCHEMA names the portal.
    """
    run = Tap(tmp_path, ours)(state=state)
    assert (run.code, paths(ours)) == (0, ["after"])
    assert sources(run) == {"hubspot:62515"}


def test_the_default_catalog_hourly(ours: Simulator, tmp_path: Path) -> None:
    """
    With call_dispositions two requests do, since the lookback's engagements name the portal.
    """
    tap = Tap(tmp_path, ours)
    state = last_state(tap(catalog=DISCOVERED).messages)
    ours.requests.clear()
    assert tap(catalog=DISCOVERED, state=state).code == 0
    assert paths(ours) == ["after", "dispositions"]


def test_a_state_of_before(ours: Simulator, state: Any, tmp_path: Path) -> None:
    """
    A state that does not name the portal is accepted, for an additional request.
    """
    del state["portal"]
    run = Tap(tmp_path, ours)(state=state)
    assert paths(ours) == ["details", "after"]
    assert last_state(run.messages)["portal"] == OURS
    assert sources(run) == {"hubspot:62515"}


def other_portal_refused(run: Run) -> bool:
    assert run.code == 2, run.err
    (error,) = (line for line in run.err.splitlines() if line.startswith("ERROR"))
    assert f"the state belongs to portal {OURS}, the token to portal {THEIRS}" in error
    assert "use another state file and another `database`" in error
    kinds = {message["type"] for message in run.messages}
    return not kinds & {"RECORD", "ACTIVATE_VERSION"}


@pytest.mark.parametrize("arguments", [(), ("--full-refresh",)])
def test_the_state_of_another_portal(
    arguments: tuple[str, ...], state: Any, serve: Serve, tmp_path: Path
) -> None:
    """
    Changes or everything: the first page of another portal ends the run before any record. A full
    refresh stays due.
    """
    theirs = Tap(tmp_path, serve(portal_of(THEIRS)))
    run = theirs(*arguments, state=state)
    assert other_portal_refused(run)
    due = {"doubted": True} if arguments else {}
    assert mark(last_state(run.messages, state)) == {**mark(state), **due}


def test_a_full_pass_over_another_portal_without_engagements(
    state: Any, serve: Serve, tmp_path: Path
) -> None:
    """
    No engagement names the portal, and yet nothing of ours is flagged.
    """
    theirs = Tap(tmp_path, serve(portal_of(THEIRS, 0)))
    assert other_portal_refused(theirs("--full-refresh", state=state))


@pytest.mark.parametrize("stream", ["owners", "call_dispositions"])
def test_a_list_of_another_portal(stream: str, state: Any, serve: Serve, tmp_path: Path) -> None:
    """
    Records that name no portal are read only once HubSpot has named the portal.
    """
    theirs = Tap(tmp_path, serve(portal_of(THEIRS)))
    assert other_portal_refused(theirs(state=state, catalog=alone(stream)))


@pytest.mark.parametrize("fault", [faults.MISSING_SCOPES, faults.NOT_FOUND])
def test_where_the_account_may_not_be_asked(
    fault: faults.Fault, ours: Simulator, tmp_path: Path
) -> None:
    """
    The first engagement names the portal, too; an empty portal has no x-source.
    """
    ours.faults.add(fault.at(path=DETAILS, times=None))
    tap = Tap(tmp_path, ours)
    assert sources(tap()) == {"hubspot:62515"}

    ours.portal = portal_of(OURS, 0)
    run = tap(catalog=alone("owners"))
    assert (run.code, sources(run)) == (0, {None})
    ours.portal = portal_of(OURS)
    assert sources(tap(state=last_state(run.messages))) == {"hubspot:62515"}


def test_engagements_that_name_no_portal(serve: Serve, tmp_path: Path) -> None:
    """
    An odd portalId, or none, holds up nothing.
    """
    portal = portal_of(OURS, 1)
    for odd in (None, "62515", -1.5, []):
        portal.create({"engagement": {"type": "NOTE", "portalId": odd}, "metadata": {}})
    run = Tap(tmp_path, serve(portal))()
    assert run.code == 0, run.err
    assert len({one["id"] for one in records(run.messages)}) == 5


def test_a_refused_token_is_said_at_once(ours: Simulator, tmp_path: Path) -> None:
    """
    After a refusal of the token no other request follows.
    """
    ours.faults.add(faults.UNDECODABLE_TOKEN.at(path=DETAILS))
    assert Tap(tmp_path, ours)().code == 1
    assert paths(ours) == ["details"]
