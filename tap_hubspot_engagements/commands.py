"""What can be asked of the tap: to discover, to check its credentials, to sync."""

from __future__ import annotations

import json
import logging
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any, BinaryIO

from tap_hubspot_engagements.changes import check_feed
from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.config import Config, load_json, warn_if_open
from tap_hubspot_engagements.exceptions import (
    HubspotError,
    NotFoundError,
    OutputError,
    RefusedError,
)
from tap_hubspot_engagements.messages import Messages, write_all
from tap_hubspot_engagements.pages import CHECKS, get_portal
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.redaction import clean
from tap_hubspot_engagements.selection import default_selection, read_selection
from tap_hubspot_engagements.state import unwrap
from tap_hubspot_engagements.streams import ENGAGEMENTS, STREAMS
from tap_hubspot_engagements.sync import Run, sync

LOGGER = logging.getLogger(__name__)


def discover() -> str:
    """Return the catalog of what there is, as JSON."""
    # Imported here: singer-python takes longer to import than a small sync takes.
    from tap_hubspot_engagements.discover import build_catalog

    return json.dumps(build_catalog().to_dict(), indent=2)


def show(text: str) -> None:
    """Print a text; raises OutputError where that cannot be done."""
    try:
        write_all(_stdout(), clean(text, lines=True).encode() + b"\n")
    except OSError as error:
        raise OutputError(f"cannot write: {error}") from error


def _stdout() -> BinaryIO:
    """
    Return standard output without a buffer.

    One that does not block cannot be used with a buffer: the part that was taken is not known.
    """
    return open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)


def check(config: Config) -> None:
    """Ask for a bit of everything: the best proof that the token may. Raises the worst refusal."""
    client = HubspotClient(config)
    show(f"token accepted, portal {get_portal(client)}")
    refused: HubspotError | None = None
    for stream, ask in CHECKS.items():
        try:
            ask(client)
            if stream == ENGAGEMENTS.tap_stream_id:
                check_feed(client)
            show(f"{stream}: can be read")
        except (RefusedError, NotFoundError) as error:
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
    state = read_state(options.state) if options.state else {}
    client = HubspotClient(config)
    progress = Progress(client)
    messages = Messages(_stdout())
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


def read_state(path: Path) -> dict[str, Any]:
    """Return the state in a file, empty for a file without any; raises ConfigError."""
    # A first run that failed leaves an empty file where its last state was to be kept.
    state = unwrap(load_json(path, empty={}))
    if not any(state.values()):
        LOGGER.info("%s holds no state: everything is read from the beginning", path)
    return state


def read_config(path: Path | None) -> Config:
    """Return the configuration of a file and the environment; raises ConfigError."""
    config = Config.from_dict(load_json(path) if path else {}, os.environ)
    if path:
        warn_if_open(path, config)
    return config
