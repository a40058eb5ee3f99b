"""Whatever happens while the tap reads, after a quiet full pass every table equals the portal."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubspot_api.client import HubspotClient
from hubspot_api.rate_limit import RateLimiter
from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.discover import build_catalog
from tap_hubspot_engagements.exceptions import ERRORS
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.replication import PassOptions
from tap_hubspot_engagements.run import Run
from tap_hubspot_engagements.selection import Selection, read_selection
from tap_hubspot_engagements.sync import sync
from tests.expected import expected_tables
from tests.tap.model import ModelTarget

TOKEN = "pat-test"
START_MS = 1_795_161_600_000
HOUR_MS = 3_600_000
INDEX_DELAY_MS = 600_000
# `make soak` asks for more.
SCHEDULES = int(os.environ.get("SCHEDULES", "500"))

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
    """Takes what the tap writes, up to `most` bytes, and then is no more."""

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
    """What happens at the `on`th request of a run."""

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
    """One run of a schedule; `killed_at` bytes of output the tap dies."""

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


def everything() -> list[Selection]:
    """Return every stream with every property."""
    catalog = build_catalog().to_dict()
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            one["metadata"]["selected"] = True
    return read_selection(catalog)


class Target(Protocol):
    """What takes the tap's lines, and knows the last state whose records are in."""

    state: dict[str, Any] | None

    def load(self, lines: Iterable[bytes]) -> None: ...


def run_once(simulator: Simulator, target: Target, attempt: Attempt, workers: int) -> bool:
    """Run the tap as `attempt` says, and load what it wrote; returns whether it came to its end."""
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
        },
        {},
    )
    client = HubspotClient(config, rate_limiter, lambda: now[0])
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
        everything(),
        PassOptions(full_refresh=attempt.full_refresh),
    )
    try:
        sync(run)
    except (*ERRORS, Killed):
        return False
    finally:
        target.load(bytes(pipe.data).splitlines(keepends=True))
    return True


@settings(max_examples=SCHEDULES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    engagements=st.integers(0, 40),
    seed=st.integers(0, 1000),
    attempts=st.lists(ATTEMPTS, min_size=1, max_size=4),
    workers=st.sampled_from((1, 3)),
    spread=st.sampled_from(("uneven", "dense")),
)
def test_no_schedule_loses_anything(
    engagements: int,
    seed: int,
    attempts: list[Attempt],
    workers: int,
    spread: Literal["uneven", "dense"],
) -> None:
    """
    Edits, adds, deletes, faults and kills at any request of several runs leave no trace.
    """
    clock, target = Clock(), ModelTarget()
    portal = Portal.generate(engagements, seed, spread=spread, clock=clock)
    with Simulator(portal, token=TOKEN, index_delay_ms=INDEX_DELAY_MS) as simulator:
        for attempt in attempts:
            run_once(simulator, target, attempt, workers)
            clock.now_ms += HOUR_MS
        assert run_once(simulator, target, Attempt(full_refresh=True), workers)
    expected = expected_tables(portal)
    for stream, table in target.tables.items():
        if stream != "call_dispositions":
            assert table == expected[stream], stream
