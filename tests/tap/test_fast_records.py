"""The fast path makes the records of the fallback, or leaves them to the fallback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_simulator.portal import Portal
from tap_hubspot_engagements import properties, records
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.fast_records import fast_path_for
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.streams import CHILDREN, ENGAGEMENTS, Stream
from tap_hubspot_engagements.v1.decode import read_list

STREAMS = (ENGAGEMENTS, *CHILDREN)
DEFAULT = tuple(name for name in ENGAGEMENTS.schema["properties"] if name != "metadata")
TYPES = ("NOTE", "TASK", "CALL", "MEETING", *properties.EMAILS, "PUBLISHING_TASK", None)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
OF_TYPE = {
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    str: st.text(max_size=8),
    list: st.lists(values, max_size=2),
    dict: st.dictionaries(st.text(max_size=3), values, max_size=2),
    properties.STRING_OR_INT: st.text(max_size=5) | st.integers(),
}


def of(types: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with some of the keys, most of their values of their types."""
    one = {name: OF_TYPE[kind] | st.none() for name, kind in types.items()}
    return st.fixed_dictionaries({}, optional=one)


people = of(properties.PERSON_TYPES)
emails = st.fixed_dictionaries(
    {},
    optional={
        **{name: OF_TYPE[kind] for name, kind in properties.EMAIL_TYPES.items()},
        **dict.fromkeys(properties.PEOPLE, people | st.none()),
        **dict.fromkeys(properties.ROLES, st.lists(people, max_size=3)),
    },
)
metadata = (
    emails
    | of(properties.NOTE_TYPES)
    | of(properties.TASK_TYPES)
    | of(properties.CALL_TYPES)
    | of(properties.MEETING_TYPES)
)
odd = st.dictionaries(st.sampled_from(["type", "source", "ownerId", "body", "to", "new"]), values)
inner = st.builds(
    lambda known_ids, kind, number, more: {**known_ids, "type": kind, **more, "id": number},
    of(properties.INNER_TYPES),
    st.sampled_from(TYPES),
    st.integers(1, 2**63 - 1),
    st.just({}) | odd,
)
ties = st.dictionaries(
    st.sampled_from(["contactIds", "companyIds", "Ids", "new", "ü\n"]),
    st.lists(st.integers(1, 2**40), max_size=3) | st.none() | values,
)
engagements = st.fixed_dictionaries(
    {"engagement": inner},
    optional={
        "associations": ties,
        "attachments": st.just([]) | st.lists(st.fixed_dictionaries({"id": st.integers(1, 9)})),
        "scheduledTasks": st.lists(values, max_size=2) | values,
        "metadata": metadata | st.builds(lambda a, b: {**a, **b}, metadata, odd) | values,
        "new": values,
    },
)


def listed(*given: Any, ascii_only: bool = True) -> list[Engagement]:
    page = {"results": given, "hasMore": False, "offset": 1}
    return [*read_list(json.dumps(page, ensure_ascii=ascii_only).encode()).decoded().results]


def quickly(stream: Stream, item: Engagement, names: tuple[str, ...]) -> list[Any] | None:
    has_all = Selection(stream, names).has_all_properties
    fast_path = fast_path_for(stream.tap_stream_id, names, has_all=has_all)
    lines = fast_path(item) if fast_path and item.has_fast_path else None
    return None if lines is None else [json.loads(one) for one in lines]


def carefully(stream: Stream, item: Engagement, names: tuple[str, ...]) -> list[Any]:
    lines, _ = stream.to_records(item.whole)
    return [records.keep_properties(record, names) for record in lines]


def assert_alike(item: Engagement) -> list[bool]:
    """Check every stream's records; returns for each whether the quick way was taken."""
    fast = []
    for stream in (one for one in STREAMS if one.takes_type is None or one.takes_type(item.type)):
        whole = tuple(stream.schema["properties"])
        for names in (whole, DEFAULT) if stream is ENGAGEMENTS else (whole,):
            quick = quickly(stream, item, names)
            fast.append(quick is not None)
            if quick is not None:
                slow = carefully(stream, item, names)
                assert quick == slow, stream.tap_stream_id
                assert [list(one) for one in quick] == [list(one) for one in slow]
    return fast


@given(engagement=engagements, ascii_only=st.booleans())
def test_both_ways_lead_to_the_same(engagement: Any, ascii_only: bool) -> None:
    """
    Whatever an engagement holds, the quick way makes the same records, in the same order of
    properties, or none at all; id, type and time are the same.
    """
    (item,) = listed(engagement, ascii_only=ascii_only)
    assert_alike(item)
    assert item.whole == engagement
    assert item.id == engagement["engagement"]["id"]
    kind = engagement["engagement"].get("type")
    assert item.type == (kind if isinstance(kind, str) else None)
    assert item.last_updated_ms == Engagement.from_mapping(engagement).last_updated_ms


def test_most_of_a_portal_goes_the_quick_way() -> None:
    """
    Nine in ten of a portal's records take the fast path.
    """
    portal = Portal.generate(2000, seed=3)
    item = listed(*portal.records())
    fast = [one for engagement in item for one in assert_alike(engagement)]
    assert sum(fast) > 0.9 * len(fast) > 0.9 * 5 * len(item)


@pytest.mark.parametrize(
    "text",
    [b'{"results":[{"engagement":{"id":1},"metadata":{"a":"\xff"}}],"hasMore":true}', b"[]", b"{"],
)
def test_what_is_no_list_is_refused(text: bytes) -> None:
    """
    Text that is no UTF-8, no object, or cut, is half an answer.
    """
    with pytest.raises(ValueError):
        read_list(text)
