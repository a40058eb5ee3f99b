"""
Schedules of edits, deletions, merges, faults and kills, with object streams and associations.

Expected tables are read from the portal without the tap.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubspot_simulator.faults import Fault
from hubspot_simulator.objects.object_types import (
    COMPANIES,
    CONTACTS,
    DEALS,
    TICKETS,
    ObjectType,
    type_of_engagement,
)
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.sources import SOURCES
from tests.tap.model import ModelTarget, Row
from tests.tap.test_every_source import (
    HOUR_MS,
    INDEX_DELAY_MS,
    KINDS,
    SCHEDULES,
    TOKEN,
    Attempt,
    Clock,
    Event,
    run_once,
)
from tests.tap.test_related import associated, catalog

SHARE = 20  # of the schedules of engagements, for each version of the API
TYPES = {"contacts": CONTACTS, "companies": COMPANIES, "deals": DEALS, "tickets": TICKETS}
KEYS = {
    "contacts": "contactIds",
    "companies": "companyIds",
    "deals": "dealIds",
    "tickets": "ticketIds",
}
FETCHED = {
    "engagements": ["contacts", "tickets", "deals"],
    "calls": ["companies"],
    "deals": ["contacts"],
}
# Contacts are a root and related records of others, if their stream is selected.
FETCHED_WITH_CONTACTS = {**FETCHED, "contacts": ["companies", "deals"]}


@dataclass
class RelatedEvent(Event):
    """An event that may change a related record, too."""

    def fault(self) -> Fault:
        action = ACTIONS.get(self.kind)
        if action is None:
            return super().fault()
        random_ = random.Random(self.seed)
        return Fault(on=self.on, then=lambda portal: change_related(portal, action, random_))


Action = Callable[[Portal, ObjectType, int, random.Random], None]


def change_related(portal: Portal, action: Action, random_: random.Random) -> None:
    """Apply an action to a live record of any type, if there is one."""
    object_type = TYPES[random_.choice(sorted(TYPES))]
    with portal.objects.lock:
        ids = sorted(portal.objects.index(object_type).entries)
    if ids:
        action(portal, object_type, random_.choice(ids), random_)


def edit_one(portal: Portal, object_type: ObjectType, key: int, random_: random.Random) -> None:
    portal.objects.put_related(object_type, key, {NAMES[object_type.name]: str(random_.random())})


def archive_one(portal: Portal, object_type: ObjectType, key: int, _: random.Random) -> None:
    portal.objects.archive_related(object_type, key)


def restore_one(portal: Portal, object_type: ObjectType, _: int, random_: random.Random) -> None:
    with portal.objects.lock:
        ids = sorted(portal.objects.index(object_type).archive_entries)
    if ids:
        portal.objects.restore_related(object_type, random_.choice(ids))


def merge_one(portal: Portal, object_type: ObjectType, key: int, random_: random.Random) -> None:
    with portal.objects.lock:
        others = sorted(portal.objects.index(object_type).entries.keys() - {key})
    if others:
        portal.objects.merge_related(object_type, key, random_.choice(others))


def purge_one(portal: Portal, object_type: ObjectType, key: int, _: random.Random) -> None:
    with portal.objects.lock:
        portal.objects.index(object_type).remove(key)


NAMES = {
    "contacts": "firstname",
    "companies": "name",
    "deals": "dealname",
    "tickets": "subject",
}
ACTIONS: Mapping[str, Action] = {
    one.__name__: one for one in (edit_one, archive_one, restore_one, merge_one, purge_one)
}
RELATED_KINDS = st.sampled_from(tuple(ACTIONS))
EVENTS = st.builds(
    RelatedEvent, st.integers(1, 40), KINDS | RELATED_KINDS | RELATED_KINDS, st.integers(0, 10**6)
)
ATTEMPTS = st.builds(
    Attempt,
    st.lists(EVENTS, max_size=8),
    st.one_of(st.none(), st.integers(0, 120_000)),
    st.sampled_from((False, False, True)),
)


@pytest.mark.parametrize("api_version", SOURCES)
def test_no_schedule_loses_related_records(api_version: str) -> None:
    """
    After any schedule, object streams are the live records, associations are those of now, and
    each associated record that HubSpot has is there as it is now.
    """
    options = settings(
        max_examples=max(1, SCHEDULES // SHARE),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    schedules = given(
        api_version=st.just(api_version),
        engagements=st.integers(0, 30),
        seed=st.integers(0, 1000),
        attempts=st.lists(st.tuples(ATTEMPTS, st.sampled_from((1, 26))), min_size=1, max_size=3),
        workers=st.sampled_from((1, 3)),
        streams=st.sets(st.sampled_from(("contacts", "companies", "tickets"))),
    )
    options(schedules(check_schedule))()


def check_schedule(
    api_version: str,
    engagements: int,
    seed: int,
    attempts: list[tuple[Attempt, int]],
    workers: int,
    streams: set[str],
) -> None:
    """Run a schedule whose attempts are some hours apart, and compare all tables."""
    clock, target = Clock(), ModelTarget()
    portal = Portal.generate(engagements, seed, clock=clock)
    chosen = catalog("engagements", "deals", *streams)
    fetched = FETCHED_WITH_CONTACTS if "contacts" in streams else FETCHED

    def run(attempt: Attempt) -> bool:
        return run_once(
            simulator, target, attempt, workers, api_version, chosen, fetch_associations=fetched
        )

    with Simulator(portal, token=TOKEN, index_delay_ms=INDEX_DELAY_MS) as simulator:
        for attempt, hours in attempts:
            run(attempt)
            clock.now_ms += hours * HOUR_MS
        assert run(Attempt())
        check_complete(portal, target, fetched, {"deals", *streams})
        assert run(Attempt(full_refresh=True))
    for stream in ("deals", *streams):
        check_stream(portal, stream, target.tables[stream])
    for root, names in fetched.items():
        for name in names:
            pairs = set(target.tables[f"associations_{root}_{name}"])
            assert pairs == expected_pairs(portal, root, name, api_version), (root, name)
            if name not in ("deals", *streams):
                related = {to_id for _, to_id in pairs}
                check_related(portal, name, related, target.tables[name])


def check_complete(
    portal: Portal, target: ModelTarget, fetched: Mapping[str, list[str]], streams: set[str]
) -> None:
    """
    Check that each associated record that HubSpot has is in its table, as it was at any time.

    No full pass has to find it: its id is in the state from the association's run on. The tables
    of selected `streams` are left out: deleted and restored records are those of the stream.
    """
    for root, names in fetched.items():
        for name in {*names} - streams:
            with portal.objects.lock:
                index = portal.objects.index(TYPES[name])
                known, survivors = {*index.entries, *index.archive_entries}, dict(index.survivors)
            for _, record_id in target.tables.get(f"associations_{root}_{name}", ()):
                ids = [record_id]
                while ids[-1] in survivors and survivors[ids[-1]] not in ids:
                    ids.append(survivors[ids[-1]])
                rows = target.tables[name]
                assert any((key,) in rows for key in ids) or not known & {*ids}, (name, ids)


def check_stream(portal: Portal, stream: str, table: Mapping[Any, Row]) -> None:
    """Compare the table of an object stream with the portal's live records."""
    values = live_values(portal, stream)
    assert {key: row[NAMES[stream]] for (key,), row in table.items()} == values, stream
    assert not any(row["isAssociated"] or row["archived"] for row in table.values())


def check_related(portal: Portal, name: str, ids: set[int], table: Mapping[Any, Row]) -> None:
    """Check that each related record that exists is in the table, a merged one by its survivor."""
    values = live_values(portal, name)
    with portal.objects.lock:
        index = portal.objects.index(TYPES[name])
        survivors, archived = dict(index.survivors), set(index.archive_entries)
    for record_id in ids:
        while record_id in survivors and record_id not in values:
            record_id = survivors[record_id]
        if record_id in values:
            row = table[record_id,]
            assert (row[NAMES[name]], row["archived"]) == (values[record_id], False)
            assert row["isAssociated"]
        elif record_id in archived:
            assert table[record_id,]["archived"]


def live_values(portal: Portal, name: str) -> dict[int, str | None]:
    """Return the name of each live record by its id; an empty text is null."""
    store, object_type = portal.objects, TYPES[name]
    with store.lock:
        entries = dict(store.index(object_type).entries)
        return {
            key: store.values(object_type, key, entry).get(NAMES[name]) or None
            for key, entry in entries.items()
        }


def expected_pairs(portal: Portal, root: str, name: str, api_version: str) -> set[tuple[int, int]]:
    """Return the pairs of a stream of associations."""
    if root in TYPES:
        with portal.objects.lock:
            entries = dict(portal.objects.index(TYPES[root]).entries)
            return {
                (key, to_id)
                for key, entry in entries.items()
                for to_id in portal.objects.partners(TYPES[root], key, entry, TYPES[name])
            }
    pairs = associated(portal, KEYS[name], *(("CALL",) if root == "calls" else ()))
    if api_version == "v1":
        return pairs
    types = {one["engagement"]["id"]: one["engagement"]["type"] for one in portal.records()}
    return {pair for pair in pairs if type_of_engagement(types[pair[0]])}
