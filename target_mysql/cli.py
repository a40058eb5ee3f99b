"""Reads the arguments, joins stdin to the database."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from target_mysql.config import OPTION_FILES, Config, about, read_settings
from target_mysql.database import Database
from target_mysql.exceptions import ConfigError, TargetError
from target_mysql.load import Load
from target_mysql.messages import iter_chunks

PROGRAM, DISTRIBUTION = "target-mysql", "tap-hubspot-engagements"
LOGGER = logging.getLogger("target_mysql")

EXIT_FAILED, EXIT_USAGE = 1, 2
TICK_S = 1.0  # how late a flush by time may be
# How long parsing may keep the interpreter from committing, for which the server waits several
# times a batch. At Python's own 5 ms, a load over rows that are there took an eighth longer.
SWITCH_INTERVAL_S = 0.0005

DESCRIPTION = """\
Reads Singer messages on standard input, loads them into MySQL or MariaDB, and writes each state to
standard output once every record before it is committed.
"""
EPILOG = f"""\
Without --config, or for keys that it lacks, TARGET_MYSQL_HOST, _PORT, _USER, _PASSWORD, _DATABASE
and so on are read from the environment, then the groups [client] and [target-mysql] of
{", ".join(OPTION_FILES)}.
Exit codes: 0 done; 1 failed; 2 usage or configuration; 130, 143 stopped by a signal.
"""


class Stopped(BaseException):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def main(arguments: Sequence[str] | None = None) -> None:
    """Run target-mysql and exit."""
    gc.freeze()  # what is imported stays: to look through it at the end is a tenth of a start
    code = run(_parse(arguments))
    _flush_or_drop()
    sys.exit(code)


def run(options: argparse.Namespace) -> int:
    """Return the exit code of a run with these options."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        if options.version:
            return _tell(f"{PROGRAM} {_version()}")
        if options.about:
            return _tell_about()
        config = Config.from_sources(read_settings(options.config), os.environ)
        return _check(config) if options.check else _load(config)
    except TargetError as error:
        # Names of streams and columns, and what servers say, may hold line ends.
        LOGGER.error("%s", " ".join(str(error).splitlines()))
        return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED
    except Stopped as stopped:
        LOGGER.error("stopped by %s: rows since the last state are not loaded", stopped)
        return stopped.exit_code


def _flush_or_drop() -> None:
    """Flush stdout; drop what cannot be written, for which Python would exit with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _load(config: Config) -> int:
    _raise_on_signals()
    database = Database(config)
    LOGGER.info("loading into %s of %s", config.database, database.server.version)
    if not database.uses_load_data:
        LOGGER.info("LOAD DATA LOCAL is off (server's local_infile, load_method): using INSERT")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    load = Load(database, config, sys.stdout.buffer)
    outcome = "failed"
    try:
        load.run(iter_chunks(sys.stdin.fileno(), TICK_S))
        outcome = "done"
    finally:
        load.stop()
        load.progress.close(outcome)
        database.close()
    return 0


def _check(config: Config) -> int:
    """Say what server this is and what it allows."""
    database = Database(config)
    server = database.server
    grants = [str(grant) for (grant,) in database.query("SHOW GRANTS")]
    lines = [
        f"server: {server.version}",
        f"database: {config.database}",
        f"LOAD DATA LOCAL: {'allowed' if server.local_infile else 'forbidden, INSERT is used'}",
        *(f"grant: {grant.partition(' IDENTIFIED BY ')[0]}" for grant in grants),
    ]
    database.close()
    return _tell("\n".join(lines))


def _tell_about() -> int:
    """Say what this is and how it is configured, as Meltano's programs do."""
    facts = {
        "name": PROGRAM,
        "description": DESCRIPTION.replace("\n", " ").strip(),
        "version": _version(),
        "capabilities": ["about", "schema-flattening", "activate-version", "hard-delete"],
        "settings": about(),
    }
    return _tell(json.dumps(facts, indent=2))


def _version() -> str:
    # Imported here: it takes as long as a tenth of a start.
    from importlib.metadata import version

    return version(DISTRIBUTION)


def _tell(text: str) -> int:
    sys.stdout.write(text + "\n")
    return 0


def _raise_on_signals() -> None:
    def stop(number: int, _: FrameType | None) -> None:
        # A second signal finds no handler of ours: then the process ends where it stands.
        signal.signal(number, signal.SIG_DFL)
        raise Stopped(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with contextlib.suppress(AttributeError):
        # Python ignores it already; said here because a closed stdout must be an error of ours.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="JSON configuration")
    parser.add_argument(
        "--check", action="store_true", help="connect, say what the server is and allows, and exit"
    )
    parser.add_argument(
        "--about", action="store_true", help="print the configuration as JSON Schema, and exit"
    )
    parser.add_argument("--version", action="store_true", help="print the version, and exit")
    return parser.parse_args(arguments)
