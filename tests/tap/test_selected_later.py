"""Later selections are filled at once, and the catalog's replication method is obeyed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator import faults
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.discover import build_catalog
from tests.tap.conftest import Run, Serve, Tap, last_state, mark, of_type, paths

NOTES, TIES = "engagement_notes", "engagement_associations"


@pytest.fixture
def hubspot(serve: Serve) -> Simulator:
    """Sixty notes, each with a contact, changed too long ago for the lookback."""
    portal = Portal()
    for number in range(60):
        at_ms = portal.now_ms - (100 - number) * 7_200_000
        inner = {"type": "NOTE", "createdAt": at_ms, "lastUpdated": at_ms}
        ties = {"contactIds": [number]}
        metadata = {"body": "text"}
        portal.create({"engagement": inner, "associations": ties, "metadata": metadata})
    return serve(portal)


@pytest.fixture
def tap(hubspot: Simulator, tmp_path: Path) -> Tap:
    return Tap(tmp_path, hubspot)


def catalog(*streams: str, method: str | None = None, **fields: object) -> dict[str, Any]:
    """Return the catalog that selects these streams, with `fields` of engagements selected so."""
    result: dict[str, Any] = copy.deepcopy(build_catalog().to_dict())
    result["streams"] = [one for one in result["streams"] if one["stream"] in streams]
    for entry in result["streams"]:
        for one in entry["metadata"]:
            if method and not one["breadcrumb"]:
                one["metadata"]["replication-method"] = method
            if entry["stream"] == "engagements" and {*one["breadcrumb"][-1:]} & fields.keys():
                one["metadata"]["selected"] = fields[one["breadcrumb"][-1]]
    return result


def records_of(stream: str, run: Run) -> int:
    """Return how many different engagements have records of the stream."""
    key = "id" if stream == "engagements" else "engagementId"
    return len(
        {
            message["record"][key]
            for message in of_type(run.messages, "RECORD")
            if message["stream"] == stream
        }
    )


def test_a_stream_selected_later(tap: Tap, hubspot: Simulator) -> None:
    """
    A full pass begins at once, and a line names the stream; the next run is a usual one.
    """
    state = last_state(tap(catalog=catalog("engagements")).messages)
    later = catalog("engagements", NOTES, TIES)
    run = tap(state=state, catalog=later)
    assert (run.code, records_of(NOTES, run), records_of(TIES, run)) == (0, 60, 60)
    assert f"INFO newly selected: {NOTES}, {TIES}; reading all engagements" in run.err
    hubspot.requests.clear()
    assert "newly selected" not in tap(state=last_state(run.messages), catalog=later).err
    assert paths(hubspot) == ["after"]


def test_a_stream_selected_again(tap: Tap) -> None:
    """
    A stream that was left out for a time is filled once selected again.
    """
    both = catalog("engagements", NOTES)
    state = last_state(tap(catalog=both).messages)
    state = last_state(tap(state=state, catalog=catalog("engagements")).messages)
    assert records_of(NOTES, tap(state=state, catalog=both)) == 60


def test_the_parent_selected_later(tap: Tap) -> None:
    """
    Engagements are filled, too, when they are selected after one of their children.
    """
    state = last_state(tap(catalog=catalog(NOTES)).messages)
    run = tap(state=state, catalog=catalog("engagements", NOTES))
    assert records_of("engagements", run) == 60


def test_a_field_selected_later(tap: Tap, hubspot: Simulator) -> None:
    """
    A field is filled like a stream; a deselected field costs nothing.
    """
    state = last_state(tap(catalog=catalog("engagements")).messages)
    run = tap(state=state, catalog=catalog("engagements", metadata=True))
    assert records_of("engagements", run) == 60
    assert "newly selected: engagements.metadata;" in run.err
    hubspot.requests.clear()
    tap(state=last_state(run.messages), catalog=catalog("engagements", metadata=False))
    assert paths(hubspot) == ["after"]


def test_a_stream_selected_while_a_pass_is_unfinished(tap: Tap, hubspot: Simulator) -> None:
    """
    The part that an interrupted pass has read is read again for the new stream.
    """
    hubspot.faults.add(faults.BAD_PARAMETER.at(3, path="paged"))
    earlier = tap(catalog=catalog("engagements"), page_size=20)
    assert mark(last_state(earlier.messages))["backfill"]["ranges"]
    run = tap(state=last_state(earlier.messages), catalog=catalog("engagements", NOTES))
    assert records_of(NOTES, run) == 60


def test_a_new_stream_whose_pass_is_interrupted(tap: Tap, hubspot: Simulator) -> None:
    """
    The full pass for a new stream is gone on with, and not begun again each time.
    """
    state = last_state(tap(catalog=catalog("engagements")).messages)
    both = catalog("engagements", NOTES)
    hubspot.faults.add(faults.BAD_PARAMETER.at(1, path="paged"))
    first = tap(state=state, catalog=both, page_size=20)
    state = last_state(first.messages, state)
    hubspot.faults.add(faults.BAD_PARAMETER.at(3, path="paged"))
    second = tap(state=state, catalog=both, page_size=20)
    third = tap(state=last_state(second.messages), catalog=both, page_size=20)
    assert [records_of(NOTES, run) for run in (first, second, third)] == [0, 40, 20]


def test_a_state_that_does_not_say_what_was_selected(tap: Tap, hubspot: Simulator) -> None:
    """
    States of older versions are taken over as they are.
    """
    state = last_state(tap(catalog=catalog("engagements")).messages)
    del mark(state)["selected"]
    hubspot.requests.clear()
    run = tap(state=state, catalog=catalog("engagements", NOTES))
    assert paths(hubspot) == ["after"]
    assert [one[0] for one in mark(last_state(run.messages))["selected"]] == ["engagements", NOTES]


def test_full_table_is_obeyed(tap: Tap) -> None:
    """
    With replication-method FULL_TABLE each run reads everything, and finds deletions.
    """
    everything = catalog("engagements", method="FULL_TABLE")
    state = last_state(tap(catalog=everything).messages)
    run = tap(state=state, catalog=everything)
    assert records_of("engagements", run) == 60
    assert len(of_type(run.messages, "ACTIVATE_VERSION")) == 1


def test_an_interrupted_full_table_is_gone_on_with(tap: Tap, hubspot: Simulator) -> None:
    """
    FULL_TABLE resumes a killed run.
    """
    everything = catalog("engagements", method="FULL_TABLE")
    hubspot.faults.add(faults.BAD_PARAMETER.at(3, path="paged"))
    first = tap(catalog=everything, page_size=20)
    second = tap(state=last_state(first.messages), catalog=everything, page_size=20)
    assert [records_of("engagements", run) for run in (first, second)] == [40, 20]


def test_children_without_their_parent(tap: Tap) -> None:
    """
    A warning names the rows that stay, and the stream to select.
    """
    run = tap(catalog=catalog(NOTES, TIES))
    assert (
        f"WARNING catalog: {NOTES}, {TIES} without engagements: rows that HubSpot removes"
        in run.err
    )


@pytest.mark.parametrize("value", ["false", "False", " FALSE "])
def test_false_as_text(value: str, tap: Tap) -> None:
    """
    Some tools write booleans as text: "false" is false.
    """
    run = tap(catalog=catalog("engagements", metadata=value, uid=value))
    assert run.code == 0, run.err
    (record, *_) = of_type(run.messages, "RECORD")
    assert not {"metadata", "uid"} & record["record"].keys()


@pytest.mark.parametrize(
    ("selects", "text"),
    [
        ({"uid": "no"}, "selected of properties.uid must be true or false, not 'no'"),
        ({"uid": 0}, "selected of properties.uid must be true or false, not 0"),
        ({"method": "LOG_BASED"}, "must be INCREMENTAL or FULL_TABLE, not 'LOG_BASED'"),
    ],
)
def test_values_that_are_not_known(selects: dict[str, Any], text: str, tap: Tap) -> None:
    """
    A value that means nothing ends the run with 2, and is named.
    """
    run = tap(catalog=catalog("engagements", **selects))
    assert run.code == 2
    assert text in run.err


def test_a_property_that_is_not_known(tap: Tap) -> None:
    """
    A breadcrumb that leads nowhere is a warning: a slip of the hand selects nothing.
    """
    slip = catalog("engagements")
    breadcrumb = ["properties", "metdata"]
    slip["streams"][0]["metadata"].append({"breadcrumb": breadcrumb, "metadata": {}})
    assert "WARNING catalog: engagements has no properties.metdata" in tap(catalog=slip).err
