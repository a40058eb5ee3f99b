"""A portal to write to, a source that is a table, and runs of the program or in this process."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hubspot_api.client import HubspotClient
from hubspot_api.rate_limit import RateLimiter
from hubspot_simulator.objects.object_types import COMPANIES, CONTACTS, DEALS
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from target_hubspot_engagements.commands import build_run, check_portal
from target_hubspot_engagements.config import Config
from target_hubspot_engagements.exceptions import ERRORS
from target_hubspot_engagements.ledger import Ledger, open_ledger
from target_hubspot_engagements.run import Options, Run
from target_hubspot_engagements.write_back import WriteBack
from tests.conftest import Outcome, run_program

TOKEN = "pat-na1-S3cr3t-t0ken"
NOW_MS = 1_795_161_600_000  # 2026-11-20T08:00:00Z
CONTACT_IDS = tuple(range(101, 121))
HOUR_S = 3_600.0

Message = dict[str, Any]
Record = dict[str, Any]


class Clock:
    """A portal's clock and this machine's, in Unix ms; `sleep` moves it."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        self.slept: list[float] = []

    def __call__(self) -> int:
        # Each look moves it: engagements that are made one after the other have different dates.
        self.now_ms += 1
        return self.now_ms

    def monotonic(self) -> float:
        return self.now_ms / 1000

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_ms += math.ceil(seconds * 1000)


def empty_portal(clock: Callable[[], int]) -> Portal:
    """Return a portal without engagements, with contacts, a company and a deal."""
    portal = Portal(clock)
    for contact_id in CONTACT_IDS:
        email = {"email": f"c{contact_id}@customer.example"}
        portal.objects.put_related(CONTACTS, contact_id, email)
    portal.objects.put_related(COMPANIES, 201, {"name": "Acme"})
    portal.objects.put_related(DEALS, 301, {"dealname": "250 seats"})
    return portal


def schema(stream: str = "calls", key: str = "id", **properties: Any) -> Message:
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": {key: {"type": "integer"}, **properties}},
        "key_properties": [key],
    }


def record(key: int, stream: str = "calls", **values: Any) -> Message:
    return {"type": "RECORD", "stream": stream, "record": {"id": key, **values}}


def call(key: int, **values: Any) -> Message:
    """Return a call as a source has it, with a contact."""
    row = {
        "hs_timestamp": f"2026-11-{key % 19 + 1:02}T08:00:00.{key % 1000:03}Z",
        "hs_call_title": f"Call {key}",
        "hs_call_body": f"Spoke to customer {key} 🎉",
        "hs_call_duration": 60_000 + key,
        "contactIds": [CONTACT_IDS[key % len(CONTACT_IDS)]],
    }
    return record(key, **{**row, **values})


def state(value: Any) -> Message:
    return {"type": "STATE", "value": value}


def to_lines(messages: Iterable[Message]) -> list[bytes]:
    return [json.dumps(message).encode() for message in messages]


@dataclass
class Result:
    """The end of a run in this process."""

    states: list[Any]
    error: BaseException | None
    run: Run

    @property
    def counts(self) -> Mapping[str, int]:
        return {name: number for name, number in self.run.progress.counts.items() if number}


@dataclass
class Target:
    """The write-back against a served portal, with its files in `folder`."""

    folder: Path
    hubspot: Simulator
    clock: Clock
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite"

    def config(self, **settings: Any) -> dict[str, Any]:
        fixed = {
            "access_token": TOKEN,
            "base_url": self.hubspot.url,
            "ledger": str(self.ledger),
        }
        return {**fixed, **self.settings, **settings}

    def run(
        self,
        *messages: Message,
        options: Options | None = None,
        wrap: Callable[[Ledger], Ledger] = lambda ledger: ledger,
        **settings: Any,
    ) -> Result:
        """
        Run in this process, without waiting; the first run creates the ledger.

        `wrap` may change the ledger, for one that fails or is killed.
        """
        config = Config.from_dict(self.config(**settings), {})
        options = options or Options(is_new=not self.ledger.exists())
        limiter = RateLimiter(
            config.requests_per_10_seconds * 1000, self.clock.monotonic, self.clock.sleep
        )
        client = HubspotClient(config, limiter, self.clock.monotonic)
        ledger = wrap(open_ledger(config.ledger, is_new=options.is_new))
        run = build_run(config, options, client, ledger)
        run.clock, run.sleep = self.clock, self.clock.sleep
        out = io.BytesIO()
        error: BaseException | None = None
        try:
            check_portal(run)
            write_back = WriteBack(run, out)
            write_back.run([to_lines(messages)])
        except (*ERRORS, Killed) as caught:
            error = caught
        finally:
            ledger.close()
        if isinstance(error, Killed):
            # The threads of a killed process send nothing more; these end with what they send.
            for thread in write_back._writer._sender._workers._threads:
                thread.join()
        return Result([json.loads(line) for line in out.getvalue().splitlines()], error, run)

    def program(
        self, *arguments: object, stdin: Iterable[Message] = (), **settings: Any
    ) -> Outcome:
        """Run the program, with these settings in its config file."""
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.config(**settings)))
        text = b"".join(line + b"\n" for line in to_lines(stdin))
        return run_program("target-hubspot-engagements", "--config", path, *arguments, stdin=text)

    def engagements(self) -> list[Any]:
        """Return the portal's live engagements, in order of their moments."""
        return sorted(self.hubspot.portal.records(), key=lambda one: one["engagement"]["timestamp"])


class Killed(BaseException):
    """The run ends here, as by kill -9."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


Serve = Callable[..., Target]


@pytest.fixture
def serve(tmp_path: Path, clock: Clock) -> Iterator[Serve]:
    """Serve an empty portal until the test ends: `serve(api_version=…, objects=…)`."""
    with ExitStack() as stack:

        def start(portal: Portal | None = None, **options: Any) -> Target:
            settings = options.pop("settings", {})
            served = empty_portal(clock) if portal is None else portal
            simulator = stack.enter_context(Simulator(served, token=TOKEN, **options))
            return Target(tmp_path, simulator, clock, settings)

        yield start


@pytest.fixture(params=["2026-09", "v3", "v1"])
def target(request: pytest.FixtureRequest, serve: Serve) -> Target:
    """The write-back to an empty portal, by each API."""
    return serve(settings={"api_version": request.param})
