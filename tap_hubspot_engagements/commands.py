"""What can be asked of the tap: to discover, to check its credentials, to sync."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.config import Config, load_json
from tap_hubspot_engagements.exceptions import (
    HubspotError,
    NotFoundError,
    OutputError,
    ScopeError,
)
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.pages import CHECKS, get_portal
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.selection import default_selection, read_selection
from tap_hubspot_engagements.streams import STREAMS
from tap_hubspot_engagements.sync import Run, sync


def discover() -> str:
    """Return the catalog of what there is, as JSON."""
    # Imported here: singer-python takes longer to import than a small sync takes.
    from tap_hubspot_engagements.discover import build_catalog

    return json.dumps(build_catalog().to_dict(), indent=2)


def show(text: str) -> None:
    """Print a text; raises OutputError where that cannot be done."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(f"cannot write: {error}") from error


def check(config: Config) -> None:
    """Ask for a bit of everything: the best proof that the token may. Raises the worst refusal."""
    client = HubspotClient(config)
    show(f"token accepted, portal {get_portal(client)}")
    refused: HubspotError | None = None
    for stream, ask in CHECKS.items():
        try:
            ask(client)
            show(f"{stream}: can be read")
        except (ScopeError, NotFoundError) as error:
            show(f"{stream}: {error}")
            if STREAMS[stream].selected:
                refused = error
    if refused:
        raise refused


def run_sync(options: Namespace) -> None:
    """Replicate what the catalog selects; raises TapError."""
    config = read_config(options.config)
    catalog = load_json(options.catalog) if options.catalog else None
    selections = default_selection() if catalog is None else read_selection(catalog)
    state: dict[str, Any] = load_json(options.state) if options.state else {}
    client = HubspotClient(config)
    progress = Progress(client)
    messages = Messages(sys.stdout.buffer)
    run = Run(
        client,
        config,
        messages,
        progress,
        state,
        selections,
        options.full_refresh,
        options.allow_deletions,
    )
    outcome = "failed"
    try:
        sync(run)
        outcome = "done"
    finally:
        progress.close(outcome)


def read_config(path: Path | None) -> Config:
    """Return the configuration of a file and the environment; raises ConfigError."""
    return Config.from_dict(load_json(path) if path else {}, os.environ)
