"""Reads the arguments; starts a load, or a check of the server."""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from command_line import stdout
from command_line.about import VersionAction
from command_line.log_format import LOG_FORMATS, TEXT
from command_line.signals import raise_on_signals
from mysql_settings.option_files import OPTION_FILES
from target_mysql import logs
from target_mysql.exceptions import ConfigError, LockedError, Stopped, TargetError
from target_mysql.logs import PROGRAM

LOGGER = logging.getLogger("target_mysql")

EXIT_FAILED, EXIT_USAGE = 1, 2
EXIT_LOCKED = os.EX_TEMPFAIL  # 75, which sysexits.h has for what may be tried again later

DESCRIPTION = """\
Reads Singer messages on standard input, loads them into MySQL or MariaDB, and writes each state to
standard output once every record before it is committed.
"""
EPILOG = f"""\
Settings that no --config has are read from the environment: TARGET_MYSQL_HOST, _PORT, _USER,
_PASSWORD, _DATABASE and so on, or the files that TARGET_MYSQL_PASSWORD_FILE and so on name; then
from the groups [client] and [target-mysql] of {", ".join(OPTION_FILES)}.
Exit codes: 0 done; 1 failed; 2 usage or configuration; 75 another load has a table of this one, or
its state: run again later; 130, 143 stopped by a signal.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run target-mysql and exit."""
    code = run(_parse(arguments))
    _flush_or_drop()
    sys.exit(code)


def run(options: argparse.Namespace) -> int:
    """Return the exit code of a run with these options."""
    # Imported here: --help needs none of it.
    from target_mysql import commands

    gc.freeze()  # keeps imported modules out of the final collection: saves 10 % of start-up
    logs.set_up(options.log_format or _format_of_environment())
    overrides = {"state_id": options.state_id, "log_format": options.log_format}
    try:
        if options.about:
            commands.print_about(PROGRAM, DESCRIPTION, options.format)
        elif options.check:
            commands.check(options.config, overrides)
        elif options.print_state:
            commands.print_state(options.config, overrides)
        elif options.list_states:
            commands.list_states(options.config, overrides)
        elif options.set_state is not None:
            commands.set_state(options.config, overrides, options.set_state)
        else:
            raise_on_signals(Stopped)
            _raise_on_closed_stdout()
            commands.load(options.config, overrides)
    except TargetError as error:
        LOGGER.error("%s", " ".join(str(error).splitlines()))
        return _exit_code(error)
    except Stopped as stopped:
        LOGGER.error("stopped by %s: rows since the last state are not loaded", stopped)
        return stopped.exit_code
    return 0


def _format_of_environment() -> str:
    """Return the format of the log until the configuration is read."""
    log_format = os.environ.get("TARGET_MYSQL_LOG_FORMAT", TEXT)
    return log_format if log_format in LOG_FORMATS else TEXT


def _exit_code(error: TargetError) -> int:
    if isinstance(error, LockedError):
        return EXIT_LOCKED
    return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED


def _flush_or_drop() -> None:
    """Flush stdout; drop the rest of a closed pipe, for which Python would exit with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        stdout.discard()


def _raise_on_closed_stdout() -> None:
    """Have a closed stdout raise an error, as is Python's default."""
    with contextlib.suppress(AttributeError):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="JSON configuration; ENV for the environment only; of several the last counts most",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="test the connection and the user's rights, print them, and exit",
    )
    parser.add_argument(
        "--log-format", choices=LOG_FORMATS, help="of the log, as the setting log_format"
    )
    _add_state_options(parser)
    parser.add_argument(
        "--about", action="store_true", help="print the configuration as JSON Schema, and exit"
    )
    parser.add_argument(
        "--format", choices=("json", "markdown"), default="json", help="of --about (default: json)"
    )
    parser.add_argument(
        "--version", nargs=0, action=VersionAction, help="print the version, and exit"
    )
    return parser.parse_args(arguments)


def _add_state_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the state in the database."""
    parser.add_argument(
        "--state-id", metavar="NAME", help="keep the state in the database, as the setting state_id"
    )
    parser.add_argument(
        "--print-state", action="store_true", help="print the stored state, {} if none, and exit"
    )
    parser.add_argument(
        "--set-state",
        type=Path,
        metavar="FILE",
        help="store the state in FILE, or of stdin with -, and exit",
    )
    parser.add_argument(
        "--list-states",
        action="store_true",
        help="print every state_id and when its state was written, and exit",
    )
