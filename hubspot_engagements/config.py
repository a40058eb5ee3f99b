"""
The configuration: a file with the sections of both programs, or the environment.

    {"tap": {...}, "target": {...}, "catalog": {...} or "catalog.json"}

The programs check their own sections. Keys of the file override the environment, in which the tap's
keys are TAP_HUBSPOT_ENGAGEMENTS_<KEY> and the target reads TARGET_MYSQL_<KEY> itself.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubspot_engagements.exceptions import ConfigError

PROGRAMS = ("tap", "target")
SECTIONS = (*PROGRAMS, "catalog")
TAP_PREFIX, FILE_SUFFIX = "TAP_HUBSPOT_ENGAGEMENTS_", "_FILE"
CATALOG_VARIABLE = "HUBSPOT_ENGAGEMENTS_CATALOG"
STATE_ID_VARIABLE = "TARGET_MYSQL_STATE_ID"
STATE_ID = "hubspot-engagements"  # of a configuration that names none
# The tap's keys that end like a variable that names a file.
KEYS_OF_FILES = ("refresh_token_file", "metrics_file")

Keys = Mapping[str, object]


@dataclass(frozen=True)
class SyncConfig:
    """
    The sections for the programs, and the name of the state.

    Without a `catalog` the tap uses the default selection.
    """

    tap: Keys = field(repr=False)
    target: Keys = field(repr=False)
    catalog: Keys | None
    state_id: str


def read_config(path: Path | None, environment: Mapping[str, str]) -> SyncConfig:
    """Return the configuration of a file, if there is one, and the environment; ConfigError."""
    settings = _read_object(path) if path else {}
    folder = path.parent if path else Path()
    faults = [_unknown(name) for name in settings if name not in SECTIONS]
    sections = {name: {} if settings.get(name) is None else settings[name] for name in PROGRAMS}
    faults += [
        f"{name}: must be an object with the keys of the {name}"
        for name, section in sections.items()
        if not isinstance(section, dict)
    ]
    catalog = settings.get("catalog")
    if not isinstance(catalog, (dict, str, type(None))):
        faults.append("catalog: must be an object or the name of a file")
    if faults:
        raise ConfigError(f"{path}: " + "; ".join(faults))
    tap, target = (value if isinstance(value, dict) else {} for value in sections.values())
    state_id = target.get("state_id") or environment.get(STATE_ID_VARIABLE) or STATE_ID
    present = {name: value for name, value in tap.items() if value is not None}
    return SyncConfig(
        _tap_keys(environment) | present,
        target,
        _read_catalog(catalog, folder, environment),
        str(state_id),
    )


def _read_catalog(
    catalog: object, folder: Path, environment: Mapping[str, str]
) -> dict[str, object] | None:
    """Return the catalog of the file, or of the environment; None without a catalog."""
    if isinstance(catalog, dict):
        return catalog
    if isinstance(catalog, str):
        return _read_object(folder / catalog)  # relative to the file that names it
    path = environment.get(CATALOG_VARIABLE)
    return _read_object(Path(path)) if path else None


def _tap_keys(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the tap's keys of the environment; `<KEY>_FILE` names a file with the value."""
    keys: dict[str, object] = {}
    for variable, value in environment.items():
        name = variable.removeprefix(TAP_PREFIX).lower()
        if not variable.startswith(TAP_PREFIX) or not value:
            continue
        if variable.endswith(FILE_SUFFIX) and name not in KEYS_OF_FILES:
            keys[name.removesuffix(FILE_SUFFIX.lower())] = _read_text(variable, Path(value))
        else:
            keys[name] = _to_json(variable, value)
    return keys


def _to_json(variable: str, value: str) -> object:
    """Return the list, object or null that a value holds as JSON, any other value as text."""
    if value != "null" and not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ConfigError(f"{variable}: not JSON: {error}") from error


def _read_object(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: must hold a JSON object")
    return value


def _read_text(variable: str, path: Path) -> str:
    """Return the text of a file, such as a docker secret, without trailing line ends."""
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"{variable}: {path}: cannot be read: {error.strerror}") from error
    except ValueError:  # whose text would show some of the secret
        raise ConfigError(f"{variable}: {path}: not UTF-8 text") from None


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, SECTIONS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the sections are {', '.join(SECTIONS)}"
    return f"unknown section {name}: {hint}"
