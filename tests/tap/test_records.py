"""From an engagement to a record: every value arrives, in a column or in `extra`."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import jsonschema  # type: ignore[import-untyped]  # singer-python pins a version without types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_api.json_codec import parse_json, to_json
from hubspot_simulator.portal import Portal
from tap_hubspot_engagements import records
from tap_hubspot_engagements.engagement import Engagement
from tap_hubspot_engagements.records import to_engagements
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.streams import ENGAGEMENTS
from tests.tap.conftest import (
    INNER,
    OUTER,
    PROPERTIES,
    RECORDINGS,
    expected_record,
    needs_recordings,
)


class Made(NamedTuple):
    record: dict[str, Any]
    mismatches: list[str]


def to_record(engagement: dict[str, Any]) -> Made:
    (record,), mismatches = to_engagements(engagement)
    return Made(record, list(mismatches))


INTEGERS = "id portalId createdAt lastUpdated createdBy modifiedBy timestamp ownerId teamId".split()
BOOLEANS = "active bodyPreviewIsTruncated gdprDeleted".split()
LISTS = "allAccessibleTeamIds queueMembershipIds scheduledTasks attachments".split()
OBJECTS = "associations metadata".split()
STRINGS = [name for name in PROPERTIES[:-1] if name not in INTEGERS + BOOLEANS + LISTS + OBJECTS]

WHOLE: dict[str, Any] = {
    "engagement": {
        "id": 29090716123,
        "portalId": 62515,
        "active": True,
        "createdAt": 1700000000123,
        "lastUpdated": 1700000050456,
        "createdBy": 215482,
        "modifiedBy": 215483,
        "timestamp": 636418459634654854,
        "ownerId": 0,
        "type": "TASK",
        "uid": "null-2682673052",
        "source": "CRM_UI",
        "sourceId": "userId:215482",
        "teamId": 112117,
        "activityType": "First call",
        "bodyPreview": "Call back 🎉",
        "bodyPreviewHtml": "<html>\n <body>Call back</body>\n</html>",
        "bodyPreviewIsTruncated": False,
        "gdprDeleted": False,
        "allAccessibleTeamIds": [112117],
        "queueMembershipIds": [],
    },
    "scheduledTasks": [{"engagementId": 29090716123, "uuid": "TASK:1357bca1"}],
    "attachments": [{"id": 99876123753}],
    "associations": {"contactIds": [1085724], "marketingEventIds": []},
    "metadata": {"body": "Call back", "reminders": [1700090000000], "isAllDay": False},
}


def is_valid(record: dict[str, Any]) -> bool:
    schema = Selection(ENGAGEMENTS, tuple(record)).schema(is_parent_selected=False)
    jsonschema.Draft4Validator(schema).validate(record)
    return True


def test_every_key_has_its_column() -> None:
    """
    Each key of HubSpot's engagement is a property of the same name, with the same value.
    """
    record, mismatches = to_record(WHOLE)
    assert list(record) == PROPERTIES == list(ENGAGEMENTS.schema["properties"])
    assert record == {
        **WHOLE["engagement"],
        **{name: WHOLE[name] for name in OUTER},
        "extra": None,
    }
    assert mismatches == []
    assert is_valid(record)


def test_the_first_twelve_columns() -> None:
    """
    The columns that the reports stand on come first, in their order.
    """
    assert PROPERTIES[:12] == [
        *("id", "portalId", "active", "createdAt", "lastUpdated", "createdBy"),
        *("modifiedBy", "timestamp", "ownerId", "type", "uid", "source"),
    ]


def test_an_engagement_of_an_id_alone() -> None:
    """
    Every key but the id may be missing.
    """
    record, mismatches = to_record({"engagement": {"id": 7}})
    assert record == {**dict.fromkeys(PROPERTIES), "id": 7}
    assert mismatches == []
    assert is_valid(record)


def test_unknown_keys_are_kept() -> None:
    """
    A key that has no column is in `extra`, from inside and from outside, null included.
    """
    record, mismatches = to_record(
        {
            "engagement": {"id": 7, "conversionIdentifier": {"score": 1}, "new": None, "both": 1},
            "permissions": ["x"],
            "both": 2,
        }
    )
    assert record["extra"] == {
        "both": 1,
        "conversionIdentifier": {"score": 1},
        "new": None,
        "permissions": ["x"],
        "record.both": 2,
    }
    assert mismatches == []
    assert is_valid(record)


def test_names_that_collide() -> None:
    """
    A key that bears the name of the other part's property does not replace that property.
    """
    record, mismatches = to_record(
        {
            "engagement": {"id": 7, "metadata": "inner", "extra": 1, "ownerId": "text"},
            "metadata": ["outer"],
            "ownerId": 5,
            "record.ownerId": 6,
        }
    )
    assert record["extra"] == {
        "ownerId": "text",
        "metadata": '["outer"]',
        "engagement.extra": 1,
        "engagement.metadata": "inner",
        "record.ownerId": 5,
        "record.record.ownerId": 6,
    }
    assert mismatches == ["ownerId", "metadata"]


@pytest.mark.parametrize(
    ("names", "value", "text"),
    [
        (INTEGERS[1:], "1700000000123", "1700000000123"),
        (INTEGERS[1:], "", ""),
        (INTEGERS[1:], True, "true"),
        (INTEGERS[1:], 2**63, "9223372036854775808"),
        (INTEGERS[1:], -(2**63) - 1, "-9223372036854775809"),
        (INTEGERS[1:], 10**30, str(10**30)),
        (INTEGERS[1:], 1.5, "1.5"),
        (INTEGERS[1:], 5.0, "5.0"),
        (INTEGERS[1:], [], "[]"),
        (INTEGERS[1:], {"a": "é"}, '{"a":"é"}'),
        (BOOLEANS, 1, "1"),
        (BOOLEANS, "true", "true"),
        (BOOLEANS, [True], "[true]"),
        (STRINGS, 17, "17"),
        (STRINGS, False, "false"),
        (STRINGS, ["a"], '["a"]'),
        (STRINGS, {}, "{}"),
        (LISTS, {"id": 1}, '{"id":1}'),
        (LISTS, "1;2", "1;2"),
        (LISTS, 0, "0"),
        (OBJECTS, [], "[]"),
        (OBJECTS, "x", "x"),
        (OBJECTS, False, "false"),
    ],
)
def test_a_value_that_does_not_fit(names: list[str], value: object, text: str) -> None:
    """
    The column is null, `extra` has the value as text under the column's name, and the run counts.
    """
    for name in names:
        engagement: dict[str, Any] = {"engagement": {"id": 7}}
        (engagement["engagement"] if name in INNER else engagement)[name] = value
        record, mismatches = to_record(engagement)
        assert record == {**dict.fromkeys(PROPERTIES), "id": 7, "extra": {name: text}}
        assert mismatches == [name]
        assert is_valid(record)


@pytest.mark.parametrize("name", INTEGERS)
def test_the_largest_integers_fit(name: str) -> None:
    """
    All of 64 bits is an integer, and no bit more.
    """
    for value in (2**63 - 1, -(2**63), 0, 636418459634654854):
        record, mismatches = to_record({"engagement": {"id": 7, name: value}})
        assert (record[name], mismatches) == (value, [])


@pytest.mark.parametrize("name", PROPERTIES[1:-1])
def test_null_is_null(name: str) -> None:
    """
    A null is no misfit.
    """
    engagement: dict[str, Any] = {"engagement": {"id": 7, name: None}, name: None}
    if name not in INNER:
        del engagement["engagement"][name]
    record, mismatches = to_record(engagement)
    assert (record[name], mismatches) == (None, [])


@pytest.mark.parametrize("value", [None, "1700000050456", 1.5, True, [], {}])
def test_last_updated_that_is_none(value: object) -> None:
    """
    Only an integer says when an engagement was updated.
    """
    odd = {"engagement": {"id": 1, "lastUpdated": value}}
    assert Engagement.from_mapping(odd).last_updated_ms is None
    assert Engagement.from_mapping({"engagement": {"id": 1}}).last_updated_ms is None
    assert Engagement.from_mapping(WHOLE).last_updated_ms == 1700000050456


Texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=6)
Names = st.one_of(
    st.sampled_from([*PROPERTIES, "engagement", "record", "record.ownerId", "engagement.metadata"]),
    Texts,
)
Values = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        Texts,
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(Texts, inner, max_size=3),
    max_leaves=6,
)
Engagements = st.builds(
    lambda record_id, inner, outer: {**outer, "engagement": {**inner, "id": record_id}},
    st.integers(0, 2**63 - 1),
    st.dictionaries(Names, Values, max_size=8),
    st.dictionaries(Names, Values, max_size=8),
)


@given(original=Engagements)
def test_nothing_is_dropped(original: dict[str, Any]) -> None:
    """
    The record shows the whole engagement: each value has exactly a single place.
    """
    before = json.dumps(original)
    record, mismatches = to_record(parse_json(to_json(original)))
    assert json.dumps(original) == before
    assert is_valid(record)
    assert record["id"] == original["engagement"]["id"]
    rest = dict(record["extra"] or {})
    for part, prefix, names in (
        (original["engagement"], "engagement", INNER),
        (original, "record", OUTER),
    ):
        for name in sorted(part.keys() - ({"engagement"} if part is original else set())):
            if name in names:
                value = record[name]
                if value is None:
                    assert name in mismatches
                    value = as_sent(rest.pop(name), part[name])
            else:
                value = rest.pop(free_name(name, prefix, rest, record))
            assert value == part[name]
            assert value.__class__ is part[name].__class__
    assert not rest


def as_sent(text: str, original: object) -> Any:
    """Return the value of a text in `extra`; text alone does not tell "1" from 1."""
    return text if isinstance(original, str) else json.loads(text)


def free_name(name: str, prefix: str, rest: dict[str, Any], record: dict[str, Any]) -> str:
    """Return the first name, with ever more of `prefix`, that is left."""
    while name in PROPERTIES or name not in rest:
        name = f"{prefix}.{name}"
        assert len(name) < 100, record
    return name


@needs_recordings
def test_recorded_answers() -> None:
    """
    Each recorded engagement arrives field by field, a timestamp in ticks included.
    """
    portal = Portal.from_recording(RECORDINGS)
    engagements = portal.records()
    one = json.loads((RECORDINGS / "2017-09-25_engagement_4318933.json").read_text())
    for engagement in [*engagements, one]:
        record, mismatches = to_record(engagement)
        assert record == expected_record(engagement)
        assert mismatches == []
        assert is_valid(record)
    assert 636418459634654854 in {to_record(each).record["timestamp"] for each in engagements}


def test_generated_engagements() -> None:
    """
    Thousands of engagements of every type and oddity arrive field by field and fit the schema.
    """
    validator = jsonschema.Draft4Validator(ENGAGEMENTS.schema)
    for engagement in Portal.generate(3000).records():
        record, mismatches = to_record(engagement)
        assert json.loads(json.dumps(record).replace("\\u0000", "")) == expected_record(engagement)
        assert mismatches == []
        validator.validate(record)


def test_select() -> None:
    """
    A selection keeps properties in the given order.
    """
    record = to_record(WHOLE).record
    assert list(records.keep_properties(record, ("id", "type", "metadata"))) == [
        "id",
        "type",
        "metadata",
    ]
