"""The commands: load, check the server, print the settings."""

from __future__ import annotations

import codecs
import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from command_line.about import about
from command_line.stdin import read_lines
from command_line.stdout import write_whole
from mysql_settings.declarations import to_json_schema
from mysql_settings.file_access import to_warnings
from mysql_settings.login import unproven_server_warning
from mysql_settings.option_files import OPTION_FILES
from mysql_settings.sources import files_of_environment
from mysql_settings.visible import visible
from target_mysql import logs
from target_mysql.config import Config, read_files
from target_mysql.exceptions import (
    ConfigError,
    ConnectError,
    DatabaseError,
    DatabaseMissing,
    LockedError,
    Stopped,
    TargetError,
    TransientError,
)
from target_mysql.loading import stored_states
from target_mysql.loading.loader import Loader
from target_mysql.loading.stored_states import StoredState
from target_mysql.loading.table_locks import TableLocks
from target_mysql.retries import iter_waits_s
from target_mysql.server.database import Database
from target_mysql.server.rights import find_missing_rights

LOGGER = logging.getLogger(__name__)

STDIN = Path("-")
TICK_S = 1.0  # the longest delay of a flush by time
# The thread switch interval, so that parsing does not hold up the commit thread. With Python's
# default of 5 ms, a load over existing rows took an eighth longer.
SWITCH_INTERVAL_S = 0.0005
CAPABILITIES = (
    *("about", "schema-flattening", "activate-version", "hard-delete", "structured-logging"),
)

MISSING_DATABASE = " (none that this user sees: a load creates it)"
EVERY_SERVER_HAS = "information_schema"

Overrides = Mapping[str, str | None]
"""Settings that options of the command line give; None if an option is missing."""


def load(paths: Sequence[Path], overrides: Overrides) -> None:
    """Load the messages of stdin as the configuration in `paths` says; raises TargetError."""
    config = _read_config(paths, overrides)
    database = _connect_with_retries(config)
    LOGGER.info("loading into %s of %s", config.database, database.server.version)
    if database.server.is_oceanbase:
        LOGGER.info("LOAD DATA of OceanBase turns empty texts into NULL: using INSERT")
    elif not database.uses_load_data:
        LOGGER.info("LOAD DATA LOCAL is off (server's local_infile, load_method): using INSERT")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    run = Loader(database, config, sys.stdout.buffer)
    error: str | None = "interrupted"
    try:
        run.run(read_lines(sys.stdin.fileno(), TICK_S))
        error = None
    except (TargetError, Stopped) as cause:
        error = str(cause)
        raise
    finally:
        run.stop()
        run.report_end(error)
        database.close()


def _connect_with_retries(config: Config, *, creates_database: bool = True) -> Database:
    """Connect; retry an unreachable or full server for retry_limit_seconds. TargetError."""
    waits = iter_waits_s(len(config.addresses), config.retry_limit_seconds)
    while True:
        try:
            return Database(config, creates_database=creates_database)
        except (ConnectError, TransientError) as error:
            may_pass = isinstance(error, TransientError) or error.may_pass
            wait_s = next(waits, None) if may_pass else None
            if wait_s is None:
                raise
            LOGGER.warning("%s: retrying in %.1f s", error, wait_s)
        time.sleep(wait_s)


def print_state(paths: Sequence[Path], overrides: Overrides) -> None:
    """Print the stored state, `{}` without one; raises TargetError."""
    config = _read_config(paths, overrides)
    name = _require_state_id(config)
    try:
        database = _connect_with_retries(config, creates_database=False)
    except DatabaseMissing:
        _print(stored_states.NO_STATE)
        return
    value = stored_states.read_value(database, name)
    database.close()
    _print(value)


def list_states(paths: Sequence[Path], overrides: Overrides) -> None:
    """Print a line for each stored state: state_id, a tab, the time in UTC. TargetError."""
    config = _read_config(paths, overrides)
    try:
        database = _connect_with_retries(config, creates_database=False)
    except DatabaseMissing:
        return
    times = stored_states.read_times(database)
    database.close()
    if times:
        _print("\n".join(f"{visible(name)}\t{at:%Y-%m-%dT%H:%M:%S.%fZ}" for name, at in times))


def set_state(paths: Sequence[Path], overrides: Overrides, source: Path) -> None:
    """
    Store the JSON object in the file `source`, or of stdin if that is `-`, as the state.

    Raises TargetError, of which LockedError says that a load of this state is running.
    """
    config = _read_config(paths, overrides)
    name = _require_state_id(config)
    value = _read_state(source)
    database = _connect_with_retries(config)
    locks = TableLocks(database, config.lock_timeout_seconds)
    state = StoredState(name, locks)
    try:
        if holder := locks.try_acquire(state.lock_name):
            problem = f"state {name} is being loaded by another target-mysql ({holder})"
            raise LockedError(f"{problem}: run again when that has ended")
        stored_states.create_if_missing(database)
        with database.transaction():
            state.write(database, value)
    finally:
        locks.release()
        database.close()


def _require_state_id(config: Config) -> str:
    if config.state_id is None:
        raise ConfigError("state_id: missing: set the key, or give --state-id")
    return config.state_id


def _read_state(source: Path) -> bytes:
    """Return the JSON object in a file as it is written there; raises ConfigError."""
    try:
        text = sys.stdin.buffer.read() if source == STDIN else source.read_bytes()
        value = json.loads(text.removeprefix(codecs.BOM_UTF8))
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: the state is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{source}: the state must be a JSON object")
    return text.removeprefix(codecs.BOM_UTF8).strip()


def check(paths: Sequence[Path], overrides: Overrides) -> None:
    """
    Print the server's version and the user's rights; change nothing there.

    Raises TargetError, also if the user lacks a right that a load needs.
    """
    config = _read_config(paths, overrides)
    database, is_missing = _connect_without_creating(config)
    server = database.server
    grants = [_without_secret(str(grant)) for (grant,) in database.query("SHOW GRANTS")]
    load_data = "allowed" if server.local_infile else "forbidden, INSERT is used"
    if server.is_oceanbase:
        load_data = "unsafe on OceanBase, INSERT is used"
    lines = [
        f"server: {server.version}",
        f"database: {config.database}{MISSING_DATABASE if is_missing else ''}",
        f"LOAD DATA LOCAL: {load_data}",
        *(f"grant: {grant}" for grant in grants),
    ]
    _print("\n".join(map(visible, lines)))
    missing_rights = find_missing_rights(database, config.database)
    ((user,),) = database.query("SELECT CURRENT_USER()")
    database.close()
    if missing_rights:
        problem = f"{user} lacks {', '.join(missing_rights)} on database {config.database}"
        raise DatabaseError(f"{problem}, which a load needs: grant this user these rights")


def _connect_without_creating(config: Config) -> tuple[Database, bool]:
    """Return a connection, and whether the configured database is missing; raises TargetError."""
    try:
        return Database(config, creates_database=False), False
    except DatabaseMissing:
        return Database(replace(config, database=EVERY_SERVER_HAS)), True


def _without_secret(grant: str) -> str:
    """Return a grant without the user's authentication, which has the password's hash."""
    # MariaDB may name several ways: IDENTIFIED VIA ... USING '...' OR ... USING '...'.
    return re.split(r"\sIDENTIFIED\s", grant, maxsplit=1)[0]


def print_about(program: str, description: str, form: str) -> None:
    """Print name, version, capabilities and settings, as `json` or `markdown`."""
    _print(about(program, description, CAPABILITIES, to_json_schema(Config), form))


def _read_config(paths: Sequence[Path], overrides: Overrides) -> Config:
    present = {name: value for name, value in overrides.items() if value is not None}
    config = Config.from_sources(read_files(paths) | present, os.environ)
    logs.set_up(config.log_format)
    of_environment = files_of_environment(os.environ, Config.__struct_fields__)
    for warning in to_warnings([*paths, *of_environment, *map(Path, OPTION_FILES)]):
        LOGGER.warning("%s", warning)
    hosts = (address.name for address in config.host)
    if warning := unproven_server_warning(config.ssl_mode, config.unix_socket, hosts):
        LOGGER.warning("%s", warning)
    return config


def _print(text: str) -> None:
    try:
        write_whole(sys.stdout.buffer, f"{text}\n".encode())
    except OSError as error:
        raise TargetError(f"cannot be written to stdout: {error}") from error
