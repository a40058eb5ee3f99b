"""Runs of the tap over one portal by any API, loaded into the model target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hubspot_api.client import HubspotClient
from hubspot_api.rate_limit import RateLimiter
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.discover import build_catalog
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.replication import PassOptions
from tap_hubspot_engagements.run import Run
from tap_hubspot_engagements.selection import Selection, read_selection
from tap_hubspot_engagements.sync import sync
from tests.expected import KEYS
from tests.tap.conftest import TOKEN, Pipe, Waits, to_messages
from tests.tap.model import ModelTarget

OBJECTS = ("v3", "2026-03", "2026-09")


def everything() -> list[Selection]:
    """Return every stream of engagements, and the tables, with every property."""
    catalog = build_catalog().to_dict()
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["stream"] in KEYS]
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            one["metadata"]["selected"] = True
    return read_selection(catalog)


def build_client(simulator: Simulator, **settings: object) -> tuple[Config, HubspotClient]:
    """Return a client that waits for nothing."""
    waits = Waits()
    fixed = {"access_token": TOKEN, "base_url": simulator.url, "backfill_workers": 3}
    config = Config.from_dict({**fixed, **settings}, {})
    return config, HubspotClient(config, RateLimiter(10_000, waits.clock, waits.sleep), waits.clock)


def run_tap(
    simulator: Simulator,
    target: ModelTarget,
    *,
    full_refresh: bool = False,
    selections: Sequence[Selection] | None = None,
    **settings: object,
) -> list[dict[str, Any]]:
    """Run the tap from the target's state, load what it writes, and return its messages."""
    config, client = build_client(simulator, **settings)
    pipe = Pipe(None)
    run = Run(
        client,
        config,
        Messages(pipe),
        Progress(client),
        target.state or {},
        selections or everything(),
        PassOptions(full_refresh=full_refresh),
    )
    try:
        sync(run)
    finally:
        target.load(pipe.getvalue().splitlines(keepends=True))
    return to_messages(pipe.getvalue())
