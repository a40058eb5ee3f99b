"""A served portal, a tap in this process or as a program, and waits that take no time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hubspot_api.client import HubspotClient
from hubspot_api.rate_limit import RateLimiter
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.discover import build_catalog
from tap_hubspot_engagements.exceptions import ERRORS
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.run import Run as SyncRun
from tap_hubspot_engagements.selection import Selection
from tap_hubspot_engagements.streams import ENGAGEMENTS
from tap_hubspot_engagements.sync import sync
from tests.conftest import SHARED, run_program

TOKEN = "pat-na1-S3cr3t-t0ken"
NOW_MS = 1_795_161_600_000  # 2026-11-20T08:00:00Z
HOUR_MS = 3_600_000
RECORDINGS = SHARED / "hubspot" / "recordings"
PAGED = "/engagements/v1/engagements/paged"
CHANGED = "/engagements/v1/engagements/modified/after"
RECENT = "/engagements/v1/engagements/recent/modified"

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recorded answers are not beside this checkout"
)

INNER = (
    "id portalId active createdAt lastUpdated createdBy modifiedBy timestamp ownerId type uid"
    " source sourceId teamId activityType bodyPreview bodyPreviewHtml bodyPreviewIsTruncated"
    " gdprDeleted allAccessibleTeamIds queueMembershipIds"
).split()
OUTER = ["scheduledTasks", "attachments", "associations", "metadata"]
PROPERTIES = [*INNER, *OUTER, "extra"]

Message = dict[str, Any]
Table = dict[int, dict[str, Any]]
Serve = Callable[..., Simulator]


class Clock:
    """A portal's clock, in Unix ms, that moves on demand."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Waits:
    """Time that passes by waiting alone: `slept` has each wait in seconds."""

    now_s: float = 0.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a portal until the test ends: `serve(portal, **switches)`."""
    with ExitStack() as stack:

        def start(portal: Portal, **switches: Any) -> Simulator:
            return stack.enter_context(Simulator(portal, token=TOKEN, **switches))

        yield start


@pytest.fixture
def hubspot(serve: Serve) -> Simulator:
    """A served portal of 60 engagements."""
    return serve(Portal.generate(60))


@pytest.fixture
def client(hubspot: Simulator, waits: Waits) -> HubspotClient:
    """A client of `hubspot` whose waits are in `waits`."""
    return build_client(hubspot, waits)


def build_config(hubspot: Simulator, **settings: object) -> Config:
    # One worker, so that requests come in order.
    # And no sweep of deletions, which has tests of its own.
    fixed = {
        "access_token": TOKEN,
        "base_url": hubspot.url,
        "backfill_workers": 1,
        "deletion_sweep_hours": None,
    }
    return Config.from_dict({**fixed, **settings}, {})


def build_client(hubspot: Simulator, waits: Waits, **settings: object) -> HubspotClient:
    config = build_config(hubspot, **settings)
    rate_limiter = RateLimiter(config.requests_per_10_seconds, waits.clock, waits.sleep)
    return HubspotClient(config, rate_limiter, waits.clock)


class Killed(BaseException):
    """The run ends here, in the middle of a write."""


class Pipe(io.BytesIO):
    """The pipe for messages; raises Killed after `lives` writes."""

    def __init__(self, lives: int | None) -> None:
        super().__init__()
        self._lives = lives

    def write(self, data: Any) -> int:
        if self._lives is not None:
            self._lives -= 1
            if self._lives < 0:
                # Half of what is being written has gone out.
                super().write(data[: len(data) // 2])
                raise Killed
        return super().write(data)


def attempt(
    hubspot: Simulator,
    state: Mapping[str, Any] | None = None,
    *,
    lives: int | None = None,
    properties: Iterable[str] = PROPERTIES,
    **settings: object,
) -> tuple[list[Message], Exception | Killed | None]:
    """
    Run a sync in this process without waiting; return the messages, and the error at the end.

    The run is killed after `lives` writes. The state names the portal, which saves a request.
    """
    config = build_config(hubspot, **settings)
    client = build_client(hubspot, Waits(), **settings)
    pipe = Pipe(lives)
    given = {"portal": hubspot.portal.portal_id, **(state or {})}
    selection = Selection(ENGAGEMENTS, tuple(properties))
    try:
        messages = Messages(pipe)
        sync(SyncRun(client, config, messages, Progress(client), given, [selection]))
    except (*ERRORS, Killed) as error:
        return to_messages(pipe.getvalue()), error
    return to_messages(pipe.getvalue()), None


def replicate(
    hubspot: Simulator, state: Mapping[str, Any] | None = None, **options: Any
) -> list[Message]:
    """Run a sync that succeeds, as `attempt` does, and return the messages."""
    messages, error = attempt(hubspot, state, **options)
    if error is not None:
        raise error
    return messages


def to_messages(out: bytes) -> list[Message]:
    """Return the messages in whole lines of `out`."""
    return [json.loads(line) for line in out.split(b"\n")[:-1]]


def of_type(messages: Iterable[Message], kind: str) -> list[Message]:
    return [message for message in messages if message["type"] == kind]


def records(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [message["record"] for message in of_type(messages, "RECORD")]


def last_state(messages: Iterable[Message], before: Mapping[str, Any] | None = None) -> Any:
    """Return the last STATE's value, or `before` without any."""
    states = of_type(messages, "STATE")
    return states[-1]["value"] if states else before or {}


def mark(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state's bookmark of engagements, without nulls, and passes without their list."""
    result: dict[str, Any] = state.get("bookmarks", {}).get("engagements", {})
    for name in [name for name, value in result.items() if value is None]:
        del result[name]
    for name in result.keys() & {"backfill", "changes"}:
        if isinstance(result[name], list):
            (result[name],) = result[name]
    return result


def load(table: Table, messages: Iterable[Message]) -> Table:
    """Return `table` with the messages' records put in by id, as a target would."""
    return {**table, **{record["id"]: record for record in records(messages)}}


def expected_record(engagement: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of an engagement whose values fit, made without any code of the tap."""
    inner = engagement["engagement"]
    record = {name: inner.get(name) for name in INNER} | {
        name: engagement.get(name) for name in OUTER
    }
    extra = {name: inner[name] for name in inner if name not in INNER}
    extra |= {name: engagement[name] for name in engagement if name not in (*OUTER, "engagement")}
    clean: dict[str, Any] = json.loads(
        json.dumps({**record, "extra": extra or None}).replace("\\u0000", "")
    )
    return clean


def expected_table(portal: Portal) -> Table:
    return {one["engagement"]["id"]: expected_record(one) for one in portal.records()}


@dataclass
class Run:
    """The result of the program."""

    code: int
    out: str
    err: str

    @property
    def messages(self) -> list[Message]:
        return to_messages(self.out.encode())


@dataclass
class Tap:
    """Runs the program with files in `folder`, against `hubspot`, if given."""

    folder: Path
    hubspot: Simulator | None = None

    def write(self, name: str, value: object) -> Path:
        path = self.folder / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    def arguments(
        self,
        state: object = None,
        catalog: object = None,
        config: Mapping[str, object] | None = None,
        **settings: object,
    ) -> list[str]:
        """Return the arguments for a run; values are written to files first."""
        if config is None:
            base_url = {"base_url": self.hubspot.url} if self.hubspot else {}
            config = {"access_token": TOKEN, "backfill_workers": 1, **base_url, **settings}
        arguments = ["--config", str(self.write("config.json", config))]
        if catalog is not DISCOVERED:
            catalog = engagements_alone() if catalog is None else catalog
            arguments += ["--catalog", str(self.write("catalog.json", catalog))]
        if state is not None:
            arguments += ["--state", str(self.write("state.json", state))]
        return arguments

    def __call__(
        self,
        *more: object,
        environment: dict[str, str] | None = None,
        **files: Any,
    ) -> Run:
        """Run a sync; `more` goes after the arguments that `files` make."""
        return self.bare(*self.arguments(**files), *more, environment=environment)

    def bare(self, *arguments: object, environment: dict[str, str] | None = None) -> Run:
        """Run the program with these arguments alone."""
        done = run_program("tap-hubspot-engagements", *arguments, environment=environment)
        return Run(done.code, done.out, done.err)


@pytest.fixture
def run_tap(tmp_path: Path, hubspot: Simulator) -> Tap:
    """Runs the program against `hubspot`."""
    return Tap(tmp_path, hubspot)


DISCOVERED = object()
"""Instead of a catalog: none."""


def engagements_alone() -> dict[str, Any]:
    """Return the catalog with the stream of most tests."""
    catalog: dict[str, Any] = build_catalog().to_dict()
    return {"streams": [one for one in catalog["streams"] if one["stream"] == "engagements"]}


def select_everything() -> dict[str, Any]:
    """Return the catalog of `engagements` with every property selected."""
    catalog = engagements_alone()
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            one["metadata"]["selected"] = True
    return catalog


def paths(hubspot: Simulator) -> list[str]:
    """Return the last part of each request's path, in their order."""
    return [request.path.rpartition("/")[2] for request in hubspot.requests]
