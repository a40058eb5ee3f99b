"""The configuration, checked once, all faults named at once, typed from then on."""

from __future__ import annotations

import difflib
import ipaddress
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tap_hubspot_engagements.exceptions import ConfigError

LOGGER = logging.getLogger(__name__)

TOKEN_VARIABLE = "HUBSPOT_ACCESS_TOKEN"
OAUTH_KEYS = ("client_id", "client_secret", "refresh_token")


def _token(value: object) -> str:
    # No part of it may be shown: that it is no token has to do.
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value.strip()):
        raise ValueError("must be the token of a private app, or a service key")
    return value.strip()


def _header(value: object) -> str:
    # A line break would end a header, and what is not ASCII may not stand in one.
    if not isinstance(value, str) or not re.fullmatch(r"[ -~]*[!-~][ -~]*", value):
        raise ValueError("must be a non-empty ASCII string on one line")
    return value.strip()


def _path(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("must be the path of a file")
    return value


def _url(value: object) -> str:
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
    """Tell whether a host is this machine, by its name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _moment(value: object) -> datetime:
    try:
        return parse_moment(value)
    except ValueError:
        raise ValueError("must be an RFC 3339 date-time such as 2026-01-31T00:00:00Z") from None


def _number(low: float, high: float, unit: str, whole: bool) -> Callable[[object], Any]:
    def parse(value: object) -> float:
        try:
            number = float(value)  # type: ignore[arg-type]  # what it is, is being found out
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        fits = low <= number <= high and not isinstance(value, bool)
        if not fits or (whole and number != int(number)):
            kind = "a whole number" if whole else "a number"
            raise ValueError(f"must be {kind} of {unit} from {low:g} to {high:g}")
        return int(number) if whole else number

    return parse


def _key(default: Any, parse: Callable[[object], Any], meaning: str, **options: Any) -> Any:
    return field(default=default, metadata={"parse": parse, "meaning": meaning}, **options)


@dataclass(frozen=True)
class Config:
    """
    What the tap may ask HubSpot, and how; see `meaning` in each field's metadata.

    `from_dict` is the way in: it raises ConfigError naming every fault.
    """

    access_token: str | None = _key(
        None, _token, f"private app token or service key; else ${TOKEN_VARIABLE}", repr=False
    )
    client_id: str | None = _key(None, _token, "of an OAuth app, with the next two")
    client_secret: str | None = _key(None, _token, "of that app", repr=False)
    refresh_token: str | None = _key(
        None, _token, "what the app was given for the portal", repr=False
    )
    refresh_token_file: str | None = _key(
        None, _path, "file that keeps the refresh token, which HubSpot may replace"
    )
    start_date: datetime | None = _key(
        None, _moment, "leave out what was last updated before this RFC 3339 date-time"
    )
    user_agent: str = _key(
        "tap-hubspot-engagements", _header, "how the tap names itself to HubSpot"
    )
    base_url: str = _key("https://api.hubapi.com", _url, "where HubSpot's API is")
    request_timeout: float = _key(
        300.0,
        _number(0.1, 86_400, "seconds", whole=False),
        "seconds to wait for an answer, and for the whole of it",
    )
    max_response_bytes: int = _key(
        200_000_000,
        _number(1_000_000, 10**10, "bytes", whole=True),
        "bytes of an answer, unpacked; fewer engagements are asked for where one has more",
    )
    page_size: int | None = _key(
        None,
        _number(1, 1000, "engagements", whole=True),
        "engagements to ask for at a time; the most that HubSpot allows, without",
    )
    lookback_seconds: float = _key(
        3600.0,
        _number(0, 30 * 86_400, "seconds", whole=False),
        "seconds before the bookmark to read again: HubSpot shows a change late",
    )
    backfill_workers: int = _key(
        6, _number(1, 64, "workers", whole=True), "requests of a first load under way at a time"
    )
    full_refresh_days: float = _key(
        7.0,
        _number(0, 3650, "days", whole=False),
        "days after which everything is read again, to find deletions; 0 for never",
    )
    max_deletions: int = _key(
        1000,
        _number(0, 10**9, "records", whole=True),
        "records that may be gone since the last full pass, whatever their share",
    )
    max_deletions_share: float = _key(
        0.3,
        _number(0, 1, "share", whole=False),
        "share of the records that may be gone since then, whatever their number",
    )
    requests_per_10_seconds: int = _key(
        100, _number(1, 10_000, "requests", whole=True), "requests in any ten seconds, at most"
    )

    @classmethod
    def from_dict(cls, settings: Mapping[str, object], environment: Mapping[str, str]) -> Config:
        """
        Build the configuration; the token may come from the environment.

        Raises ConfigError, naming every fault.
        """
        known = {one.name: one for one in fields(cls)}
        given = {name: value for name, value in settings.items() if value is not None}
        faults: list[str] = []
        if "hapikey" in given:
            faults.append("hapikey: HubSpot ended API keys on 2022-11-30; use access_token")
        token = environment.get(TOKEN_VARIABLE)
        if token and given.keys().isdisjoint(("access_token", *OAUTH_KEYS)):
            given["access_token"] = token
        _take_refresh_token(given, faults)
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name in known:
                try:
                    values[name] = known[name].metadata["parse"](value)
                except ValueError as error:
                    faults.append(f"{name}: {error}")
            elif name != "hapikey":
                _warn_unknown(name, list(known))
        faults += _credential_faults(given)
        faults += _future_start(values.get("start_date"))
        if faults:
            raise ConfigError("configuration: " + "; ".join(faults))
        return cls(**values)


def defaults() -> dict[str, tuple[object, str]]:
    """Return (default, meaning) of every key."""
    return {
        one.name: (None if one.default is MISSING else one.default, one.metadata["meaning"])
        for one in fields(Config)
    }


def parse_moment(value: object) -> datetime:
    """Return an RFC 3339 date-time (or date, at midnight) in UTC; ValueError for anything else."""
    if not isinstance(value, str) or len(value) < len("2026-01-31"):
        raise ValueError(f"not a date-time: {value!r}")
    # Python 3.10 does not read the Z.
    at = datetime.fromisoformat(value[:-1] + "+00:00" if value[-1] in "Zz" else value)
    try:
        return at.astimezone(timezone.utc) if at.tzinfo else at.replace(tzinfo=timezone.utc)
    except OverflowError as error:  # a moment of the year 1 or 9999 that is outside them in UTC
        raise ValueError(f"not a date-time: {value!r}") from error


def load_json(path: Path, empty: dict[str, Any] | None = None) -> dict[str, Any]:
    """
    Return the JSON object in the file at `path`, or `empty` for a file with nothing in it.

    Raises ConfigError where there is none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if not text.strip() and empty is not None:
            return empty
        value = json.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: must hold a JSON object")
    return value


def _take_refresh_token(given: dict[str, object], faults: list[str]) -> None:
    """Take the refresh token that HubSpot gave last from its file, if that is there."""
    path = given.get("refresh_token_file")
    if not isinstance(path, str) or "\0" in path:
        return
    try:
        given["refresh_token"] = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        faults.append(f"refresh_token_file: cannot be read: {error}")


def warn_if_open(path: Path, config: Config) -> None:
    """Warn where others may read or change a file with secrets in it."""
    if is_loopback(urlsplit(config.base_url).hostname or ""):
        return  # what lets one into a server on this machine is no secret
    mode = path.stat().st_mode
    if mode & 0o022:
        LOGGER.warning("%s can be changed by others: chmod 600", path)
    elif mode & 0o044:
        LOGGER.warning("%s can be read by others: chmod 600", path)


def _credential_faults(given: Mapping[str, object]) -> list[str]:
    missing = [name for name in OAUTH_KEYS if name not in given]
    if "access_token" in given:
        if len(missing) < len(OAUTH_KEYS):
            return [f"access_token: give it or {', '.join(OAUTH_KEYS)}, not both"]
        return []
    if len(missing) == len(OAUTH_KEYS):
        return [f"access_token: missing, in the config and in ${TOKEN_VARIABLE}"]
    return [f"{name}: missing, OAuth needs {', '.join(OAUTH_KEYS)}" for name in missing]


def _future_start(start_date: datetime | None) -> list[str]:
    # A day's grace: clocks differ, a start_date of today is no mistake.
    if start_date and start_date > datetime.now(timezone.utc) + timedelta(days=1):
        return ["start_date: lies in the future"]
    return []


def _warn_unknown(name: str, known: list[str]) -> None:
    near = difflib.get_close_matches(name, known, n=1)
    LOGGER.warning("unknown config key %s%s", name, f": did you mean {near[0]}?" if near else "")
