"""Reads the arguments; starts discovery, a sync, or a check of credentials."""

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
from tap_hubspot_engagements import PROGRAM
from tap_hubspot_engagements.exceptions import ERRORS, ConfigError, OutputError, Stopped

LOGGER = logging.getLogger("tap_hubspot_engagements")

EXIT_FAILED, EXIT_USAGE, EXIT_DAILY_LIMIT = 1, 2, 3

GC_THRESHOLD = 1_000_000  # objects that exist before Python looks for cycles

DESCRIPTION = "Writes HubSpot's engagements to standard output as Singer messages."
EPILOG = """\
Without credentials in the config, the tap reads $HUBSPOT_ACCESS_TOKEN. Without a catalog, it uses
the one that --discover prints.
Exit codes: 0 done; 1 failed; 2 usage, config, catalog or state; 3 stopped at the portal's daily
limit with the state written; 130, 143 stopped by a signal.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run tap-hubspot-engagements and exit."""
    sys.exit(run(_parse(arguments)))


def run(options: argparse.Namespace) -> int:
    """Return the exit code of a run with these options."""
    # Pages are many small objects without cycles: the search for cycles took a third of the time.
    gc.set_threshold(GC_THRESHOLD)
    logs.set_up(PROGRAM, clean, options.log_format or _format_of_environment())
    raise_on_signals(Stopped)
    try:
        _start(options)
    except (ConfigError, SettingsError) as error:
        return _failed(error, EXIT_USAGE)
    except DailyLimitError as error:
        return _failed(error, EXIT_DAILY_LIMIT)
    except ERRORS as error:
        return _failed(error, EXIT_FAILED)
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
    from tap_hubspot_engagements import commands

    # Keeps imported modules out of the final collection; saves 10 % of start-up.
    gc.freeze()
    if options.about:
        commands.show(commands.describe(PROGRAM, DESCRIPTION, options.format))
    elif options.discover:
        catalog = commands.discover(options.config)
        # Discovery imports singer-python, which sets up its own logging.
        logs.set_up(PROGRAM, clean, options.log_format or _format_of_environment())
        commands.show(catalog)
    elif options.check:
        commands.check(commands.read_config(options.config, options.log_format))
    else:
        commands.run_sync(options)


def _format_of_environment() -> str:
    """Return the format of the log until the configuration is read."""
    log_format = os.environ.get("TAP_HUBSPOT_ENGAGEMENTS_LOG_FORMAT", TEXT)
    return log_format if log_format in LOG_FORMATS else TEXT


def _failed(error: Exception, exit_code: int) -> int:
    LOGGER.error("%s", error)
    if isinstance(error, OutputError):
        stdout.discard()
    return exit_code


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("-c", "--config", type=Path, metavar="FILE", help="JSON configuration")
    add("--catalog", type=Path, metavar="FILE", help="streams to replicate; see --discover")
    add("-p", "--properties", dest="catalog", type=Path, metavar="FILE", help="same as --catalog")
    add("-s", "--state", type=Path, metavar="FILE", help="state that the last run wrote")
    add("-d", "--discover", action="store_true", help="print the catalog and exit")
    add("--check", action="store_true", help="test the token, list readable streams, and exit")
    add(
        "--full-refresh", action="store_true", help="read everything again, whatever the state says"
    )
    add(
        "--allow-deletions",
        action="store_true",
        help="accept a full pass that misses more than max_deletions",
    )
    add("--log-format", choices=LOG_FORMATS, help="of the log, as the config key log_format")
    add("--about", action="store_true", help="print the configuration as JSON Schema and exit")
    add("--format", choices=("json", "markdown"), default="json", help="of --about (default: json)")
    add("--version", action=VersionAction, nargs=0, help="print the version and exit")
    return parser.parse_args(arguments)
