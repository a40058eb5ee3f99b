"""Reads the arguments; starts discovery, a sync, or a check of credentials."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

# singer-python sets up logging when it is imported: ours comes after.
import singer  # noqa: F401

from tap_hubspot_engagements.client import HubspotClient
from tap_hubspot_engagements.config import TOKEN_VARIABLE, Config, load_json
from tap_hubspot_engagements.discover import build_catalog, read_selection
from tap_hubspot_engagements.exceptions import (
    ConfigError,
    DailyLimitError,
    HubspotError,
    NotFoundError,
    OutputError,
    ScopeError,
    TapError,
)
from tap_hubspot_engagements.messages import Messages
from tap_hubspot_engagements.pages import CHECKS, get_portal
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.streams import STREAMS
from tap_hubspot_engagements.sync import Run, sync

LOGGER = logging.getLogger("tap_hubspot_engagements")

GC_THRESHOLD = 1_000_000  # objects made and not freed, before Python looks for cycles
EXIT_FAILED, EXIT_USAGE, EXIT_DAILY_LIMIT = 1, 2, 3

EPILOG = f"""\
Without access_token in the config, ${TOKEN_VARIABLE} is used. Without a catalog, the discovered one
is, as selected there.
Exit codes: 0 done; 1 failed; 2 usage, config, catalog or state; 3 stopped at the portal's daily
limit with the state written; 130, 143 stopped by a signal.
"""


class Stopped(BaseException):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def main(arguments: Sequence[str] | None = None) -> None:
    """Run tap-hubspot-engagements and exit."""
    sys.exit(run(_parse(arguments)))


def run(options: argparse.Namespace) -> int:
    """Return the exit code of a run with these options."""
    _set_up_logging()
    _raise_on_signals()
    try:
        if options.discover:
            _discover()
        elif options.check:
            _check(_read_config(options.config))
        else:
            _sync(options)
    except ConfigError as error:
        return _failed(error, EXIT_USAGE)
    except DailyLimitError as error:
        return _failed(error, EXIT_DAILY_LIMIT)
    except TapError as error:
        return _failed(error, EXIT_FAILED)
    except Stopped as stopped:
        LOGGER.error("stopped by %s: run again with the last state", stopped)
        _forget_output()
        return stopped.exit_code
    return 0


def _failed(error: TapError, exit_code: int) -> int:
    LOGGER.error("%s", error)
    if isinstance(error, OutputError):
        _forget_output()
    return exit_code


def _forget_output() -> None:
    """Let Python's last attempt to write, at its end, neither complain nor wait for a reader."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _discover() -> None:
    _print(json.dumps(build_catalog().to_dict(), indent=2))


def _print(text: str) -> None:
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(f"cannot write: {error}") from error


def _check(config: Config) -> None:
    """Ask for a bit of everything: the best proof that the token may. Raises the worst refusal."""
    client = HubspotClient(config)
    _print(f"token accepted, portal {get_portal(client)}")
    refused: HubspotError | None = None
    for stream, ask in CHECKS.items():
        try:
            ask(client)
            _print(f"{stream}: can be read")
        except (ScopeError, NotFoundError) as error:
            _print(f"{stream}: {error}")
            if STREAMS[stream].selected:
                refused = error
    if refused:
        raise refused


def _sync(options: argparse.Namespace) -> None:
    config = _read_config(options.config)
    catalog = load_json(options.catalog) if options.catalog else build_catalog().to_dict()
    selections = read_selection(catalog)
    state: dict[str, Any] = load_json(options.state) if options.state else {}
    client = HubspotClient(config)
    progress = Progress(client)
    messages = Messages(sys.stdout.buffer)
    run = Run(client, config, messages, progress, state, selections, options.full_refresh)
    # Pages are many small objects without cycles: looking for cycles took a third of the time.
    gc.set_threshold(GC_THRESHOLD)
    outcome = "failed"
    try:
        sync(run)
        outcome = "done"
    finally:
        progress.close(outcome)


def _read_config(path: Path | None) -> Config:
    return Config.from_dict(load_json(path) if path else {}, os.environ)


def _set_up_logging() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr, force=True
    )
    # What is asked again is said by the client, in one line.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def _raise_on_signals() -> None:
    def stop(number: int, _: FrameType | None) -> None:
        # A second signal finds no handler of ours: then the process ends where it stands.
        signal.signal(number, signal.SIG_DFL)
        raise Stopped(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tap-hubspot-engagements",
        description="Writes HubSpot's engagements to standard output as Singer messages.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("-c", "--config", type=Path, metavar="FILE", help="JSON configuration")
    add("--catalog", type=Path, metavar="FILE", help="what to replicate; see --discover")
    add("-p", "--properties", dest="catalog", type=Path, metavar="FILE", help="same as --catalog")
    add("-s", "--state", type=Path, metavar="FILE", help="where the last run got to")
    add("-d", "--discover", action="store_true", help="print the catalog and exit")
    add("--check", action="store_true", help="ask HubSpot whether the token serves, and exit")
    add("--full-refresh", action="store_true", help="read everything anew, whatever the state says")
    add(
        "--version",
        action="version",
        version=f"%(prog)s {version('tap-hubspot-engagements')}",
    )
    return parser.parse_args(arguments)
