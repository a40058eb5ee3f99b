"""
Settings from their sources: the `--config` files, the environment, the mysql client's option files.

The first source that has a value for a setting counts. A null in a file means "not set".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mysql_settings.declarations import declared
from mysql_settings.exceptions import SettingsError
from mysql_settings.option_files import OPTION_FILES, read_option_files
from mysql_settings.other_names import ALIASES, to_our_names
from mysql_settings.server import SERVER_KEYS, find_faults, with_implied

ENVIRONMENT_PREFIX = "TARGET_MYSQL_"
NO_FILE = Path("ENV")  # `--config ENV`, as Meltano's SDK has it: the environment is enough
SECTION = (
    "target"  # in a file with the settings of tap and target, as of `hubspot-engagements sync`
)


@dataclass(frozen=True)
class Sources:
    """
    The sources of settings, in order of precedence.

    `config` holds the keys of the `--config` files. `option_group` is the program's own group in
    the option files, beside those of every client. `aliases` maps other names to ours.
    """

    config: Mapping[str, object]
    environment: Mapping[str, str]
    option_group: str
    option_files: Sequence[str] = OPTION_FILES
    aliases: Mapping[str, str] = field(default_factory=lambda: ALIASES)


@dataclass(frozen=True)
class Reading:
    """
    The values of all sources, of their declared types; and all faults and warnings in words.

    `present` has the names of all settings that some source has, those with faults too.
    """

    values: Mapping[str, Any]
    present: Collection[str]
    faults: Sequence[str]
    warnings: Sequence[str]


def read_config_files(paths: Iterable[Path]) -> dict[str, object]:
    """
    Return the keys of JSON files. A key of a later file counts; ENV is not a file.

    Of a file that configures a whole pipe, the keys are those of its section `target`.
    Raises SettingsError for a file that cannot be read or is not a JSON object.
    """
    config: dict[str, object] = {}
    for path in paths:
        if path != NO_FILE:
            keys = _read_json(path)
            section = keys.get(SECTION)
            keys = section if isinstance(section, dict) else keys
            config |= {k: v for k, v in keys.items() if v is not None or k not in config}
    return config


def read_settings(declaration: type[msgspec.Struct], sources: Sources) -> Reading:
    """Return the values of the settings of `declaration`; other names are ignored."""
    settings = declared(declaration)
    environment, faults = _read_environment(sources, settings.keys())
    options, warnings = read_option_files(sources.option_files, SERVER_KEYS, sources.option_group)
    raw_values = _merge(to_our_names(sources.config, sources.aliases), environment, options)
    values = {}
    for name, value in raw_values.items():
        if name in settings:
            try:
                values[name] = settings[name].parse(value)
            except ValueError as error:
                faults.append(f"{name}: {error}")
    values = with_implied(values)
    return Reading(values, raw_values.keys(), [*faults, *find_faults(values)], warnings)


def files_of_environment(environment: Mapping[str, str], names: Iterable[str]) -> list[Path]:
    """Return the files that variables such as TARGET_MYSQL_PASSWORD_FILE name."""
    variables = (f"{_variable(name)}_FILE" for name in names)
    return [Path(environment[name]) for name in variables if environment.get(name)]


def _read_json(path: Path) -> dict[str, object]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: not JSON: {error}") from error
    if not isinstance(config, dict):
        raise SettingsError(f"{path}: must hold a JSON object")
    return config


def _read_environment(
    sources: Sources, names: Iterable[str]
) -> tuple[dict[str, object], list[str]]:
    """Return the values that variables hold or name the files of, and faults."""
    values: dict[str, object] = {}
    faults = []
    for name in (*names, *sources.aliases):
        try:
            value = _read_variable(sources.environment, _variable(name))
        except ValueError as error:
            faults.append(str(error))
            continue
        # An empty password is a password; any other empty variable is an unset one.
        if value or (value is not None and sources.aliases.get(name, name) == "password"):
            values[name] = value
    return to_our_names(values, sources.aliases), faults


def _read_variable(environment: Mapping[str, str], variable: str) -> str | None:
    """
    Return the value of `variable`, or the text of the file in `variable`_FILE; else None.

    Line ends after the file's text are left out. Raises ValueError for both, and for a file that
    cannot be read.
    """
    value, path = environment.get(variable), environment.get(f"{variable}_FILE")
    if not path:
        return value
    if value:
        raise ValueError(f"{variable}, {variable}_FILE: give only one of them")
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"{variable}_FILE: {path}: cannot be read: {error.strerror}") from error
    except ValueError:  # whose text would show some of the secret
        raise ValueError(f"{variable}_FILE: {path}: not UTF-8 text") from None


def _variable(name: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def _merge(*sources: Mapping[str, object]) -> dict[str, object]:
    """Return the values of the first source that has each; a host or port counts over a socket."""
    first: dict[str, object] = {}
    for source in sources:
        by_tcp = not first.keys().isdisjoint(("host", "port"))
        for name, value in source.items():
            # A socket of an option file would otherwise win over a host that a nearer source has.
            if value is not None and not (by_tcp and name == "unix_socket"):
                first.setdefault(name, value)
    return first
