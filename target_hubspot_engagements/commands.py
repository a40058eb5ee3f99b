"""The commands: write, check the token, print the settings."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from command_line import logs, stdout
from command_line.about import about
from command_line.stdin import read_lines
from hubspot_api.client import HubspotClient
from hubspot_api.config_file import load_json, warn_if_open
from hubspot_api.exceptions import HubspotError
from hubspot_api.redaction import clean
from hubspot_api.settings import to_json_schema
from target_hubspot_engagements import PROGRAM, metrics
from target_hubspot_engagements.checking import check_types
from target_hubspot_engagements.config import Config
from target_hubspot_engagements.exceptions import (
    ConfigError,
    LedgerError,
    LedgerLocked,
    OutputError,
    WriteBackError,
)
from target_hubspot_engagements.ledger import Ledger, memory_ledger, open_ledger
from target_hubspot_engagements.lookups import Lookups
from target_hubspot_engagements.object_writes import ObjectWrites
from target_hubspot_engagements.progress import Progress
from target_hubspot_engagements.rejected import Rejections
from target_hubspot_engagements.run import Options, Run, version_of
from target_hubspot_engagements.v1_writes import V1Writes
from target_hubspot_engagements.write_back import WriteBack

LOGGER = logging.getLogger(__name__)
CAPABILITIES = ("about", "activate-version", "hard-delete", "structured-logging")
TICK_S = 1.0  # the longest delay of a window by its age
PORTAL = "portal"


def write(config: Config, options: Options) -> None:
    """Write the records of stdin to HubSpot; raises WriteBackError or ApiError."""
    ledger = _open(config, options)
    try:
        _write(build_run(config, options, HubspotClient(config), ledger))
    finally:
        ledger.close()


def _write(run: Run) -> None:
    outcome = "failed"
    try:
        check_portal(run)
        out = None if run.options.is_dry else stdout.unbuffered()
        WriteBack(run, out).run(read_lines(sys.stdin.fileno(), TICK_S))
        if run.rejections.count:
            place = "the log" if run.options.is_dry else run.config.rejected
            raise WriteBackError(f"{run.rejections.count} records were rejected: see {place}")
        outcome = "done"
    finally:
        run.progress.counts["rejected"] = run.rejections.count
        run.progress.close(outcome)
        _write_metrics(run, is_success=outcome == "done")


def _write_metrics(run: Run, *, is_success: bool) -> None:
    """Write the metrics file, if one is configured; a dry run, which sends nothing, has none."""
    path = run.config.metrics_file
    if path is None or run.options.is_dry:
        return
    try:
        portal = run.ledger.fact(PORTAL) or ""
        metrics.write(Path(path), run.progress, portal, is_success=is_success)
    except (OSError, LedgerError) as error:
        LOGGER.warning("metrics_file: cannot be written: %s", error)


def build_run(config: Config, options: Options, client: HubspotClient, ledger: Ledger) -> Run:
    """Return a run with all its parts."""
    version = version_of(config)
    path = None if options.is_dry else config.rejected
    return Run(
        config,
        options,
        client,
        ledger,
        Lookups(client, version),
        ObjectWrites(client, version),
        V1Writes(client),
        Progress(client, options.is_dry),
        Rejections(path, stops=config.on_error == "stop"),
    )


def check_portal(run: Run) -> None:
    """
    Check that ledger and token belong to the same portal; raises ConfigError.

    Sets the run's clock by HubSpot's, with which engagements are dated.
    """
    portal_id, hubspot_at = run.lookups.account()
    run.set_clock(hubspot_at)
    portal, ledger_portal = str(portal_id), run.ledger.fact(PORTAL)
    if ledger_portal is None and not run.options.is_dry:
        run.ledger.set_facts({PORTAL: portal})
    elif ledger_portal not in (None, portal):
        raise ConfigError(
            f"the ledger belongs to portal {ledger_portal}, the token to portal {portal}: use"
            " another ledger for each portal"
        )


def _open(config: Config, options: Options) -> Ledger:
    if options.is_dry:
        exists = Path(config.ledger).exists()
        return open_ledger(config.ledger, read_only=True) if exists else memory_ledger()
    return open_ledger(config.ledger, is_new=options.is_new)


def check(config: Config) -> None:
    """
    Print the token's portal, and for each type of engagements whether the token may write.

    Raises the last refusal, if there is one.
    """
    client = HubspotClient(config)
    version = version_of(config)
    show(f"token accepted, portal {Lookups(client, version).account()[0]}")
    refusal: HubspotError | None = None
    for kind, error in check_types(client, version):
        show(f"{kind}: {error or 'can be written'}")
        refusal = error or refusal
    _check_ledger(config)
    if refusal:
        raise refusal


def _check_ledger(config: Config) -> None:
    """Print whether the ledger can be opened."""
    try:
        open_ledger(config.ledger).close()
        show(f"ledger {config.ledger}: can be opened")
    except (ConfigError, LedgerLocked) as error:
        show(str(error))


def describe(program: str, description: str, form: str) -> str:
    """Return name, version, capabilities and settings, as `json` or `markdown`."""
    return about(program, description, CAPABILITIES, to_json_schema(Config), form)


def show(text: str) -> None:
    """Print a text to stdout, redacted; raise OutputError if that fails."""
    try:
        stdout.write_whole(stdout.unbuffered(), clean(text, lines=True).encode() + b"\n")
    except OSError as error:
        raise OutputError(f"cannot be written to stdout: {error}") from error


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
