"""
The contract of every source: the schedules, and each promise of the Protocol by itself.

A new source joins by one line in sources.SOURCES; expected tables are computed without the tap.
"""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubspot_api.client import HubspotClient
from hubspot_api.rate_limit import RateLimiter
from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import API_VERSIONS, Config
from tap_hubspot_engagements.exceptions import ERRORS
from tap_hubspot_engagements.fetch_associations import read_plan
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.replication import PassOptions
from tap_hubspot_engagements.run import Run
from tap_hubspot_engagements.selection import read_selection
from tap_hubspot_engagements.source import Page, Source
from tap_hubspot_engagements.sources import SOURCES, build_source
from tap_hubspot_engagements.streams import streams_of
from tap_hubspot_engagements.sync import sync, to_lines
from tap_hubspot_engagements.times import ms_to_utc
from tests.expected import expected_tables
from tests.tap.differences import MISSING_TYPES, as_objects_show, comparable
from tests.tap.model import ModelTarget
from tests.tap.objects import everything

TOKEN = "pat-test"
START_MS = 1_795_161_600_000
HOUR_MS = 3_600_000
INDEX_DELAY_MS = 600_000
# `make soak` asks for more.
SCHEDULES = int(os.environ.get("SCHEDULES", "500"))
# The objects API is one source by three paths: each gets this part of the schedules.
OTHERS_SHARE = 5

PASSING = (
    faults.SERVER_ERROR,
    faults.RATE_LIMITED,
    faults.CUT_SHORT,
    faults.DROPPED,
    faults.NOT_JSON,
    faults.EMPTY_BODY,
    faults.BAD_GATEWAY,
)
LASTING = (faults.UNDECODABLE_TOKEN, faults.MISSING_SCOPES, faults.DAILY_LIMIT_REACHED)
TYPES = ("NOTE", "TASK", "CALL", "MEETING", "EMAIL", "INCOMING_EMAIL", "SMS", "NEVER_HEARD_OF")


class Clock:
    """The portal's clock: a moment later at each look."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms


class Killed(BaseException):
    """The tap is gone, in the middle of a write."""


class Pipe(io.RawIOBase):
    """Accepts the tap's output, up to `most` bytes, and then breaks."""

    def __init__(self, most: int | None) -> None:
        self.data = bytearray()
        self._most = most

    def write(self, data: Any) -> int:
        self.data += data
        if self._most is not None and len(self.data) > self._most:
            del self.data[self._most :]
            raise Killed
        return len(data)


@dataclass
class Event:
    """An event at the `on`th request of a run."""

    on: int
    kind: str
    seed: int

    def fault(self) -> Fault:
        random_ = random.Random(self.seed)
        if self.kind == "passing":
            return random_.choice(PASSING).at(self.on, times=random_.choice((1, 1, 3)))
        if self.kind == "lasting":
            return random_.choice(LASTING).at(self.on)
        return Fault(on=self.on, then=change(self.kind, random_))


@dataclass
class Attempt:
    """A run of a schedule, killed after `killed_at` bytes of output."""

    events: list[Event] = field(default_factory=list)
    killed_at: int | None = None
    full_refresh: bool = False


def change(kind: str, random_: random.Random) -> Callable[[Portal], None]:
    def apply(portal: Portal) -> None:
        ids = [record["engagement"]["id"] for record in portal.records()]
        if kind == "add" or not ids:
            portal.create(new_engagement(random_))
        elif kind == "edit":
            portal.update(random_.choice(ids), {"uid": str(random_.random())}, {"body": "edited"})
        elif kind == "retype":
            portal.update(random_.choice(ids), {"type": random_.choice(TYPES)})
        elif kind == "associate":
            ties = random_.sample(range(9), random_.randrange(4))
            portal.associate(random_.choice(ids), "contactIds", ties)
        else:
            portal.delete(random_.choice(ids))

    return apply


def new_engagement(random_: random.Random) -> dict[str, Any]:
    people = [{"email": f"{one}@example.com"} for one in range(random_.randrange(3))]
    return {
        "engagement": {"type": random_.choice(TYPES), "newKey": 1},
        "associations": {"contactIds": [random_.randrange(5)], "planetIds": [2**40]},
        "attachments": [{"id": random_.randrange(9)}],
        "metadata": {"body": "new", "to": people, "cc": people[:1], "threadId": 5, "odd": [1.5]},
    }


KINDS = st.sampled_from("add add edit edit retype associate delete passing passing lasting".split())
EVENTS = st.builds(Event, st.integers(1, 12), KINDS, st.integers(0, 10**6))
ATTEMPTS = st.builds(
    Attempt,
    st.lists(EVENTS, max_size=6),
    st.one_of(st.none(), st.integers(0, 60_000)),
    st.sampled_from((False, False, True)),
)


class Target(Protocol):
    """Loads the tap's lines, and knows the last state whose records are in."""

    state: dict[str, Any] | None

    def load(self, lines: Iterable[bytes]) -> None: ...


def run_once(
    simulator: Simulator,
    target: Target,
    attempt: Attempt,
    workers: int,
    api_version: str = "v1",
    catalog: Mapping[str, Any] | None = None,
    **more_settings: object,
) -> bool:
    """
    Run the tap as `attempt` says, and load its output; return whether the run succeeded.

    Without a `catalog`, every stream of engagements is selected.
    """
    now = [0.0]
    rate_limiter = RateLimiter(
        10_000, lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    config = Config.from_dict(
        {
            "access_token": TOKEN,
            "base_url": simulator.url,
            "page_size": 5,
            "backfill_workers": workers,
            "request_timeout": 60,
            "api_version": api_version,
            **more_settings,
        },
        {},
    )
    client = HubspotClient(config, rate_limiter, lambda: now[0])
    selections = read_selection(catalog, streams_of(config)) if catalog else everything()
    pipe = Pipe(attempt.killed_at)
    simulator.faults.clear()
    simulator.faults.add(*(event.fault() for event in attempt.events))
    state = target.state or {}
    run = Run(
        client,
        config,
        Messages(pipe),  # type: ignore[arg-type]  # all that it does is write
        Progress(client),
        state,
        selections,
        PassOptions(full_refresh=attempt.full_refresh),
        read_plan(config, selections, catalog),
    )
    try:
        sync(run)
    except (*ERRORS, Killed):
        return False
    finally:
        target.load(bytes(pipe.data).splitlines(keepends=True))
    return True


every_source = pytest.mark.parametrize("api_version", SOURCES)


@every_source
def test_no_schedule_loses_anything(api_version: str) -> None:
    """
    Edits, adds, deletes, faults and kills at any request of several runs leave no trace.
    """
    options = settings(
        max_examples=SCHEDULES if api_version == "v1" else SCHEDULES // OTHERS_SHARE,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    schedules = given(
        api_version=st.just(api_version),
        engagements=st.integers(0, 40),
        seed=st.integers(0, 1000),
        attempts=st.lists(ATTEMPTS, min_size=1, max_size=4),
        workers=st.sampled_from((1, 3)),
        spread=st.sampled_from(("uneven", "dense")),
    )
    options(schedules(check_schedule))()


def check_schedule(
    api_version: str,
    engagements: int,
    seed: int,
    attempts: list[Attempt],
    workers: int,
    spread: Literal["uneven", "dense"],
) -> None:
    """Run a schedule, and compare all tables with the portal's engagements."""
    clock, target = Clock(), ModelTarget()
    portal = Portal.generate(engagements, seed, distribution=spread, clock=clock)
    with Simulator(portal, token=TOKEN, index_delay_ms=INDEX_DELAY_MS) as simulator:
        for attempt in attempts:
            run_once(simulator, target, attempt, workers, api_version)
            clock.now_ms += HOUR_MS
        full_pass = Attempt(full_refresh=True)
        assert run_once(simulator, target, full_pass, workers, api_version)
    expected = expected_tables(portal)
    if api_version != "v1":
        expected = as_objects_show(expected)
    expected, tables = comparable(expected), comparable(target.tables)
    for stream, table in tables.items():
        if stream != "call_dispositions":
            assert table == expected[stream], stream


@contextmanager
def served(portal: Portal, api_version: str, **settings_: object) -> Iterator[Source]:
    """Yield a source of a served portal; requests wait for nothing."""
    with Simulator(portal, token=TOKEN) as simulator:
        config = Config.from_dict(
            {
                "access_token": TOKEN,
                "base_url": simulator.url,
                "page_size": 7,
                "api_version": api_version,
                **settings_,
            },
            {},
        )
        client = HubspotClient(config, RateLimiter(10_000, sleep=lambda _: None))
        yield build_source(client, config)


def ids_of(pages: Iterable[Page]) -> list[int]:
    return [engagement.id for page in pages for engagement in page.engagements]


def portal_ids(portal: Portal, api_version: str) -> list[int]:
    """Return the ids of the engagements that an API has."""
    missing = () if api_version == "v1" else MISSING_TYPES
    inner = [record["engagement"] for record in portal.records()]
    return sorted(one["id"] for one in inner if one["type"] not in missing)


def test_every_api_version_has_a_source() -> None:
    """
    The configuration accepts the names of sources, and no others.
    """
    assert list(SOURCES) == list(API_VERSIONS)


@every_source
@pytest.mark.parametrize("workers", [1, 3])
def test_read_all_reads_everything_once(api_version: str, workers: int) -> None:
    """
    A full pass has each engagement once, its content unchanged, and ends with is_last alone.
    """
    portal = Portal.generate(60, seed=4)
    with served(portal, api_version, backfill_workers=workers) as source:
        pages = list(source.read_all())
    assert sorted(ids_of(pages)) == portal_ids(portal, api_version)
    assert [page.is_last for page in pages] == [False] * (len(pages) - 1) + [True]
    expected = {record["engagement"]["id"]: record for record in portal.records()}
    for page in pages:
        for engagement in page.engagements:
            record = json.loads(json.dumps(expected[engagement.id]).replace("\\u0000", ""))
            if api_version == "v1":  # test_to_engagement.py compares the others
                assert engagement.whole == record
            assert engagement.type == record["engagement"].get("type")


@every_source
@pytest.mark.parametrize("workers", [1, 3])
def test_read_all_resumes_after_every_page(api_version: str, workers: int) -> None:
    """
    The resume of any page, through JSON, leads to the engagements that come after that page.
    """
    portal = Portal.generate(40, seed=5)
    with served(portal, api_version, backfill_workers=workers) as source:
        pages = list(source.read_all())
        for number, page in enumerate(pages[:-1], start=1):
            resume = json.loads(json.dumps(page.resume))
            source.check_resume(resume)
            rest = ids_of(source.read_all(resume))
            assert {*ids_of(pages[:number]), *rest} == set(portal_ids(portal, api_version))


@every_source
def test_changes_are_read_and_resumed(api_version: str) -> None:
    """
    read_changes has each change since a moment; a page's resume has those after that page.
    """
    portal = Portal.generate(40, seed=6)
    since = ms_to_utc(portal.now_ms)
    changed = portal_ids(portal, api_version)[5:30]
    for engagement_id in changed:
        portal.update(engagement_id, {"uid": "changed"})
    with served(portal, api_version, lookback_seconds=0) as source:
        pages = list(source.read_changes(since))
        assert set(ids_of(pages)) >= set(changed)
        for number, page in enumerate(pages[:-1], start=1):
            resume = json.loads(json.dumps(page.resume))
            source.check_resume(resume)
            assert {*ids_of(pages[:number]), *ids_of(source.resume_changes(resume))} >= set(changed)


@every_source
def test_an_empty_portal(api_version: str) -> None:
    """
    Both passes over an empty portal are one empty last page.
    """
    with served(Portal(), api_version) as source:
        for pages in (source.read_all(), source.read_changes(ms_to_utc(START_MS))):
            assert [(page.is_last, list(page.engagements)) for page in pages] == [(True, [])]


@every_source
def test_single_engagements_and_reference_tables(api_version: str) -> None:
    """
    An engagement is read by its id, a deleted one is None; owners and dispositions are complete.
    """
    portal = Portal.generate(20, seed=7)
    first, second, *_ = portal_ids(portal, api_version)
    portal.delete(second)
    with served(portal, api_version) as source:
        engagement = source.read_one(first)
        assert engagement is not None and engagement.id == first
        assert source.read_one(second) is None
        assert source.read_portal() == portal.portal_id
        owners = [owner for page in source.read_owners() for owner in page]
        assert len(owners) == len({owner["id"] for owner in owners}) > 0
        assert [one for page in source.read_call_dispositions() for one in page]
        for stream in ("engagements", "owners", "call_dispositions"):
            source.check(stream)


@every_source
def test_a_list_that_ends_too_soon_is_contradicted(api_version: str) -> None:
    """
    A last page that does not reach the newest engagements is found out, a complete one is not.
    """
    portal = Portal.generate(40, seed=8)
    with served(portal, api_version) as source:
        first, *_, last = source.read_all()
        assert source.find_contradiction(last, 40, 2 * START_MS) is None
        doubt = source.find_contradiction(first, 7, 2 * START_MS)
        assert doubt and str(portal_ids(portal, api_version)[-1]) in doubt


@every_source
@pytest.mark.parametrize("resume", [{"nonsense": 1}, {"after": 5}, {"ranges": [[-1, None]]}, {}])
def test_a_foreign_resume_is_refused(api_version: str, resume: dict[str, Any]) -> None:
    """
    A resume that is not the source's own is an error, before any request.
    """
    with served(Portal(), api_version) as source, pytest.raises(ValueError):
        source.check_resume(resume)


@every_source
def test_the_fast_path_is_the_fallback(api_version: str) -> None:
    """
    Of every engagement, each stream's fast path makes the fallback's records, in their order.
    """
    portal = Portal.generate(80, seed=9)
    with served(portal, api_version) as source:
        engagements = [one for page in source.read_all() for one in page.engagements]
        for selection in everything():
            stream, names = selection.stream, selection.properties
            if stream.read:
                continue
            fast_path = source.fast_path_for(stream.tap_stream_id, names, has_all=True)
            takes = stream.takes_type or (lambda _: True)
            members = [one for one in engagements if takes(one.type)]
            lines, _ = to_lines(selection, fast_path, members)
            slow_lines, _ = to_lines(selection, None, members)
            assert [json.loads(line) for line in lines] == list(map(json.loads, slow_lines))
