"""Reads the arguments; starts a run, or a check of the token."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from command_line import logs, stdout
from command_line.about import VersionAction
from command_line.log_format import LOG_FORMATS, TEXT
from command_line.signals import raise_on_signals
from hubspot_api.exceptions import DailyLimitError, SettingsError
from hubspot_api.redaction import clean
from target_hubspot_engagements import PROGRAM
from target_hubspot_engagements.exceptions import (
    ERRORS,
    ConfigError,
    LedgerLocked,
    OutputError,
    Stopped,
)

LOGGER = logging.getLogger("target_hubspot_engagements")

EXIT_FAILED, EXIT_USAGE, EXIT_DAILY_LIMIT = 1, 2, 3
EXIT_LOCKED = os.EX_TEMPFAIL  # 75, which sysexits.h has for what may be tried again later

DESCRIPTION = """\
Reads Singer messages on standard input, writes their engagements to HubSpot, each once, and writes
each state to standard output once every record before it is written or rejected.
"""
EPILOG = """\
Without credentials in the config, the program reads $HUBSPOT_ACCESS_TOKEN.
Exit codes: 0 done; 1 failed, or records are rejected or undecided; 2 usage or configuration;
3 stopped at the portal's daily limit; 75 another run has the ledger: run again later; 130, 143
stopped by a signal.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run target-hubspot-engagements and exit."""
    sys.exit(run(_parse(arguments)))


def run(options: argparse.Namespace) -> int:
    """Return the exit code of a run with these options."""
    gc.freeze()  # keeps imported modules out of the final collection
    logs.set_up(PROGRAM, clean, options.log_format or TEXT)
    raise_on_signals(Stopped)
    try:
        _start(options)
    except ERRORS as error:
        return _failed(error)
    except Stopped as stopped:
        LOGGER.error("stopped by %s: run again with the last state", stopped)
        stdout.discard()
        return stopped.exit_code
    except Exception as error:
        logs.log_crash(LOGGER, error)
        return EXIT_FAILED
    return 0


def _start(options: argparse.Namespace) -> None:
    # Imported here: --help need not wait for it.
    from target_hubspot_engagements import commands
    from target_hubspot_engagements.run import Options

    if options.about:
        commands.show(commands.describe(PROGRAM, DESCRIPTION, options.format))
    elif options.check:
        commands.check(commands.read_config(options.config, options.log_format))
    else:
        chosen = Options(options.new_ledger, options.adopt, options.send_undecided, options.dry_run)
        commands.write(commands.read_config(options.config, options.log_format), chosen)


def _failed(error: Exception) -> int:
    LOGGER.error("%s", error)
    if isinstance(error, OutputError):
        stdout.discard()
    if isinstance(error, (ConfigError, SettingsError)):
        return EXIT_USAGE
    if isinstance(error, DailyLimitError):
        return EXIT_DAILY_LIMIT
    return EXIT_LOCKED if isinstance(error, LedgerLocked) else EXIT_FAILED


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _build_parser()
    add = parser.add_argument
    add("-c", "--config", type=Path, metavar="FILE", help="JSON configuration")
    add("--new-ledger", action="store_true", help="create the ledger: for the first run alone")
    add(
        "--adopt",
        action="store_true",
        help="look for each engagement in HubSpot before it is created, as after a lost ledger",
    )
    add(
        "--send-undecided",
        action="store_true",
        help="send creations again that an earlier run named as undecided",
    )
    add("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    add("--check", action="store_true", help="test token, write scopes and ledger, and exit")
    add("--log-format", choices=LOG_FORMATS, help="of the log, as the config key log_format")
    add("--about", action="store_true", help="print the configuration as JSON Schema and exit")
    add("--format", choices=("json", "markdown"), default="json", help="of --about (default: json)")
    add("--version", action=VersionAction, nargs=0, help="print the version and exit")
    return parser.parse_args(arguments)


def _build_parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
