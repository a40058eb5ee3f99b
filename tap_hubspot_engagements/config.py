"""The configuration: checked once, with all faults in one error, typed from then on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from command_line.log_format import LOG_FORMATS, TEXT
from hubspot_api.activity_properties import OBJECT_TYPES
from hubspot_api.config_file import warn_unknown
from hubspot_api.settings import (
    ApiSettings,
    choice_parser,
    credential_faults,
    describe,
    number_parser,
    parse_header,
    parse_path,
    parse_values,
    setting,
    with_credentials,
)
from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.times import parse_moment

API_VERSIONS = ("v1", "v3", "2026-03", "2026-09")
RELATED_TYPES = ("contacts", "companies", "deals", "tickets")
"""Types of objects that every portal has; each is a stream of the catalog."""

SKIPPABLE_TYPES = (*OBJECT_TYPES, *RELATED_TYPES)
"""Types that `skip_types` may name: of engagements, and of their associations."""

ENGAGEMENTS = "engagements"
CUSTOM_NAME = r"2-\d+|p\d+_\w+"
"""Pattern of a custom object's objectTypeId or fully qualified name."""

Associated = tuple[tuple[str, tuple[str, ...]], ...]
"""Streams or types of engagements, each with the types whose associated records are read."""

SWEEP = "deletion_sweep_hours"
API_KEYS_ENDED = "hapikey: HubSpot ended API keys on 2022-11-30; use access_token"


def _parse_start_date(value: object) -> datetime:
    try:
        start_date = parse_moment(value)
    except ValueError:
        raise ValueError("must be an RFC 3339 date-time such as 2026-01-31T00:00:00Z") from None
    # A day's grace: clocks differ, and a start_date of today is no mistake.
    if start_date > datetime.now(timezone.utc) + timedelta(days=1):
        raise ValueError("lies in the future")
    return start_date


def _parse_types(value: object) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not set(map(str, names)) <= set(SKIPPABLE_TYPES):
        raise ValueError(f"must be a list of some of {', '.join(SKIPPABLE_TYPES)}")
    if set(names) >= set(OBJECT_TYPES):
        raise ValueError("leaves no type to read")
    return tuple(name for name in SKIPPABLE_TYPES if name in names)


def _parse_custom_objects(value: object) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(
        isinstance(name, str) and re.fullmatch(CUSTOM_NAME, name) for name in names
    ):
        raise ValueError(
            "must be a list of objectTypeIds such as 2-1107382, or of fully qualified names such"
            " as p62515_machines"
        )
    return tuple(dict.fromkeys(names))


def _parse_associations(value: object) -> Associated:
    lists = value.values() if isinstance(value, dict) else (None,)
    if not isinstance(value, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists
    ):
        raise ValueError(
            'must be an object with lists of names, such as {"engagements": ["contacts"]}'
        )
    return tuple((str(root), tuple(dict.fromkeys(names))) for root, names in value.items())


@dataclass(frozen=True)
class Config(ApiSettings):
    """
    The keys of the configuration; each field's metadata has the meaning, with units.

    `from_dict` builds a configuration, and raises ConfigError naming every fault.
    """

    user_agent: str = setting("tap-hubspot-engagements", parse_header, "User-Agent header")
    start_date: datetime | None = setting(
        None,
        _parse_start_date,
        "RFC 3339 date-time; engagements last updated before it are left out",
        schema={"type": "string", "format": "date-time"},
    )
    page_size: int | None = setting(
        None,
        number_parser(1, 1000, "engagements", whole=True),
        "engagements per request (default: HubSpot's maximum for the endpoint)",
    )
    lookback_seconds: float = setting(
        3600.0,
        number_parser(0, 30 * 86_400, "seconds", whole=False),
        "seconds before the bookmark to read again: HubSpot lists changes late",
    )
    backfill_workers: int = setting(
        6, number_parser(1, 64, "workers", whole=True), "concurrent requests of a full pass"
    )
    full_refresh_days: float = setting(
        7.0,
        number_parser(0, 3650, "days", whole=False),
        "days between full passes, which find deletions; 0 for none",
    )
    max_deletions: int = setting(
        1000,
        number_parser(0, 10**9, "records", whole=True),
        "records that may be gone since the last full pass, whatever their share",
    )
    max_deletions_share: float = setting(
        0.3,
        number_parser(0, 1, "share", whole=False),
        "share of the records that may be gone since then, whatever their number",
    )
    api_version: str = setting(
        "v1",
        choice_parser(*API_VERSIONS),
        "HubSpot's API to read engagements from: `v1`, or the objects API as `v3`, `2026-03`,"
        " `2026-09`",
    )
    skip_types: tuple[str, ...] = setting(
        (),
        _parse_types,
        "list of types that the objects API does not read, such as `emails` or `tickets` for a"
        " token without their scope",
        schema={"type": "array", "items": {"type": "string", "enum": list(SKIPPABLE_TYPES)}},
    )
    deletion_sweep_hours: float | None = setting(
        24.0,
        number_parser(0, 24 * 90, "hours", whole=False),
        "hours between readings of HubSpot's list of deletions; 0 for each run, null for none",
    )

    custom_objects: tuple[str, ...] = setting(
        (),
        _parse_custom_objects,
        "list of custom objects to offer as streams, by objectTypeId or fully qualified name",
        schema={"type": "array", "items": {"type": "string", "pattern": f"^({CUSTOM_NAME})$"}},
    )
    fetch_associations: Associated = setting(
        (),
        _parse_associations,
        "by stream or type of engagements, the types whose associated records to read, too",
        schema={
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    )

    log_format: str = setting(
        TEXT,
        choice_parser(*LOG_FORMATS),
        "format of the log: `text`, or the `json` of the Singer SDK, whose levels Meltano shows",
    )
    metrics_file: str | None = setting(
        None, parse_path, "file for the metrics of the run, in Prometheus' text format"
    )

    @classmethod
    def from_dict(cls, settings: Mapping[str, object], environment: Mapping[str, str]) -> Config:
        """
        Build the configuration from a config file's object; the environment may have the token.

        Raises ConfigError, naming every fault.
        """
        present = {name: value for name, value in settings.items() if value is not None}
        faults = [API_KEYS_ENDED] if present.pop("hapikey", None) is not None else []
        complete, refresh_token_faults = with_credentials(present, environment)
        values, value_faults, unknown = parse_values(cls, complete)
        if SWEEP in settings and settings[SWEEP] is None:
            values[SWEEP] = None
        for name in unknown:
            warn_unknown(name, defaults())
        value_faults += _association_faults(values)
        faults += [*refresh_token_faults, *value_faults, *credential_faults(complete)]
        if faults:
            raise ConfigError("configuration: " + "; ".join(faults))
        return cls(**values)


def _association_faults(values: Mapping[str, Any]) -> list[str]:
    """Return a fault for each name in fetch_associations that is no type, with the nearest."""
    custom = values.get("custom_objects", ())
    related = (*RELATED_TYPES, *OBJECT_TYPES, *custom)
    faults: list[str] = []
    for root, names in values.get("fetch_associations", ()):
        faults += _unknown_name(root, (ENGAGEMENTS, *related))
        for name in names:
            faults += _unknown_name(name, related)
    return faults


def _unknown_name(name: str, known: Sequence[str]) -> list[str]:
    if name in known:
        return []
    if re.fullmatch(CUSTOM_NAME, name):
        return [f"fetch_associations: {name} has to be in custom_objects, too"]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return [f"fetch_associations: unknown type {name!r}: {hint}"]


def defaults() -> dict[str, tuple[object, str]]:
    """Return (default, meaning) of every key."""
    return describe(Config)
