"""A portal's data, without HTTP."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from hubspot_simulator.portal import Portal
from tests.simulator.conftest import NOW_MS, RECORDINGS, Clock, needs_recordings, note

JUNE_DAYS = """
CALL 2018-07-10 1
EMAIL 2018-06-28 1
EMAIL 2018-06-30 1
INCOMING_EMAIL 2018-06-28 1
INCOMING_EMAIL 2018-07-01 1
NOTE 2018-07-02 1
NOTE 2018-07-09 2
NOTE 2018-07-10 2
NOTE 2018-07-11 8
NOTE 2018-07-12 11
PUBLISHING_TASK 2018-06-25 1
PUBLISHING_TASK 2018-06-28 2
TASK 2018-06-15 1
TASK 2018-06-17 1
TASK 2018-06-18 6
TASK 2018-06-19 1
TASK 2018-06-21 2
TASK 2018-06-25 2
TASK 2018-06-26 1
TASK 2018-06-28 1
TASK 2018-06-29 2
TASK 2018-07-01 10
TASK 2018-07-10 1
TASK 2018-07-13 4
"""


def test_create_fills_in_missing_fields_only(portal: Portal) -> None:
    """
    The portal fills in id, portal, active and the three times, and keeps existing values.
    """
    filled = portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})["engagement"]
    odd = {"id": 2**40, "lastUpdated": 5, "timestamp": 636418459634654854, "active": False}
    kept = portal.create({"engagement": odd})["engagement"]

    assert {key: value for key, value in filled.items() if key != "id"} == {
        "portalId": 62515,
        "active": True,
        "createdAt": NOW_MS,
        "lastUpdated": NOW_MS,
        "timestamp": NOW_MS,
        "type": "NOTE",
    }
    assert odd == {key: kept[key] for key in odd}
    assert [filled["id"], 2**40] == [r["engagement"]["id"] for r in portal.records()]
    assert kept == portal.record(2**40)["engagement"]


def test_an_id_is_used_once(portal: Portal) -> None:
    """An existing id is an error, and a new record never gets a deleted record's id."""
    portal.create(note(50_000_000))
    with pytest.raises(ValueError, match="taken"):
        portal.create(note(50_000_000))
    portal.delete(50_000_000)

    assert portal.create({"engagement": {}})["engagement"]["id"] == 50_000_001


def test_update_merges_and_moves_last_updated(portal: Portal, clock: Clock) -> None:
    """An edit keeps all other fields; `lastUpdated` is now, or the edit's own value."""
    portal.create(note(7, ownerId=70))
    clock.now_ms += 1_000

    portal.update(7, engagement={"ownerId": 71}, metadata={"extra": 1})
    assert portal.record(7)["metadata"] == {"body": "note 7", "extra": 1}
    assert (
        portal.record(7)["engagement"]["ownerId"],
        portal.record(7)["engagement"]["lastUpdated"],
    ) == (71, NOW_MS + 1_000)
    portal.update(7, last_updated_ms=3)
    assert portal.record(7)["engagement"]["lastUpdated"] == 3


def test_associations_leave_last_updated_alone(portal: Portal, clock: Clock) -> None:
    """An association edit does not change lastUpdated, so change lists miss the edit."""
    portal.create(note(7))
    clock.now_ms += 1_000

    portal.associate(7, "contactIds", [1, 2])

    assert portal.record(7)["associations"]["contactIds"] == [1, 2]
    assert portal.record(7)["engagement"]["lastUpdated"] == NOW_MS


def test_unknown_ids_are_key_errors(portal: Portal) -> None:
    """Every operation on an unknown id raises KeyError."""
    for operation in (portal.record, portal.update, portal.delete, portal.hide):
        with pytest.raises(KeyError):
            operation(404)
    with pytest.raises(KeyError):
        portal.associate(404, "contactIds", [])


@pytest.mark.parametrize("hours", [-9, 0, 8])
def test_june_2018_has_its_daily_counts(hours: int) -> None:
    """The built-in portal has the expected counts a day and type, from UTC-9 to UTC+8."""
    zone = timezone(timedelta(hours=hours))
    portal = Portal.june_2018()
    counts: Counter[tuple[str, str]] = Counter()
    for record in portal.records():
        inner = record["engagement"]
        day = datetime.fromtimestamp(inner["createdAt"] / 1000, zone).date()
        counts[inner["type"], day.isoformat()] += 1

    assert JUNE_DAYS.split() == [
        word for (kind, day), count in sorted(counts.items()) for word in (kind, day, str(count))
    ]
    assert (len(portal), sum(r["engagement"]["id"] > 2**31 for r in portal.records())) == (64, 32)
    assert {62515} == {record["engagement"]["portalId"] for record in portal.records()}
    assert Portal.june_2018().records() == portal.records()


@needs_recordings
def test_a_recording_is_served_unchanged() -> None:
    """The portal has the union of the recorded lists, with the newest version of each record."""
    newest = {}
    for path in RECORDINGS.glob("*.json"):
        for record in msgspec.json.decode(path.read_bytes()).get("results", ()):
            newest[record["engagement"]["id"]] = record

    portal = Portal.from_recording(RECORDINGS)

    assert [newest[key] for key in sorted(newest)] == portal.records()
    assert len(portal) == 120


def test_of_two_recorded_versions_the_newest_is_kept(tmp_path: Path) -> None:
    """Lists are recorded at different times; the portal has the newest version of a record."""
    for name, updated_ms in (("1_paged", 20), ("2_recent_modified", 30), ("3_paged", 10)):
        page = {"results": [note(1, lastUpdated=updated_ms)]}
        (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(page))

    assert [
        record["engagement"]["lastUpdated"] for record in Portal.from_recording(tmp_path).records()
    ] == [30]


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    """A folder without lists raises an error that names the folder."""
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        Portal.from_recording(tmp_path)
