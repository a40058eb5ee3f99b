"""The configuration: checked once, with all faults in one error, typed from then on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from command_line.log_format import LOG_FORMATS, TEXT
from hubspot_api.activity_properties import OBJECT_TYPES
from hubspot_api.config_file import warn_unknown
from hubspot_api.endpoints import NEWEST, VERSIONS
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
from target_hubspot_engagements.exceptions import ConfigError

V1 = "v1"
API_VERSIONS = (V1, *VERSIONS)
ENGAGEMENTS = "engagements"
"""The stream in the shape of v1's JSON, as the tap writes it."""

STREAM_TYPES = (*OBJECT_TYPES, ENGAGEMENTS)

StreamMap = Mapping[str, str | None]
PropertyMap = Mapping[str, Mapping[str, str | None]]


def _parse_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


_parse_flag.schema = {"type": "boolean"}  # type: ignore[attr-defined]


def _parse_property_name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z]\w*", value):
        raise ValueError("must be the name of a property, such as source_key")
    return value


def _parse_stream_map(value: object) -> StreamMap:
    if not isinstance(value, dict) or not set(value.values()) <= {*STREAM_TYPES, None}:
        raise ValueError(
            f"must be an object from names of streams to one of {', '.join(STREAM_TYPES)}, or to"
            " null for a stream to leave out"
        )
    return dict(value)


def _parse_property_map(value: object) -> PropertyMap:
    maps = value.values() if isinstance(value, dict) else (None,)
    if not isinstance(value, dict) or not all(
        isinstance(one, dict)
        and all(name is None or isinstance(name, str) for name in one.values())
        for one in maps
    ):
        raise ValueError(
            'must be an object such as {"calls": {"text": "hs_call_body", "flag": null}}, by stream'
        )
    return dict(value)


@dataclass(frozen=True)
class Config(ApiSettings):
    """
    The keys of the configuration; each field's metadata has the meaning, with units.

    `from_dict` builds a configuration, and raises ConfigError naming every fault.
    """

    user_agent: str = setting("target-hubspot-engagements", parse_header, "User-Agent header")
    api_version: str = setting(
        NEWEST,
        choice_parser(*API_VERSIONS),
        "HubSpot's API to write by: the objects API as `2026-09`, `2026-03`, `v3`; or `v1`",
    )
    ledger: str = setting(
        "", parse_path, "path of the SQLite file that remembers what was written; required"
    )
    on_error: str = setting(
        "stop",
        choice_parser("stop", "skip"),
        "what a record that cannot be written does: `stop` ends the run, `skip` puts the record"
        " into `rejected`",
    )
    rejected: str | None = setting(
        None, parse_path, "path of the file for rejected records, as lines of JSON"
    )
    unique_property: str | None = setting(
        None,
        _parse_property_name,
        "custom property of unique values for the source key; created where it is missing",
    )
    workers: int = setting(
        4, number_parser(1, 64, "workers", whole=True), "concurrent requests that write"
    )
    stream_map: StreamMap = field(
        default_factory=dict,
        metadata={
            "parse": _parse_stream_map,
            "meaning": "type of engagements by the name of a stream; null leaves the stream out",
            "schema": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        },
    )
    property_map: PropertyMap = field(
        default_factory=dict,
        metadata={
            "parse": _parse_property_map,
            "meaning": "by stream, HubSpot's property by the record's; null leaves a property out",
            "schema": {"type": "object", "additionalProperties": {"type": "object"}},
        },
    )
    ids: str = setting(
        "new",
        choice_parser("new", "keep"),
        "the `id` of the stream `engagements`: of another portal (`new`), or of an engagement of"
        " this portal (`keep`)",
    )
    hard_delete: bool = setting(
        False,
        _parse_flag,
        "whether ACTIVATE_VERSION archives the engagements that the version does not have",
    )
    other_writers: bool = setting(
        False,
        _parse_flag,
        "whether other programs create engagements with the same app; then an old copy of the"
        " ledger is not noticed",
    )
    settle_seconds: float = setting(
        60.0,
        number_parser(0, 3_600, "seconds", whole=False),
        "seconds in which HubSpot may still carry out a request that got no answer",
    )
    index_seconds: float = setting(
        3_600.0,
        number_parser(0, 86_400, "seconds", whole=False),
        "seconds after which HubSpot's search shows every engagement",
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
        complete, faults = with_credentials(present, environment)
        values, value_faults, unknown = parse_values(cls, complete)
        for name in unknown:
            warn_unknown(name, defaults())
        faults += [*value_faults, *credential_faults(complete), *_missing(complete)]
        if faults:
            raise ConfigError("configuration: " + "; ".join(faults))
        return cls(**values)


def _missing(settings: Mapping[str, object]) -> list[str]:
    """Return the faults of keys that are missing, or that contradict each other."""
    faults = []
    if "ledger" not in settings:
        faults.append("ledger: missing, the path of the file that remembers what was written")
    if settings.get("on_error") == "skip" and "rejected" not in settings:
        faults.append("rejected: missing, on_error skip needs the path of a file")
    files = [name for name in ("ledger", "rejected", "metrics_file") if name in settings]
    for at, name in enumerate(files):
        for other in files[:at]:
            if settings[name] == settings[other]:
                faults.append(f"{name}: must be another file than that of {other}")
    return faults


def defaults() -> dict[str, tuple[object, str]]:
    """Return (default, meaning) of every key."""
    return describe(Config)
