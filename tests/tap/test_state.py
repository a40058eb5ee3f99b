"""The position of replication: no loss by reading and writing, never past the signpost."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_api.client import HubspotClient
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.run import check_position
from tap_hubspot_engagements.state import (
    Position,
    Unfinished,
    read_position,
    with_currently_syncing,
    with_full_pass_due,
    with_position,
)
from tap_hubspot_engagements.state_file import unwrap
from tap_hubspot_engagements.times import ms_to_utc, to_rfc3339, utc_to_ms
from tap_hubspot_engagements.v1.source import V1Source
from tests.conftest import REPOSITORY

CONFIG = Config.from_dict({"access_token": "no-portal-is-asked"}, {})
V1_SOURCE = V1Source(HubspotClient(CONFIG), CONFIG)
AT = "2026-11-20T08:00:00.000000Z"

Moments = st.datetimes(timezones=st.just(timezone.utc))
Ids = st.integers(0, 2**63 - 1)
Ranges = st.lists(st.tuples(Ids, st.none() | Ids).map(list), min_size=1, max_size=4)
Backfills = st.builds(
    Unfinished,
    Moments,
    st.fixed_dictionaries({"ranges": Ranges}, optional={"highest": Ids}),
    st.none() | Moments,
    st.none() | Ids,
    st.sampled_from(["v1", "objects"]),
)
Changes = st.builds(
    Unfinished,
    Moments,
    st.fixed_dictionaries({"after": st.text(min_size=1)}),
    st.none() | Moments,
)


def build_position(
    bookmark: datetime | None, backfill: Unfinished | None, changes: Unfinished | None
) -> Position:
    marks = (("engagements", "00ff00ff", "metadata"), ("engagement_notes", "12345678"))
    position = Position(
        bookmark,
        selected=marks,
        engagements=7,
        doubted=bookmark is None,
        skipped=(5,),
        unread=({"ranges": [[3, 9]]},),
        skip_types=("emails",),
        start_date=bookmark,
    )
    if backfill:
        return position.during_backfill(backfill)
    return position.during_changes(changes) if changes else position


Positions = st.builds(
    build_position, st.none() | Moments, st.none() | Backfills, st.none() | Changes
)
Others = st.dictionaries(st.sampled_from(["contacts", "deals"]), st.just({"lastUpdated": AT}))


@given(position=Positions, others=Others)
def test_round_trip(position: Position, others: dict[str, Any]) -> None:
    """
    A position survives JSON, and other streams' bookmarks stay unchanged.
    """
    before = {"bookmarks": others, "more": 1}
    state = with_position(before, position)
    assert read_position(json.loads(json.dumps(state))) == position
    assert before == {"bookmarks": others, "more": 1}
    assert state["more"] == 1
    assert {name: state["bookmarks"][name] for name in others} == others


@given(earlier=Positions, later=Positions)
def test_nothing_of_an_earlier_position_stays(earlier: Position, later: Position) -> None:
    """
    A position replaces the earlier position whole.
    """
    assert read_position(with_position(with_position({}, earlier), later)) == later


@given(bookmark=st.none() | Moments, signpost=Moments, newest=st.none() | Moments)
def test_where_a_finished_pass_leaves_us(
    bookmark: datetime | None, signpost: datetime, newest: datetime | None
) -> None:
    """
    The bookmark never goes back, never passes the signpost, and stays if no change was seen.
    """
    changes = Unfinished(signpost, {"after": "cursor"}, newest)
    after_pass = Position(bookmark, changes=changes).after_pass(signpost, newest)
    assert (after_pass.backfill, after_pass.changes) == (None, None)
    if newest is None:
        assert after_pass.bookmark == bookmark
        return
    assert after_pass.bookmark is not None
    if bookmark is not None:
        assert after_pass.bookmark >= bookmark
    if after_pass.bookmark != bookmark:
        assert after_pass.bookmark == min(newest, signpost)


@given(position=Positions, signpost=Moments)
def test_the_bookmark_stays_during_a_pass(position: Position, signpost: datetime) -> None:
    """
    An unfinished pass moves no bookmark, and takes the place of any other.
    """
    backfill = Unfinished(signpost, {"ranges": [[5, None]]})
    changes = Unfinished(signpost, {"after": "cursor"})
    for during, passes in (
        (position.during_backfill(backfill), (backfill, None)),
        (position.during_changes(changes), (None, changes)),
    ):
        assert during.bookmark == position.bookmark
        assert (during.backfill, during.changes) == passes


def test_as_it_is_written() -> None:
    """
    The state has the documented form, key by key.
    """
    signpost = datetime(2026, 11, 20, 8, tzinfo=timezone.utc)
    position = Position(signpost).during_backfill(
        Unfinished(signpost, {"ranges": [[1, 5], [9, None]]})
    )
    assert with_position({}, position) == {
        "bookmarks": {
            "engagements": {
                "lastUpdated": AT,
                "backfill": [{"signpost": AT, "ranges": [[1, 5], [9, None]]}],
            }
        }
    }
    position = Position().during_changes(Unfinished(signpost, {"after": "opaque"}, signpost))
    assert with_position({}, position) == {
        "bookmarks": {
            "engagements": {"changes": [{"signpost": AT, "after": "opaque", "newest": AT}]}
        }
    }


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {}},
        {"bookmarks": None},
        {"bookmarks": {"engagements": {}}},
        {"bookmarks": {"engagements": None}},
        {"bookmarks": {"engagements": {"lastUpdated": None, "changes": None, "backfill": {}}}},
        {"currently_syncing": "contacts", "bookmarks": {"contacts": {"lastUpdated": AT}}},
    ],
)
def test_a_state_without_a_bookmark(state: dict[str, Any]) -> None:
    """
    Nothing said of engagements is the beginning.
    """
    assert read_position(state) == Position()


def test_states_of_singer_ios_tap() -> None:
    """
    A state of singer-io's tap-hubspot is accepted; the cursors count without a bookmark.
    """
    marks = {"lastUpdated": "2026-11-20T08:00:00Z", "offset": {"after": "x"}, "cursor": "y"}
    position = read_position({"bookmarks": {"engagements": marks}, "currently_syncing": None})
    assert position == Position(datetime(2026, 11, 20, 8, tzinfo=timezone.utc))
    del marks["lastUpdated"]
    interrupted = read_position({"bookmarks": {"engagements": marks}})
    assert interrupted.changes == Unfinished(None, {"after": "x"})
    after_pass = read_position({"bookmarks": {"engagements": {"cursor": "y"}}})
    assert after_pass.changes == Unfinished(None, {"after": "y"})


def test_the_example() -> None:
    """
    state.json.example is a state with a bookmark.
    """
    state = json.loads((REPOSITORY / "state.json.example").read_text())
    assert read_position(state).bookmark is not None


@pytest.mark.parametrize(
    "mark",
    [
        "2026-11-20T08:00:00Z",
        [],
        {"lastUpdated": "yesterday"},
        {"lastUpdated": ""},
        {"lastUpdated": 1795161600000},
        {"lastUpdated": "0001-01-01T00:00:00+14:00"},
        {"lastUpdated": {}},
        {"changes": "cursor"},
        {"changes": {"after": "cursor"}},
        {"changes": {"signpost": AT}},
        {"changes": {"signpost": AT, "after": None}},
        {"changes": {"signpost": AT, "after": ""}},
        {"changes": {"signpost": AT, "after": ["x"]}},
        {"changes": {"signpost": AT, "after": "x", "newest": 5}},
        {"backfill": {"signpost": AT}},
        {"backfill": {"ranges": [[0, None]]}},
        {"backfill": {"signpost": AT, "ranges": []}},
        {"backfill": {"signpost": AT, "ranges": [[None, None]]}},
        {"backfill": {"signpost": AT, "ranges": [[-1, None]]}},
        {"backfill": {"signpost": AT, "ranges": [["5", None]]}},
        {"backfill": {"signpost": AT, "ranges": [[True, None]]}},
        {"backfill": {"signpost": AT, "ranges": [[1.0, None]]}},
        {"backfill": {"signpost": AT, "ranges": [[1]]}},
        {"backfill": {"signpost": AT, "ranges": [1]}},
        {"backfill": {"signpost": AT, "ranges": 1}},
        {"backfill": {"signpost": None, "ranges": [[0, None]]}},
        {"backfill": [{"signpost": AT, "ranges": [[0, None]]}] * 2},
        {"backfill": [5]},
        {"changes": [[]]},
        {"selected": "engagements"},
        {"selected": [["engagements"]]},
        {"engagements": "7"},
        {"engagements": -1},
        {"unread": [5]},
        {"unread": [{"ranges": [[5]]}]},
    ],
)
def test_what_cannot_be_read_is_refused(mark: Any) -> None:
    """
    A state that is not understood is an error: to begin anew would hide the mistake.
    """
    with pytest.raises(ConfigError, match=r"state: .*engagements"):
        check_position(V1_SOURCE, read_position({"bookmarks": {"engagements": mark}}))


WRAPPINGS: dict[str, Any] = {
    "a STATE message": lambda state: {"type": "STATE", "value": state},
    "its value": lambda state: {"value": state},
    "meltano state get": lambda state: {"singer_state": state},
    "Meltano's completed": lambda state: {"completed": {"singer_state": state}, "partial": {}},
    "Meltano's partial": lambda state: {
        "completed_state": {"singer_state": {"bookmarks": {"engagements": {"version": 5}}}},
        "partial_state": {"singer_state": state},
    },
    "twice": lambda state: {"type": "STATE", "value": {"singer_state": state}},
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_wrapped_states(wrap: Any) -> None:
    """
    A state is found in a STATE message and in Meltano's output.
    """
    state = {"bookmarks": {"engagements": {"lastUpdated": AT}}, "portal": 5}
    unwrapped = unwrap(wrap(state))
    assert read_position(unwrapped).bookmark == datetime(2026, 11, 20, 8, tzinfo=timezone.utc)
    assert unwrapped["portal"] == 5


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_full_refresh_that_a_state_requests(wrap: Any) -> None:
    """
    `full_refresh` is found in a state and beside its wrapping, and nothing else is lost.
    """
    state = {"bookmarks": {"engagements": {"lastUpdated": AT}}, "portal": 5}
    marked = {**state, "full_refresh": True}
    for value in (wrap(marked), {**wrap(state), "full_refresh": True}):
        unwrapped = unwrap(value)
        assert (unwrapped["portal"], unwrapped["full_refresh"]) == (5, True)
        assert read_position(unwrapped).bookmark
    due = with_full_pass_due(marked, ["engagements"])
    assert due["full_refresh"] is None  # a missing key would stay in Meltano's state
    assert read_position(due).doubted
    assert "full_refresh" not in with_full_pass_due(state, ["engagements"])


def test_meltanos_partial_state_goes_over_the_completed_one() -> None:
    """
    Keys of the interrupted run replace those of the completed run; others stay.
    """
    completed = {"bookmarks": {"engagements": {"lastUpdated": AT, "version": 5}}}
    partial = {"bookmarks": {"engagements": {"version": 6}, "owners": {"records": 7}}}
    assert unwrap({"completed": completed, "partial": partial}) == {
        "bookmarks": {"engagements": {"lastUpdated": AT, "version": 6}, "owners": {"records": 7}}
    }


@pytest.mark.parametrize(
    "state",
    [
        {"engagements": {"lastUpdated": 1795161600000}},
        {"lastUpdated": AT},
        {"completed": 5},
        {"bookmarks": {"engagements": {"replication_key_value": AT}}},
        {"value": {"value": {"lastUpdated": AT}}},
    ],
)
def test_what_is_no_state_is_refused(state: dict[str, Any]) -> None:
    """
    A file without any known key is an error: to begin anew would hide the mistake.
    """
    with pytest.raises(ConfigError, match="state: "):
        read_position(unwrap(state))


def test_bookmarks_must_be_an_object() -> None:
    """
    So must the part that holds them all.
    """
    with pytest.raises(ConfigError, match="state: bookmarks of state must be an object"):
        read_position({"bookmarks": [1]})


def test_currently_syncing() -> None:
    """
    The state names the current stream, and none at the end.
    """
    begun = with_currently_syncing({"bookmarks": {}}, "engagements")
    assert begun == {"bookmarks": {}, "currently_syncing": "engagements"}
    assert with_currently_syncing(begun, None) == {"bookmarks": {}, "currently_syncing": None}


def meltano_merge(source: dict[str, Any], destination: dict[str, Any]) -> None:
    """Merge as Meltano 4.4 does: objects key by key, and anything else replaced."""
    for key, value in source.items():
        if isinstance(value, dict):
            meltano_merge(value, destination.setdefault(key, {}))
        else:
            destination[key] = value


@given(positions=st.lists(Positions, min_size=1, max_size=5))
def test_states_that_meltano_merges(positions: list[Position]) -> None:
    """
    Each state merged into those before it equals the last: finished passes are gone.
    """
    merged: dict[str, Any] = {}
    state: dict[str, Any] = {}
    for position in positions:
        state = json.loads(json.dumps(with_currently_syncing(with_position(state, position), None)))
        meltano_merge(state, merged)
        assert read_position(merged) == position


def test_states_of_before() -> None:
    """
    Unfinished passes that older versions wrote, as objects and without a list, are gone on with.
    """
    begun = {"signpost": AT, "ranges": [[5, None]]}
    backfill = read_position({"bookmarks": {"engagements": {"backfill": begun}}}).backfill
    assert backfill and backfill.resume == {"ranges": [[5, None]]}
    changed = {"signpost": AT, "after": "x"}
    changes = read_position({"bookmarks": {"engagements": {"changes": changed}}}).changes
    assert changes and changes.resume == {"after": "x"}


@given(at_ms=st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_milliseconds_are_exact(at_ms: int) -> None:
    """
    Unix ms survive the way to UTC, to text, and back.
    """
    assert utc_to_ms(ms_to_utc(at_ms)) == at_ms
    assert to_rfc3339(ms_to_utc(at_ms)).endswith(f"{at_ms % 1000:03d}000Z")


@given(at=Moments)
def test_milliseconds_are_rounded_down(at: datetime) -> None:
    """
    Fractions of a millisecond are cut: a bookmark may be early, never late.
    """
    assert timedelta(0) <= at - ms_to_utc(utc_to_ms(at)) < timedelta(milliseconds=1)


@pytest.mark.parametrize("at_ms", [636418459634654854, 2**63, 10**40])
def test_no_calendar_holds_ticks(at_ms: int) -> None:
    """
    A time beyond all calendars is their end, which no signpost reaches.
    """
    assert ms_to_utc(at_ms).year == 9999
    assert ms_to_utc(-at_ms).year == 1
    assert to_rfc3339(ms_to_utc(-at_ms)).startswith("0001-01-01T")
