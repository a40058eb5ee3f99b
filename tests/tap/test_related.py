"""Object streams, fetch_associations, object_properties: records, requests, faults, resumption."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hubspot_api.exceptions import BadRequestError, DailyLimitError, ScopeError
from hubspot_simulator.faults import BAD_PARAMETER, DAILY_LIMIT_REACHED
from hubspot_simulator.objects.behaviour import ObjectsBehaviour
from hubspot_simulator.objects.object_types import COMPANIES, CONTACTS, CUSTOM, DEALS, ObjectType
from hubspot_simulator.objects.store import custom_property
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import API_VERSIONS, OBJECT_TYPES
from tap_hubspot_engagements.discover import build_catalog
from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.fetch_associations import read_plan
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.replication import PassOptions
from tap_hubspot_engagements.run import Run
from tap_hubspot_engagements.selection import read_selection
from tap_hubspot_engagements.streams import streams_of
from tap_hubspot_engagements.sync import sync
from tests.tap.conftest import (
    HOUR_MS,
    Clock,
    Killed,
    Pipe,
    Serve,
    Tap,
    of_type,
    records,
    to_messages,
)
from tests.tap.model import ModelTarget
from tests.tap.objects import build_client

MACHINES = "p62515_machines"
every_api = pytest.mark.parametrize("api_version", API_VERSIONS)


def catalog(*names: str, **columns: Sequence[str]) -> dict[str, Any]:
    """Return the catalog with these streams, and `columns` by stream, selected."""
    result: dict[str, Any] = build_catalog().to_dict()
    for entry in result["streams"]:
        for name in columns.get(entry["stream"], ()):
            entry["schema"]["properties"][name] = {"type": ["null", "string"]}
            field = {"breadcrumb": ["properties", name], "metadata": {"selected": True}}
            entry["metadata"].append(field)
        for field in entry["metadata"]:
            if not field["breadcrumb"]:
                field["metadata"]["selected"] = entry["stream"] in names
    return result


def run_tap(
    simulator: Simulator,
    target: ModelTarget,
    chosen: Mapping[str, Any],
    *,
    lives: int | None = None,
    full_refresh: bool = False,
    **settings: object,
) -> list[dict[str, Any]]:
    """Run the tap from the target's state, load its messages, and return them."""
    config, client = build_client(simulator, **settings)
    selections = read_selection(chosen, streams_of(config))
    plan = read_plan(config, selections, chosen)
    pipe = Pipe(lives)
    options = PassOptions(full_refresh=full_refresh)
    messages = Messages(pipe)
    try:
        state = target.state or {}
        sync(Run(client, config, messages, Progress(client), state, selections, options, plan))
    finally:
        target.load(pipe.getvalue().splitlines(keepends=True))
    return to_messages(pipe.getvalue())


def live(portal: Portal, object_type: ObjectType) -> set[int]:
    with portal.objects.lock:
        return set(portal.objects.index(object_type).entries)


def associated(portal: Portal, key: str, *types: str) -> set[tuple[int, int]]:
    """Return the pairs of engagements and ids under `key`, made without any code of the tap."""
    return {
        (one["engagement"]["id"], to_id)
        for one in portal.records()
        if not types or one["engagement"]["type"] in types
        for to_id in one.get("associations", {}).get(key) or ()
    }


def ids(target: ModelTarget, stream: str) -> set[int]:
    return {key for (key,) in target.tables[stream]}


def pairs(target: ModelTarget, stream: str) -> set[tuple[Any, ...]]:
    return set(target.tables[stream])


@pytest.mark.parametrize("stream", ["contacts", "deals"])
def test_an_object_stream(serve: Serve, clock: Clock, stream: str) -> None:
    """
    The first load has every live record with typed columns; then changes alone come, and deletions.
    """
    object_type = {"contacts": CONTACTS, "deals": DEALS}[stream]
    portal = Portal.generate(300, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    chosen = catalog("engagements", stream, contacts=["favourite_tier"])
    run_tap(simulator, target, chosen)
    expected = live(portal, object_type)
    assert ids(target, stream) == expected
    row = target.tables[stream][min(expected),]
    assert row["isAssociated"] is False
    assert row["archived"] is False
    assert row["createdAt"].endswith("Z")
    if stream == "contacts":
        assert row["favourite_tier"] in ("gold", "silver", "bronze")
    else:
        assert isinstance(row["amount"], (int, float))

    changed, deleted = sorted(expected)[:2]
    clock.now_ms += 5 * HOUR_MS
    portal.objects.put_related(object_type, changed, {"firstname": "Neu", "dealname": "Neu"})
    portal.objects.archive_related(object_type, deleted)
    clock.now_ms += 25 * HOUR_MS
    messages = run_tap(simulator, target, chosen)
    sent = [one["record"] for one in messages if one.get("stream") == stream and "record" in one]
    assert {changed, deleted} <= {record["id"] for record in sent}
    assert len(sent) < len(expected) / 10  # the lookback reads the newest ones again
    assert "Neu" in target.tables[stream][changed,].values()
    assert [record["id"] for record in sent if "_sdc_deleted_at" in record] == [deleted]
    assert ids(target, stream) == expected - {deleted}


def test_a_full_pass_of_objects_finds_a_purged_record(serve: Serve, clock: Clock) -> None:
    """
    A record that HubSpot lists nowhere any more is gone from the table after a full pass.
    """
    portal = Portal.generate(200, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    run_tap(simulator, target, catalog("companies"), deletion_sweep_hours=None)
    gone = min(ids(target, "companies"))
    portal.objects.archive_related(COMPANIES, gone)
    clock.now_ms += 8 * 24 * HOUR_MS
    run_tap(simulator, target, catalog("companies"), full_refresh=True, deletion_sweep_hours=None)
    assert ids(target, "companies") == live(portal, COMPANIES)
    assert gone not in ids(target, "companies")


@pytest.mark.parametrize("count", [2, 400])
def test_many_properties_are_read_by_batches(serve: Serve, clock: Clock, count: int) -> None:
    """
    However many properties are selected, all arrive, and no URL and no search is long.
    """
    portal = Portal.generate(150, clock=clock)
    names = [f"custom_property_{number}" for number in range(count)]
    for name in names:
        portal.objects.define_property(CONTACTS, custom_property(name, is_activity=False))
    simulator = serve(portal, objects=ObjectsBehaviour(url_max=3_000, search_body_max=3_000))
    first = min(live(portal, CONTACTS))
    portal.objects.put_related(CONTACTS, first, {names[-1]: "here"})
    target = ModelTarget()
    run_tap(simulator, target, catalog("contacts", contacts=names))
    assert target.tables["contacts"][first,][names[-1]] == "here"
    assert ids(target, "contacts") == live(portal, CONTACTS)


def test_a_value_of_another_type_stays_as_text(serve: Serve, clock: Clock) -> None:
    """
    A text that is no number is in extra; the column is null.
    """
    portal = Portal.generate(150, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    first, second, *_ = sorted(live(portal, DEALS))
    portal.objects.put_related(DEALS, first, {"amount": "about 5"})
    portal.objects.put_related(DEALS, second, {"amount": "12345678901234567890.123"})
    messages = run_tap(simulator, target, catalog("deals"))
    row = target.tables["deals"][first,]
    assert (row["amount"], row["extra"]["amount"]) == (None, "about 5")
    assert records(messages)
    assert target.tables["deals"][second,]["amount"] == pytest.approx(12345678901234567890.123)


@every_api
def test_fetch_associations(serve: Serve, clock: Clock, api_version: str) -> None:
    """
    All pairs of the roots and all their related records arrive; each id is requested once.
    """
    portal = Portal.generate(300, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    fetched = {"engagements": ["contacts", "deals"], "calls": ["companies", MACHINES]}
    settings = {"api_version": api_version, "custom_objects": [MACHINES]}
    chosen = catalog("engagements")
    messages = run_tap(simulator, target, chosen, fetch_associations=fetched, **settings)
    visible = ids(target, "engagements")
    contacts = {one for one in associated(portal, "contactIds") if one[0] in visible}
    assert pairs(target, "associations_engagements_contacts") == contacts
    assert ids(target, "contacts") == {to_id for _, to_id in contacts}
    calls = associated(portal, "companyIds", "CALL")
    assert pairs(target, "associations_calls_companies") == calls
    assert ids(target, "companies") == {to_id for _, to_id in calls}
    machines = target.tables[f"associations_calls_{MACHINES}"].values()
    assert {row["to_id"] for row in machines} == ids(target, MACHINES) != set()
    assert all(row["associationTypes"][0]["typeId"] for row in machines)
    assert {row["isAssociated"] for row in target.tables["contacts"].values()} == {True}
    sent = [
        one["record"]["id"]
        for one in messages
        if one.get("stream") == "contacts" and "record" in one
    ]
    assert len(sent) == len(set(sent))


def test_requests_for_related_records(serve: Serve, clock: Clock) -> None:
    """
    Related records take a hundredth of a request each, and pairs none.

    So 30,000 contacts, 8,000 companies, 10,000 deals and 5,000 tickets take 530 requests.
    """
    portal = Portal.generate(1_500, clock=clock)
    simulator = serve(portal)
    target, names = ModelTarget(), ["contacts", "companies", "deals", "tickets"]
    fetched = {"engagements": names}
    run_tap(simulator, ModelTarget(), catalog("engagements"), backfill_workers=1)
    without = len(simulator.requests)
    run_tap(
        simulator, target, catalog("engagements"), fetch_associations=fetched, backfill_workers=1
    )
    more = len(simulator.requests) - 2 * without
    assert sum(len(target.tables[name]) for name in names) > 1_000
    assert more == sum(-(-len(target.tables[name]) // 100) for name in names)


@every_api
def test_250_partners(serve: Serve, clock: Clock, api_version: str) -> None:
    """
    A record with 250 partners of a type has all of them, and is in a table with each.
    """
    portal = Portal.generate(20, clock=clock)
    partners = list(range(5_000, 5_250))
    note = portal.create({"engagement": {"type": "NOTE"}, "associations": {"contactIds": partners}})
    simulator, target = serve(portal), ModelTarget()
    clock.now_ms += HOUR_MS
    fetched = {"notes": ["contacts"]}
    run_tap(
        simulator,
        target,
        catalog("engagements"),
        fetch_associations=fetched,
        api_version=api_version,
    )
    note_id = note if isinstance(note, int) else note["engagement"]["id"]
    assert {to for at, to in pairs(target, "associations_notes_contacts") if at == note_id} == {
        *partners
    }
    assert ids(target, "contacts") >= {*partners}


def test_archived_merged_and_missing_records(serve: Serve, clock: Clock) -> None:
    """
    An archived record comes as it was, a merged one as its survivor, which names the requested id;
    of a record that is nowhere only the pair is left.
    """
    portal = Portal.generate(10, clock=clock)
    portal.create(
        {
            "engagement": {"type": "NOTE"},
            "associations": {"contactIds": [71, 72, 73, 74, 75]},
        }
    )
    simulator, target = serve(portal), ModelTarget()
    live(portal, CONTACTS)
    portal.objects.archive_related(CONTACTS, 71)
    portal.objects.merge_related(CONTACTS, 72, 73)
    with portal.objects.lock:
        portal.objects.index(CONTACTS).remove(74)
    fetched = {"engagements": ["contacts"]}
    run_tap(simulator, target, catalog("engagements"), fetch_associations=fetched)
    table = target.tables["contacts"]
    assert {71, 73, 75} <= ids(target, "contacts")
    assert not {72, 74} & ids(target, "contacts")
    assert table[71,]["archived"] is True
    assert table[73,]["extra"]["requestedIds"] == [72]
    assert {to for _, to in pairs(target, "associations_engagements_contacts")} >= {72, 74}


def test_a_selected_related_stream(serve: Serve, clock: Clock) -> None:
    """
    Records that come by their own stream, too, are not isAssociated, whichever run reads them.
    """
    portal = Portal.generate(150, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    fetched = {"engagements": ["deals"]}
    for _ in range(2):
        run_tap(simulator, target, catalog("engagements", "deals"), fetch_associations=fetched)
        assert ids(target, "deals") == live(portal, DEALS)
        assert {row["isAssociated"] for row in target.tables["deals"].values()} == {False}


@every_api
def test_a_related_record_that_is_a_root_keeps_its_associations(
    serve: Serve, clock: Clock, api_version: str
) -> None:
    """
    A related record replaces its child rows: one whose type is a root brings them along, however
    early in the run a batch is full.
    """
    portal = Portal.lifelike(1_500, 5)
    simulator, target = serve(portal), ModelTarget()
    chosen = catalog("engagements", "contacts", "deals")
    fetched = {"engagements": ["contacts"], "deals": ["contacts"], "contacts": ["companies"]}
    settings = {"fetch_associations": fetched, "api_version": api_version}
    with portal.objects.lock:
        entries = dict(portal.objects.index(CONTACTS).entries)
        expected = {
            (key, to_id)
            for key, entry in entries.items()
            for to_id in portal.objects.partners(CONTACTS, key, entry, COMPANIES)
        }
    assert len(entries) > 100, "a batch is full before the end of the run"
    for full_refresh in (False, True):
        run_tap(simulator, target, chosen, full_refresh=full_refresh, **settings)
        assert pairs(target, "associations_contacts_companies") == expected


@every_api
def test_the_five_tables_of_the_example(serve: Serve, clock: Clock, api_version: str) -> None:
    """
    The example {"deals": ["contacts", "tasks"]} gives two tables of pairs and three of records.
    """
    portal = Portal.generate(300, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    fetched = {"deals": ["contacts", "tasks"]}
    run_tap(
        simulator, target, catalog("deals"), fetch_associations=fetched, api_version=api_version
    )
    names = "deals contacts tasks associations_deals_contacts associations_deals_tasks"
    assert set(target.tables) == set(names.split())
    assert all(target.tables.values())
    for name in ("contacts", "tasks"):
        related = {to_id for _, to_id in pairs(target, f"associations_deals_{name}")}
        assert related == ids(target, name)


@every_api
@pytest.mark.parametrize("lives", range(3, 24, 4))
def test_a_killed_run_loses_no_related_record(
    serve: Serve, clock: Clock, lives: int, api_version: str
) -> None:
    """
    Wherever a run is killed, the next one reads the related records of what was written.
    """
    portal = Portal.generate(120, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    fetched = {"engagements": ["contacts"]}
    settings: dict[str, Any] = {"fetch_associations": fetched, "page_size": 20}
    settings["api_version"] = api_version
    with pytest.raises(Killed):
        run_tap(simulator, target, catalog("engagements"), lives=lives, **settings)
    run_tap(simulator, target, catalog("engagements"), **settings)
    visible = ids(target, "engagements")
    expected = {one for one in associated(portal, "contactIds") if one[0] in visible}
    assert pairs(target, "associations_engagements_contacts") == expected
    assert ids(target, "contacts") == {to_id for _, to_id in expected}


@pytest.mark.parametrize("refused", ["stream", "related"])
def test_a_refused_type_is_an_error_after_engagements(
    serve: Serve, clock: Clock, tmp_path: Path, refused: str
) -> None:
    """
    A 403 ends the run with 1, with engagements read and their state written. Once the token has the
    scope, the next run reads what was refused.
    """
    portal = Portal.generate(60, clock=clock)
    names = ["engagements", "contacts"] if refused == "stream" else ["engagements"]
    fetched = {} if refused == "stream" else {"engagements": ["contacts"]}
    simulator = serve(portal, objects=ObjectsBehaviour(forbidden_types=("contacts",)))
    run = Tap(tmp_path, simulator)(catalog=catalog(*names), fetch_associations=fetched)
    assert run.code == 1
    assert "crm.objects.contacts.read" in run.err
    target = ModelTarget()
    target.load(run.out.encode().splitlines(keepends=True))
    assert len(target.tables["engagements"]) == 60
    assert target.state and target.state["bookmarks"]["engagements"]["lastUpdated"]
    run_tap(serve(portal), target, catalog(*names), fetch_associations=fetched)
    related = {to_id for _, to_id in associated(portal, "contactIds")}
    assert ids(target, "contacts") >= related


@pytest.mark.parametrize(
    ("root", "partner", "partner_type"),
    [("deals", "contacts", CONTACTS), ("calls", MACHINES, CUSTOM)],
)
def test_refused_associations_stay(
    serve: Serve, clock: Clock, root: str, partner: str, partner_type: ObjectType
) -> None:
    """
    Rows of associations that HubSpot refuses to list stay as they are, even in a full pass. The run
    fails, and the next one that can read them reads everything.
    """
    portal = Portal.generate(200, clock=clock)
    settings = {"fetch_associations": {root: [partner]}, "custom_objects": [MACHINES]}
    target, chosen = ModelTarget(), catalog("engagements", root)
    run_tap(serve(portal), target, chosen, **settings)
    stream = f"associations_{root}_{partner}"
    before = pairs(target, stream)
    clock.now_ms += HOUR_MS
    behaviour = ObjectsBehaviour(forbidden_types=(partner_type.name,))
    with pytest.raises(Exception, match="scope"):
        run_tap(serve(portal, objects=behaviour), target, chosen, full_refresh=True, **settings)
    assert before and pairs(target, stream) == before
    messages = run_tap(serve(portal), target, chosen, **settings)
    assert stream in {one["stream"] for one in of_type(messages, "ACTIVATE_VERSION")}
    assert pairs(target, stream) == before


def test_refused_associations_of_one_record(serve: Serve, clock: Clock) -> None:
    """
    HubSpot refuses the associations of one deal, run after run: each fails, and reads all deals
    again, but not all engagements. Once HubSpot does not, nothing is missing.
    """
    portal = Portal.generate(60, clock=clock)
    simulator, target, chosen = serve(portal), ModelTarget(), catalog("engagements", "deals")
    fetched = {"deals": ["contacts"]}
    run_tap(simulator, target, chosen, fetch_associations=fetched)
    stream = "associations_deals_contacts"
    before = pairs(target, stream)
    simulator.requests.clear()
    simulator.faults.add(BAD_PARAMETER.at(path="deals/contacts/batch/read", times=None))
    for _ in range(3):
        clock.now_ms += HOUR_MS
        with pytest.raises(BadRequestError, match="not all contacts of deals .* can be read"):
            run_tap(simulator, target, chosen, fetch_associations=fetched)
    assert not [one for one in simulator.requests if one.path.endswith("/paged")]
    simulator.faults.clear()
    target.tables[stream].clear()
    run_tap(simulator, target, chosen, fetch_associations=fetched)
    assert before and pairs(target, stream) == before
    simulator.requests.clear()
    run_tap(simulator, target, chosen, fetch_associations=fetched)
    assert not [one for one in simulator.requests if one.path.endswith("/deals")]


def test_a_type_refused_for_long_is_read_by_a_full_pass(
    serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Ids beyond what the state keeps are collected again once the type can be read.
    """
    monkeypatch.setattr("tap_hubspot_engagements.related.MAX_WAITING", 5)
    portal = Portal.generate(60, clock=clock)
    target, fetched = ModelTarget(), {"engagements": ["contacts"]}
    simulator = serve(portal, objects=ObjectsBehaviour(forbidden_types=("contacts",)))
    with pytest.raises(Exception, match="contacts"):
        run_tap(simulator, target, catalog("engagements"), fetch_associations=fetched)
    assert target.state and target.state["bookmarks"]["associations"]["incomplete"]
    run_tap(serve(portal), target, catalog("engagements"), fetch_associations=fetched)
    related = {to_id for _, to_id in associated(portal, "contactIds")}
    assert ids(target, "contacts") == related


def test_an_earlier_start_date(serve: Serve, clock: Clock) -> None:
    """
    Records that an earlier run left out by its start_date arrive once it is earlier, or not set.
    """
    portal = Portal.generate(300, clock=clock)
    simulator, chosen = serve(portal), catalog("engagements", "deals")
    whole, target = ModelTarget(), ModelTarget()
    run_tap(simulator, whole, chosen)
    left_out = {}
    for start_date in ("2026-11-01", "2026-11-05", "2026-06-01", None):
        run_tap(simulator, target, chosen, start_date=start_date)
        left_out[start_date] = [
            len(whole.tables[stream]) - len(target.tables[stream])
            for stream in ("engagements", "deals")
        ]
    counts = [left_out[one] for one in ("2026-11-05", "2026-06-01", None)]
    for late, early, none in zip(*counts, strict=True):
        assert late > early > none == 0
    simulator.requests.clear()
    run_tap(simulator, target, chosen, start_date=None)
    assert not [one for one in simulator.requests if one.path.endswith("/paged")]


@pytest.mark.parametrize("root", ["engagements", "deals"])
def test_a_full_pass_for_lost_ids_that_fails(serve: Serve, clock: Clock, root: str) -> None:
    """
    A full pass that is due for lost ids stays due in the state until it has begun: for each root.
    """
    portal = Portal.generate(60, clock=clock)
    simulator, target, chosen = serve(portal), ModelTarget(), catalog("engagements", "deals")
    fetched = {root: ["contacts"]}
    run_tap(simulator, target, chosen, fetch_associations=fetched)
    assert target.state is not None
    expected = ids(target, "contacts")
    assert expected
    target.tables["contacts"].clear()
    target.state["bookmarks"]["associations"]["incomplete"] = ["contacts"]
    failing = {"engagements": "engagements/paged", "deals": "/deals"}[root]
    simulator.faults.add(DAILY_LIMIT_REACHED.at(path=failing))
    with pytest.raises(DailyLimitError):
        run_tap(simulator, target, chosen, fetch_associations=fetched)
    assert ids(target, "contacts") != expected
    run_tap(simulator, target, chosen, fetch_associations=fetched)
    assert ids(target, "contacts") == expected
    simulator.requests.clear()
    run_tap(simulator, target, chosen, fetch_associations=fetched)
    assert not [one for one in simulator.requests if one.path.endswith(failing)]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"fetch_associations": {"engagment": ["contacts"]}}, "did you mean engagements"),
        ({"fetch_associations": {"calls": ["contact"]}}, "did you mean contacts"),
        ({"fetch_associations": {"calls": [MACHINES]}}, "has to be in custom_objects"),
        ({"fetch_associations": {"calls": "contacts"}}, "must be an object with lists"),
        ({"fetch_associations": ["contacts"]}, "must be an object with lists"),
        ({"custom_objects": ["machines"]}, "fully qualified names"),
        ({"fetch_associations": {"deals": ["contacts"]}}, "deals needs the stream deals"),
    ],
)
def test_faults_of_the_settings(hubspot: Simulator, settings: dict[str, Any], fault: str) -> None:
    """
    An unknown name is an error with the nearest one, and so is a root that is not selected.
    """
    with pytest.raises(ConfigError, match=fault):
        run_tap(hubspot, ModelTarget(), catalog("engagements"), **settings)


def test_object_properties(serve: Serve, clock: Clock) -> None:
    """
    The definitions of all types in use arrive, by type and name.
    """
    portal = Portal.generate(20, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    run_tap(simulator, target, catalog("contacts", "object_properties"))
    table = target.tables["object_properties"]
    assert table["contacts", "favourite_tier"]["options"][0]["value"] == "gold"
    assert table["calls", "hs_call_title"]["type"] == "string"
    assert not [key for key in table if key[0] == "companies"]


@every_api
def test_refused_definitions_hold_up_no_others(
    serve: Serve, clock: Clock, api_version: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A type whose definitions the token cannot read is an error that names scope and setting, after
    all other types; rows that are there stay. With skip_types the type is left out.
    """
    portal = Portal.generate(20, clock=clock)
    target, chosen = ModelTarget(), catalog("call_dispositions", "object_properties")
    settings = {"api_version": api_version}
    run_tap(serve(portal), target, chosen, **settings)
    before = set(target.tables["object_properties"])
    refusing = serve(portal, objects=ObjectsBehaviour(forbidden_types=("emails", "tasks")))
    with pytest.raises(ScopeError, match=r"emails.* or leave emails out by skip_types"):
        run_tap(refusing, target, chosen, **settings)
    assert "leave tasks out by skip_types" in caplog.text
    assert set(target.tables["object_properties"]) == before
    skipping = {**settings, "skip_types": ["emails", "tasks"]}
    run_tap(refusing, target, chosen, **skipping)
    kinds = {kind for kind, _ in target.tables["object_properties"]}
    assert kinds == {*OBJECT_TYPES} - {"emails", "tasks"}


def test_a_type_that_is_used_no_more_is_no_doubt(serve: Serve, clock: Clock) -> None:
    """
    Deselecting a stream with many properties takes their definitions along, without an error.
    """
    portal = Portal.generate(20, clock=clock)
    for number in range(400):
        name = f"custom_property_{number}"
        portal.objects.define_property(CONTACTS, custom_property(name, is_activity=False))
    simulator, target = serve(portal), ModelTarget()
    run_tap(simulator, target, catalog("contacts", "object_properties"))
    assert ("contacts", "custom_property_7") in target.tables["object_properties"]
    run_tap(simulator, target, catalog("object_properties"))
    assert {kind for kind, _ in target.tables["object_properties"]} == {*OBJECT_TYPES}


def test_discovery_with_a_token(run_tap: Tap, hubspot: Simulator) -> None:
    """
    With credentials the catalog lists the portal's properties, of custom objects, too; only the
    defaults are selected.
    """
    arguments = run_tap.arguments(custom_objects=[MACHINES])
    run = run_tap.bare("--discover", *arguments[:2])
    assert run.code == 0, run.err
    entries = {one["stream"]: one for one in json.loads(run.out)["streams"]}
    fields = {tuple(one["breadcrumb"]): one["metadata"] for one in entries["contacts"]["metadata"]}
    assert fields["properties", "favourite_tier"]["selected-by-default"] is False
    assert fields["properties", "email"]["selected-by-default"] is True
    assert fields[()]["selected"] is False
    properties = entries[MACHINES]["schema"]["properties"]
    assert properties["horse_power"] == {"type": ["null", "number"]}


def test_nothing_changes_without_a_selection(serve: Serve, clock: Clock) -> None:
    """
    An hourly run of a user who selects no objects is one request, and its state names none.
    """
    portal = Portal.generate(60, clock=clock)
    simulator, target = serve(portal), ModelTarget()
    run_tap(simulator, target, catalog("engagements"))
    before = len(simulator.requests)
    run_tap(simulator, target, catalog("engagements"))
    assert len(simulator.requests) == before + 1
    assert target.state and set(target.state["bookmarks"]) == {"engagements"}
