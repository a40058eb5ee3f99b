"""Several streams in a run: none that HubSpot refuses holds up the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.tap.conftest import Run, Serve, Tap, last_state, of_type, paths
from tests.tap.objects import everything

REFUSALS = {"403": faults.MISSING_SCOPES, "404": faults.NOT_FOUND, "400": faults.BAD_PARAMETER}


@pytest.fixture
def hubspot(serve: Serve) -> Simulator:
    return serve(Portal.generate(5, seed=1))


@pytest.fixture
def tap(hubspot: Simulator, tmp_path: Path) -> Tap:
    return Tap(tmp_path, hubspot)


def catalog() -> dict[str, object]:
    """Return the catalog that selects every stream."""
    names = [one.stream.tap_stream_id for one in everything()]
    root = {"breadcrumb": [], "metadata": {"selected": True}}
    return {"streams": [{"tap_stream_id": name, "metadata": [root]} for name in names]}


def streams(run: Run) -> set[str]:
    return {message["stream"] for message in of_type(run.messages, "RECORD")}


@pytest.mark.parametrize("fault", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("path", ["dispositions", "owners"])
def test_a_refused_list_holds_up_nothing(
    path: str, fault: Fault, tap: Tap, hubspot: Simulator
) -> None:
    """
    Engagements come first in each run, the other list follows, and the refusal ends the run with 1.
    """
    hubspot.faults.add(fault.at(path=path, times=None))
    state = None
    for number in range(3):
        added = hubspot.portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})
        hubspot.requests.clear()
        run = tap(state=state, catalog=catalog())
        assert run.code == 1
        (error,) = (line for line in run.err.splitlines() if line.startswith("ERROR"))
        assert path in error
        ids = {
            one["record"]["id"]
            for one in of_type(run.messages, "RECORD")
            if one["stream"] == "engagements"
        }
        assert added["engagement"]["id"] in ids
        assert {"call_dispositions", "owners"} & streams(run) == (
            {"owners"} if path == "dispositions" else {"call_dispositions"}
        )
        assert paths(hubspot)[number == 0] in ("paged", "after")
        assert run.messages[-1]["type"] == "STATE"
        state = last_state(run.messages)
        assert path in state["currently_syncing"]


def test_refused_engagements_hold_up_no_list(tap: Tap, hubspot: Simulator) -> None:
    """
    Lists are read though engagements are refused, and several refusals are all said.
    """
    hubspot.faults.add(faults.MISSING_SCOPES.at(path="paged", times=None))
    run = tap(catalog=catalog())
    assert (run.code, streams(run)) == (1, {"call_dispositions", "owners"})
    hubspot.faults.add(faults.MISSING_SCOPES.at(path="owners", times=None))
    run = tap(catalog=catalog())
    assert (run.code, streams(run)) == (1, {"call_dispositions"})
    errors = [line for line in run.err.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 2


def test_a_refused_token_ends_the_run(tap: Tap, hubspot: Simulator) -> None:
    """
    A token that is not valid any more is valid for no stream: nothing else is asked.
    """
    hubspot.faults.add(faults.UNDECODABLE_TOKEN.at(path="paged"))
    assert tap(catalog=catalog()).code == 1
    assert paths(hubspot) == ["details", "paged"]
