"""The commands of the tap: discover, check the credentials, sync."""

from __future__ import annotations

import json
import logging
import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from command_line import logs, stdout
from command_line.about import about
from hubspot_api.client import HubspotClient
from hubspot_api.config_file import load_json, warn_if_open
from hubspot_api.exceptions import HubspotError, NotFoundError, RefusedError
from hubspot_api.redaction import clean
from hubspot_api.settings import OAUTH_KEYS, TOKEN_VARIABLE, to_json_schema
from tap_hubspot_engagements import PROGRAM, metrics
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.exceptions import OutputError
from tap_hubspot_engagements.fetch_associations import read_plan
from tap_hubspot_engagements.messages import Messages, write_all
from tap_hubspot_engagements.portal_properties import check_stream, read_portal_streams
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.replication import PassOptions
from tap_hubspot_engagements.run import Run
from tap_hubspot_engagements.selection import default_selection, read_selection
from tap_hubspot_engagements.sources import build_source
from tap_hubspot_engagements.state import with_full_pass_due
from tap_hubspot_engagements.state_file import FULL_REFRESH, unwrap
from tap_hubspot_engagements.streams import ENGAGEMENTS, STREAMS, Stream, streams_of
from tap_hubspot_engagements.sync import sync

LOGGER = logging.getLogger(__name__)
CAPABILITIES = ("about", "catalog", "discover", "properties", "state", "structured-logging")


def discover(path: Path | None) -> str:
    """
    Return the catalog of all streams, as JSON.

    With credentials, HubSpot lists the portal's own properties of objects; without a config and a
    token in the environment, the catalog has the shipped ones. Raises ConfigError.
    """
    # Imported here: singer-python takes longer to import than a small sync takes.
    from tap_hubspot_engagements.discover import build_catalog

    has_token = bool(os.environ.get(TOKEN_VARIABLE))
    streams: Mapping[str, Stream] = STREAMS
    if path is not None and (has_token or has_credentials(load_json(path))):
        config = read_config(path)
        streams = read_portal_streams(HubspotClient(config), config)
    return json.dumps(build_catalog(streams).to_dict(), indent=2)


def describe(program: str, description: str, form: str) -> str:
    """Return name, version, capabilities and settings, as `json` or `markdown`."""
    return about(program, description, CAPABILITIES, to_json_schema(Config), form)


def has_credentials(settings: Mapping[str, object]) -> bool:
    """Tell whether a config file names a token or an OAuth app."""
    return any(settings.get(name) for name in ("access_token", *OAUTH_KEYS))


def show(text: str) -> None:
    """Print a text to stdout, redacted; raise OutputError if that fails."""
    try:
        write_all(stdout.unbuffered(), clean(text, lines=True).encode() + b"\n")
    except OSError as error:
        raise OutputError(f"cannot write: {error}") from error


def check(config: Config) -> None:
    """
    Print the token's portal, and for each stream whether the token can read that.

    Each line comes from a request for a page of one record. Raises the last refusal of a stream
    that is selected by default.
    """
    client = HubspotClient(config)
    source = build_source(client, config)
    show(f"token accepted, portal {source.read_portal()}")
    refusal: HubspotError | None = None
    for name, stream in streams_of(config).items():
        if stream.parent:
            continue
        try:
            check_stream(client, config, source, stream)
            show(f"{name}: can be read")
        except (RefusedError, NotFoundError) as error:
            show(f"{name}: {error}")
            if stream.selected:
                refusal = error
    if refusal:
        raise refusal


def run_sync(options: Namespace) -> None:
    """Replicate the catalog's selection; raise TapError or ApiError."""
    config = read_config(options.config, options.log_format)
    catalog = load_json(options.catalog) if options.catalog else None
    streams = streams_of(config)
    selections = default_selection() if catalog is None else read_selection(catalog, streams)
    plan = read_plan(config, selections, catalog)
    state = read_state(options.state) if options.state else {}
    full_refresh = options.full_refresh or bool(state.get(FULL_REFRESH))
    if full_refresh:
        objects = [name for name, stream in streams.items() if stream.object_type]
        state = with_full_pass_due(state, [ENGAGEMENTS.tap_stream_id, *objects])
    client = HubspotClient(config)
    progress = Progress(client)
    passes = PassOptions(full_refresh, allow_deletions=options.allow_deletions)
    messages = Messages(stdout.unbuffered())
    run = Run(client, config, messages, progress, state, selections, passes, plan)
    outcome = "failed"
    try:
        sync(run)
        outcome = "done"
    finally:
        progress.close(outcome)
        if config.metrics_file:
            try:
                metrics.write(Path(config.metrics_file), progress, run.state, outcome == "done")
            except OSError as error:
                LOGGER.warning("metrics_file: cannot be written: %s", error)


def read_state(path: Path) -> dict[str, Any]:
    """Return the state in a file, {} for an empty file; raise ConfigError."""
    # A first run that failed leaves an empty file if the shell redirects states to it.
    state = unwrap(load_json(path, empty={}))
    if not any(state.values()):
        LOGGER.info("%s holds no state: everything is read from the beginning", path)
    return state


def read_config(path: Path | None, log_format: str | None = None) -> Config:
    """
    Return the configuration of a file and the environment; raise ConfigError.

    The log has its format from here on; `log_format` counts over the file's.
    """
    settings = load_json(path) if path else {}
    if log_format:
        settings["log_format"] = log_format
    config = Config.from_dict(settings, os.environ)
    logs.set_up(PROGRAM, clean, config.log_format)
    if path:
        warn_if_open(path, config)
    return config
