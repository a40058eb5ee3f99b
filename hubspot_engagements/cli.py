"""Reads the arguments; starts a sync, or a check of both programs' access."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from command_line import stdout
from command_line.about import VersionAction
from command_line.log_format import LOG_FORMATS, TEXT, to_formatter
from hubspot_engagements.config import SyncConfig, read_config
from hubspot_engagements.exceptions import ConfigError, SyncError
from hubspot_engagements.outcome import FAILED, MEANINGS, USAGE
from hubspot_engagements.programs import Programs
from hubspot_engagements.sync import Sync, SyncOptions, check
from mysql_settings.visible import visible

LOGGER = logging.getLogger("hubspot_engagements")
PROGRAM = "hubspot-engagements"
DESCRIPTION = (
    "Loads HubSpot's engagements into MySQL: runs tap-hubspot-engagements and target-mysql."
)
EPILOG = f"""\
Without --config the programs read the environment: TAP_HUBSPOT_ENGAGEMENTS_<KEY> or
HUBSPOT_ACCESS_TOKEN, TARGET_MYSQL_<KEY>, and HUBSPOT_ENGAGEMENTS_CATALOG, the name of a file.
Exit codes: {"; ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())}.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run hubspot-engagements and exit."""
    _open_closed_descriptors()
    sys.exit(run(_parse(arguments)))


def run(options: argparse.Namespace) -> int:
    """
    Run the command, and return the exit code.

    A sync prints its summary as a line of JSON, also if the configuration is wrong.
    """
    _log_to_stderr(options.log_format or TEXT)
    log_options = ["--log-format", options.log_format] if options.log_format else []
    programs = Programs(log_options)
    programs.pass_signals_on()
    try:
        config = read_config(options.config, os.environ)
        _warn_if_open(options.config)
        if options.command == "check":
            return check(config, programs)
        summary = _sync(config, options, programs)
    except SyncError as error:
        exit_code = USAGE if isinstance(error, ConfigError) else FAILED
        LOGGER.error("%s", error)
        if options.command == "check":
            return exit_code
        summary = {"status": MEANINGS[exit_code], "exit_code": exit_code, "error": str(error)}
    _print(json.dumps(summary))
    return int(str(summary["exit_code"]))


def _open_closed_descriptors() -> None:
    """
    Open /dev/null in place of a closed stdin, stdout or stderr.

    A file for a program would get that number otherwise, and a stream of the program would replace
    the file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number


def _log_to_stderr(log_format: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(to_formatter(log_format, PROGRAM, visible))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _print(line: str) -> None:
    """Print a line; a closed stdout does not change the load."""
    if sys.stdout is None:  # closed before the start
        LOGGER.warning("the summary cannot be written to stdout: it is closed")
        return
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError as error:
        LOGGER.warning("the summary cannot be written to stdout: %s", error)
        stdout.discard()


def _sync(config: SyncConfig, options: argparse.Namespace, programs: Programs) -> dict[str, object]:
    choices = SyncOptions(full_refresh=options.full_refresh, dry_run=options.dry_run)
    return Sync(config, choices, programs).run()


def _warn_if_open(path: Path | None) -> None:
    """Warn of a file with secrets that other users can read or change."""
    mode = path.stat().st_mode if path else 0
    if mode & 0o077:
        LOGGER.warning("%s can be read or changed by others: chmod 600", path)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=DESCRIPTION)
    parser.add_argument(
        "--version", action=VersionAction, nargs=0, help="print the version and exit"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sync = _add_command(commands, "sync", "load what has changed, or everything the first time")
    add = sync.add_argument
    add(
        "--full-refresh", action="store_true", help="read everything again, whatever the state says"
    )
    add("--dry-run", action="store_true", help="count what would be loaded, and load nothing")
    _add_command(commands, "check", "test the token and the connection, and load nothing")
    return parser.parse_args(arguments)


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, meaning: str
) -> argparse.ArgumentParser:
    """Add a command with the options that all have; return its parser."""
    command = commands.add_parser(
        name,
        help=meaning,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="JSON file with the sections tap, target and catalog",
    )
    command.add_argument(
        "--log-format", choices=LOG_FORMATS, help="of both programs' logs and of this one's"
    )
    return command
