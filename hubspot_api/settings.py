"""
The settings that every program needs to reach HubSpot: credentials, address, limits.

A program's own configuration extends ApiSettings by keys of its own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TOKEN_VARIABLE = "HUBSPOT_ACCESS_TOKEN"
OAUTH_KEYS = ("client_id", "client_secret", "refresh_token")

Parser = Callable[[object], Any]
"""Turns a JSON value into the setting's value; raises ValueError saying what it must be."""


def setting(
    default: Any,
    parse: Parser,
    meaning: str,
    schema: Mapping[str, object] | None = None,
    **options: Any,
) -> Any:
    """
    Declare a key of a configuration; `options` are those of dataclasses.field.

    `schema` is JSON Schema of the value, by default that of the parser or of a text.
    """
    schema = schema or getattr(parse, "schema", {"type": "string"})
    metadata = {"parse": parse, "meaning": meaning, "schema": schema}
    return field(default=default, metadata=metadata, **options)


def parse_token(value: object) -> str:
    """Return a credential, stripped; the error shows no part of the text."""
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value.strip()):
        raise ValueError("must be the token of a private app, or a service key")
    return value.strip()


def parse_header(value: object) -> str:
    """Return a text that may stand in an HTTP header: ASCII, on one line."""
    if not isinstance(value, str) or not re.fullmatch(r"[ -~]*[!-~][ -~]*", value):
        raise ValueError("must be a non-empty ASCII string on one line")
    return value.strip()


def parse_path(value: object) -> str:
    """Return the path of a file."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("must be the path of a file")
    return value


def parse_url(value: object) -> str:
    """Return a base URL without a slash at the end: https, or http on this machine."""
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        fits = False
    if not fits or parts.query or parts.fragment:
        raise ValueError("must be a URL such as https://api.hubapi.com")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or a password")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https://, or the token could be read on the way")
    return parts.geturl().rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class NumberParser:
    """A parser for numbers of `unit` from `low` to `high`, both included."""

    low: float
    high: float
    unit: str
    whole: bool

    @property
    def schema(self) -> Mapping[str, object]:
        """The JSON Schema of the numbers, with the unit as `x-unit`."""
        kind = "integer" if self.whole else "number"
        return {"type": kind, "minimum": self.low, "maximum": self.high, "x-unit": self.unit}

    def __call__(self, value: object) -> float:
        try:
            number = float(value)  # type: ignore[arg-type]  # any JSON type; float() rejects others
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        fits = self.low <= number <= self.high and not isinstance(value, bool)
        if not fits or (self.whole and number != int(number)):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(f"must be {kind} of {self.unit} from {self.low:g} to {self.high:g}")
        return int(number) if self.whole else number


def number_parser(low: float, high: float, unit: str, *, whole: bool) -> NumberParser:
    """Return a parser for numbers of `unit` from `low` to `high`, both included."""
    return NumberParser(low, high, unit, whole)


@dataclass(frozen=True)
class ChoiceParser:
    """A parser for one of `choices`."""

    choices: tuple[str, ...]

    @property
    def schema(self) -> Mapping[str, object]:
        """The JSON Schema of the choices."""
        return {"type": "string", "enum": list(self.choices)}

    def __call__(self, value: object) -> str:
        if value not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        return str(value)


def choice_parser(*choices: str) -> ChoiceParser:
    """Return a parser for one of `choices`."""
    return ChoiceParser(choices)


@dataclass(frozen=True)
class ApiSettings:
    """How to reach HubSpot; each field's metadata has the meaning, with units."""

    access_token: str | None = setting(
        None, parse_token, f"private app token or service key; else ${TOKEN_VARIABLE}", repr=False
    )
    client_id: str | None = setting(
        None,
        parse_token,
        "OAuth app's client id; requires `client_secret` and `refresh_token`",
    )
    client_secret: str | None = setting(None, parse_token, "OAuth app's client secret", repr=False)
    refresh_token: str | None = setting(
        None, parse_token, "OAuth refresh token for the portal", repr=False
    )
    refresh_token_file: str | None = setting(
        None, parse_path, "file that keeps the refresh token, which HubSpot may replace"
    )
    user_agent: str = setting("hubspot-api", parse_header, "User-Agent header")
    base_url: str = setting("https://api.hubapi.com", parse_url, "address of HubSpot's API")
    request_timeout: float = setting(
        300.0,
        number_parser(0.1, 86_400, "seconds", whole=False),
        "seconds to wait for a response, and for the whole of it",
    )
    max_response_bytes: int = setting(
        200_000_000,
        number_parser(1_000_000, 10**10, "bytes", whole=True),
        "bytes of a decompressed response; a larger one is requested again in smaller pages",
    )
    requests_per_10_seconds: int = setting(
        100,
        number_parser(1, 10_000, "requests", whole=True),
        "requests in any ten seconds, at most",
    )


def describe(kind: type[ApiSettings]) -> dict[str, tuple[object, str]]:
    """Return (default, meaning) of every key."""
    return {
        key.name: (None if key.default in (MISSING, "") else key.default, key.metadata["meaning"])
        for key in fields(kind)
    }


def to_json_schema(kind: type[ApiSettings]) -> dict[str, object]:
    """
    Return the keys of `kind` as JSON Schema, each with type, range, default, unit and meaning.

    A secret has `writeOnly` and no default.
    """
    properties: dict[str, object] = {}
    for key in fields(kind):
        schema = {**key.metadata["schema"], "description": key.metadata["meaning"]}
        if not key.repr:
            schema |= {"secret": True, "writeOnly": True}
        if key.default is not MISSING and key.default not in (None, ()):
            schema["default"] = key.default
        properties[key.name] = schema
    return {"type": "object", "properties": properties}


def parse_values(
    kind: type[ApiSettings], settings: Mapping[str, object]
) -> tuple[dict[str, Any], list[str], list[str]]:
    """
    Return the values of the keys of `kind`, the faults, and the names of unknown keys.

    `settings` has no nulls. A fault is a text such as "page_size: must be …".
    """
    known = {key.name: key.metadata["parse"] for key in fields(kind)}
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name in settings.keys() & known.keys():
        try:
            values[name] = known[name](settings[name])
        except ValueError as error:
            faults.append(f"{name}: {error}")
    order = list(settings)
    faults.sort(key=lambda fault: order.index(fault.partition(":")[0]))
    return values, faults, [name for name in settings if name not in known]


def with_credentials(
    settings: Mapping[str, object], environment: Mapping[str, str]
) -> tuple[dict[str, object], list[str]]:
    """
    Return the settings with token and refresh token filled in, and the faults.

    The token comes from the environment if `settings` has no credentials. The refresh token
    that HubSpot issued last comes from `refresh_token_file`, if that file exists.
    """
    complete = dict(settings)
    token = environment.get(TOKEN_VARIABLE)
    if token and complete.keys().isdisjoint(("access_token", *OAUTH_KEYS)):
        complete["access_token"] = token
    path = complete.get("refresh_token_file")
    if not isinstance(path, str) or "\0" in path:
        return complete, []
    try:
        complete["refresh_token"] = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return complete, []
    except (OSError, ValueError) as error:
        return complete, [f"refresh_token_file: cannot be read: {error}"]
    return complete, []


def credential_faults(settings: Mapping[str, object]) -> list[str]:
    """Return the faults in the combination of credentials; a token or an OAuth app."""
    missing = [name for name in OAUTH_KEYS if name not in settings]
    if "access_token" in settings:
        if len(missing) < len(OAUTH_KEYS):
            return [f"access_token: give it or {', '.join(OAUTH_KEYS)}, not both"]
        return []
    if len(missing) == len(OAUTH_KEYS):
        return [f"access_token: missing, in the config and in ${TOKEN_VARIABLE}"]
    return [f"{name}: missing, OAuth needs {', '.join(OAUTH_KEYS)}" for name in missing]
