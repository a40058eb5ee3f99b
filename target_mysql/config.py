"""
The configuration: the server and the way to load, checked once, with all faults in one error.

A setting comes from the files of --config, else from TARGET_MYSQL_<NAME> in the environment.
Settings of the server also come from the option files of the mysql client.
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
        return value  # not a list: the check of the type refuses a text


Seconds = Annotated[float, Meta(gt=0, le=MAX_SECONDS, extra={"unit": "seconds"})]
SecondsOrZero = Annotated[float, Meta(ge=0, le=MAX_SECONDS, extra={"unit": "seconds"})]
StateId = Annotated[
    str,
    # The state table's key has 190 characters, and some servers ignore spaces at its end.
    Meta(pattern=r"^\S(.{0,188}\S)?$(?!\n)"),  # `$` also matches before a line end
]
SetStatement = Annotated[str, Meta(pattern=r"^\s*[Ss][Ee][Tt] ")]


class Config(ServerSettings, frozen=True, kw_only=True):
    """
    The settings of the target; the `Meta` of a field has the meaning, range and unit.

    `from_sources` builds and checks a Config.
    """

    state_id: Annotated[
        StateId | None,
        Meta(
            description="name of the state in the table _sdc_state, which is written in the "
            "transaction of its rows; without a name no state is stored",
            extra={"expected": "a name of 1 to 190 characters, without spaces around it"},
        ),
    ] = None
    batch_size_rows: Annotated[
        int,
        Meta(
            ge=1,
            le=10**9,
            description="load a batch at this many rows of all streams",
            extra={"unit": "rows"},
        ),
    ] = 20_000
    batch_size_bytes: Annotated[
        int,
        Meta(
            ge=1,
            le=2**40,
            description="load a batch at this many bytes of all streams",
            extra={"unit": "bytes"},
        ),
    ] = 4 * 1024 * 1024
    batch_wait_limit_seconds: Annotated[
        Seconds, Meta(description="load a batch at the latest after this time")
    ] = 60.0
    retry_limit_seconds: Annotated[
        Seconds,
        Meta(
            description="how long to retry a server that is unreachable, full or failing, from the "
            "first failure on"
        ),
    ] = 300.0
    read_timeout_seconds: Annotated[
        SecondsOrZero,
        Meta(
            description="how long the server may take to receive a packet or to respond, except "
            "to an ALTER, until the connection counts as lost; 0: for ever"
        ),
    ] = 600.0
    lock_wait_seconds: Annotated[
        SecondsOrZero,
        Meta(
            description="how long to wait for another load of the same table; 0: exit at once",
        ),
    ] = 0.0
    lock_timeout_seconds: Annotated[
        Seconds,
        Meta(
            description="how long a table's lock stays valid without a sign of life from the "
            "load that holds it"
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
            description="delete rows, instead of setting their _sdc_deleted_at; adds the _sdc_ "
            "columns"
        ),
    ] = False
    missing_properties: Annotated[
        Literal["auto", "keep", "null"],
        Meta(
            description="the column of a declared property that a record lacks: null sets NULL,"
            " keep keeps the value, auto keeps for log-based streams and sets NULL "
            "for others"
        ),
    ] = "auto"
    foreign_keys: Annotated[
        bool,
        Meta(
            description="add a foreign key from a child table to the table of its x-parent,"
            " unless its column for the parent is text outside its own key"
        ),
    ] = True
    primary_key_required: Annotated[
        bool, Meta(description="refuse streams without key_properties")
    ] = True
    data_flattening_max_level: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="levels of nested objects whose properties become columns, as in a__b",
            extra={"unit": "levels"},
        ),
    ] = 0
    invalid_dates: Annotated[
        Literal["error", "null", "clamp"],
        Meta(description="how to load dates that MySQL cannot hold, such as the year 10000"),
    ] = "error"
    validate_records: Annotated[bool, Meta(description="check each record against the SCHEMA")] = (
        False
    )
    log_format: Annotated[
        Literal["text", "json"],
        Meta(
            description="format of the log: lines of text, or the JSON of the Singer SDK, whose"
            " levels Meltano shows"
        ),
    ] = "text"
    metrics_file: Annotated[
        str | None,
        Meta(description="file for the metrics of the run, in Prometheus' text format"),
    ] = None
    temp_dir: Annotated[
        str | None, Meta(description="accepted for compatibility; no files are written")
    ] = None
    flush_all_streams: Annotated[
        bool, Meta(description="accepted for compatibility; always true")
    ] = True
    init_sql: Annotated[
        tuple[SetStatement, ...],
        Meta(
            description="SET statements to run after connecting",
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
        ours = translate(settings)
        reading = read_settings(
            cls,
            Sources(ours.settings, environment, OPTION_GROUP, tuple(option_files), ALIASES),
        )
        for warning in (*ours.warnings, *reading.warnings):
            LOGGER.warning("%s", warning)
        faults = [
            *ours.faults,
            *_unknown_faults(ours.settings, reading.present),
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
    names = declared(Config).keys()
    faults = []
    for name in settings:
        if name not in names:
            problem, may_connect = _unknown_key(name, [*names, *ALIASES], present)
            if may_connect:
                faults.append(problem)
            else:
                LOGGER.warning("%s", problem)
    return faults


def _unknown_key(name: str, names: list[str], present: Collection[str]) -> tuple[str, bool]:
    """Return a message on an unknown key, and whether the key may change the connection."""
    nearest = next(iter(difflib.get_close_matches(name, names, n=1)), None)
    hint = f": did you mean {nearest}?" if nearest else ""
    problem = f"unknown config key {name}{hint}"
    setting = ALIASES.get(nearest, nearest) if nearest else None
    if setting in SERVER_KEYS:
        return problem, setting not in present or "user" not in present
    has_user = "user" in present
    return problem if has_user else f"{problem}, and no user is named", not has_user
