"""
The configuration: where the server is and how to load, checked once, all faults named at once.

A setting comes from the files of --config, then from TARGET_MYSQL_<NAME> in the environment, then,
where it says where the server is, from the option files that the mysql client reads.
"""

from __future__ import annotations

import difflib
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from mysql_settings.declarations import declared
from mysql_settings.exceptions import SettingsError
from mysql_settings.option_files import OPTION_FILES
from mysql_settings.server import SERVER_KEYS, ServerSettings
from mysql_settings.sources import Sources, read_config_files, read_settings
from target_mysql.exceptions import ConfigError
from target_mysql.other_targets import ALIASES, translate

LOGGER = logging.getLogger(__name__)

OPTION_GROUP = "target-mysql"
MAX_SECONDS = 86_400


def parse_statements(value: object) -> object:
    """Return the list that text of the environment holds as JSON; other values as they are."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value  # which is no list, as the check of the type finds


Seconds = Annotated[float, Meta(gt=0, le=MAX_SECONDS, extra={"unit": "seconds"})]
SecondsOrZero = Annotated[float, Meta(ge=0, le=MAX_SECONDS, extra={"unit": "seconds"})]
SetStatement = Annotated[str, Meta(pattern=r"^\s*[Ss][Ee][Tt] ")]


class Config(ServerSettings, frozen=True, kw_only=True):
    """
    How to connect and how to load; each field's `Meta` says what it means.

    `from_sources` is the way in: it raises ConfigError naming every fault.
    """

    batch_size_rows: Annotated[
        int,
        Meta(
            ge=1,
            le=10**9,
            description="rows of all streams that make a batch",
            extra={"unit": "rows"},
        ),
    ] = 20_000
    batch_size_bytes: Annotated[
        int,
        Meta(
            ge=1,
            le=2**40,
            description="bytes of all streams that make a batch",
            extra={"unit": "bytes"},
        ),
    ] = 4 * 1024 * 1024
    batch_wait_limit_seconds: Annotated[
        Seconds, Meta(description="seconds that a row waits at most")
    ] = 60.0
    retry_limit_seconds: Annotated[
        Seconds,
        Meta(description="seconds for which a server that is away, full or fails is tried again"),
    ] = 300.0
    read_timeout_seconds: Annotated[
        SecondsOrZero,
        Meta(
            description="seconds to wait for the answer to a statement, but for an ALTER, before"
            " the connection counts as lost; 0: for ever"
        ),
    ] = 600.0
    lock_wait_seconds: Annotated[
        SecondsOrZero,
        Meta(
            description="seconds to wait for another load of the same table; 0: exit at once",
        ),
    ] = 0.0
    lock_timeout_seconds: Annotated[
        Seconds,
        Meta(
            description="seconds without a sign of life after which another load may take a"
            " table's lock over"
        ),
    ] = 30.0
    load_method: Literal["auto", "local_infile", "insert"] = "auto"
    staging: Annotated[
        Literal["temporary", "tables"],
        Meta(
            description="where a batch waits to be merged: temporary tables, or ordinary ones named"
            " _sdc_staging_, which are used in any case where the server refuses temporary ones"
        ),
    ] = "temporary"
    add_metadata_columns: Annotated[bool, Meta(description="add the _sdc_ columns")] = True
    hard_delete: Annotated[
        bool,
        Meta(
            description="delete rows that are gone, instead of flagging them; adds the _sdc_"
            " columns"
        ),
    ] = False
    missing_properties: Annotated[
        Literal["auto", "keep", "null"],
        Meta(
            description="what becomes of a column whose declared property a record leaves out:"
            " null empties it, keep lets it keep its value, auto keeps for log-based streams and"
            " empties for others"
        ),
    ] = "auto"
    foreign_keys: Annotated[
        bool, Meta(description="tie tables to their x-parent's by foreign keys")
    ] = True
    primary_key_required: Annotated[
        bool, Meta(description="refuse streams without key_properties")
    ] = True
    data_flattening_max_level: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="levels of objects whose properties become columns, as in a__b",
            extra={"unit": "levels"},
        ),
    ] = 0
    invalid_dates: Annotated[
        Literal["error", "null", "clamp"],
        Meta(description="what to make of dates that MySQL cannot hold, such as the year 10000"),
    ] = "error"
    validate_records: Annotated[bool, Meta(description="check each record against its SCHEMA")] = (
        False
    )
    temp_dir: Annotated[
        str | None, Meta(description="accepted for compatibility: no files are written")
    ] = None
    flush_all_streams: Annotated[
        bool, Meta(description="always so here; accepted for compatibility")
    ] = True
    init_sql: Annotated[
        tuple[SetStatement, ...],
        Meta(
            description="SET statements to run on connecting",
            extra={"decode": parse_statements, "expected": "a list of SET statements"},
        ),
    ] = ()

    @property
    def needs_metadata_columns(self) -> bool:
        """Whether tables get the _sdc_ columns, without which no row can be deleted."""
        return self.add_metadata_columns or self.hard_delete

    @classmethod
    def from_sources(
        cls,
        settings: Mapping[str, object],
        environment: Mapping[str, str],
        option_files: Iterable[str] = OPTION_FILES,
    ) -> Config:
        """
        Build the configuration from the config files' keys, the environment and option files.

        Raises ConfigError, naming every fault of all of them.
        """
        translated = translate(settings)
        reading = read_settings(
            cls,
            Sources(translated.settings, environment, OPTION_GROUP, tuple(option_files), ALIASES),
        )
        for warning in (*translated.warnings, *reading.warnings):
            LOGGER.warning("%s", warning)
        faults = [
            *translated.faults,
            *_unknown_faults(translated.settings, reading.present),
            *reading.faults,
        ]
        if faults:
            raise ConfigError("configuration: " + "; ".join(faults))
        if reading.values.get("flush_all_streams") is False:
            LOGGER.warning("flush_all_streams: always true here, false has no effect")
        return cls(**reading.values)


def read_files(paths: Iterable[Path]) -> dict[str, object]:
    """Return the keys of the files of --config; raises ConfigError."""
    try:
        return read_config_files(paths)
    except SettingsError as error:
        raise ConfigError(str(error)) from error


def _unknown_faults(settings: Iterable[str], present: Collection[str]) -> list[str]:
    """
    Warn of unknown keys; return a fault for each that may name the server or the user.

    With a default instead, the load could go to another server, or log in as root.
    """
    known = declared(Config).keys()
    faults = []
    for name in settings:
        if name not in known:
            problem, may_connect = _unknown_key(name, [*known, *ALIASES], present)
            if may_connect:
                faults.append(problem)
            else:
                LOGGER.warning("%s", problem)
    return faults


def _unknown_key(name: str, known: list[str], present: Collection[str]) -> tuple[str, bool]:
    """Return what to say of an unknown key, and whether it may change the connection."""
    nearest = next(iter(difflib.get_close_matches(name, known, n=1)), None)
    hint = f": did you mean {nearest}?" if nearest else ""
    problem = f"unknown config key {name}{hint}"
    meant = ALIASES.get(nearest, nearest) if nearest else None
    if meant in SERVER_KEYS:
        return problem, meant not in present or "user" not in present
    has_user = "user" in present
    return problem if has_user else f"{problem}, and no user is named", not has_user
