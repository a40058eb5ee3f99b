"""
Where the database is: a config file, then the environment, then the mysql client's option files.

The names are those of target-mysql, so that what loads the reports' tables also finds them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engagements_report.exceptions import UsageError
from mysql_settings.option_files import OPTION_FILES, read_option_files

ENVIRONMENT_PREFIX = "TARGET_MYSQL_"
OPTION_GROUP = "engagements-report"
ALIASES = {"default_target_schema": "database", "dbname": "database"}
SSL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
MAX_PORT = 65_535


@dataclass(frozen=True)
class Config:
    """
    How to connect.

    `from_sources` is the way in: it raises UsageError naming every fault.
    """

    host: str = "127.0.0.1"
    port: int = 3306
    unix_socket: str | None = None
    user: str = "root"
    password: str = field(default="", repr=False)
    database: str = "hubspot"
    ssl_mode: str = "PREFERRED"
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The servers to try, in order: names, each with its port."""
        found = [_ADDRESS.fullmatch(one.strip()) for one in self.host.split(",")]
        return [(one[1] or one[2] or one[4], int(one[3] or self.port)) for one in found if one]

    @classmethod
    def from_sources(
        cls,
        path: Path | None,
        environment: Mapping[str, str],
        option_files: tuple[str, ...] = OPTION_FILES,
    ) -> Config:
        """Build the configuration; what is named nearest wins. Raises UsageError."""
        names = {one.name for one in fields(cls)}
        found = _merge(
            _read_file(path, names) if path else {},
            _from_environment(environment, names),
            read_option_files(option_files, names, OPTION_GROUP),
        )
        if "ssl_ca" in found:
            found.setdefault("ssl_mode", "VERIFY_CA")  # as the mysql client has it
        faults = _faults(found)
        if faults:
            raise UsageError("configuration: " + "; ".join(faults))
        if "port" in found:
            found["port"] = int(found["port"])
        if "ssl_mode" in found:
            found["ssl_mode"] = found["ssl_mode"].upper()
        return cls(**found)


# name, name:port, [IPv6]:port or an IPv6 address alone
_ADDRESS = re.compile(
    r"(?:([^:\s\[\]]+)|\[([^\s\[\]]+)\])(?::(\d{1,5}))?|([^\s\[\]]*:[^\s\[\]]*:[^\s\[\]]*)",
    re.ASCII,
)


def _merge(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Join `sources`, the first that has a key winning, and a host or port over a socket."""
    merged: dict[str, Any] = {}
    for source in sources:
        by_tcp = not merged.keys().isdisjoint(("host", "port"))
        for name, value in source.items():
            # A socket named in an option file would otherwise win over a host named nearer.
            if not (by_tcp and name == "unix_socket"):
                merged.setdefault(name, value)
    return merged


def _faults(found: Mapping[str, Any]) -> list[str]:
    faults = []
    for name, value in found.items():
        if name == "port":
            continue
        if not isinstance(value, str):
            faults.append(f"{name}: must be a string")
        elif re.search("[\0\ud800-\udfff]", value):  # neither system nor server takes it
            faults.append(f"{name}: must be Unicode text without NUL")
    host = found.get("host", "localhost")
    if isinstance(host, str):
        faults += filter(None, map(_host_fault, map(str.strip, host.split(","))))
    port = found.get("port", 1)
    if not re.fullmatch(r"\d{1,5}", str(port), re.ASCII) or not 0 < int(port) <= MAX_PORT:
        faults.append(f"port: must be a whole number from 1 to {MAX_PORT}")
    if found.get("database") == "":
        faults.append("database: must not be empty")
    return faults + _tls_faults(found)


def _host_fault(text: str) -> str:
    """Return what is wrong with a host; a URL is not repeated, since a password may be in it."""
    if re.search("[@/]", text):
        return "host: must not be a URL: give host, port, user and password by keys of their own"
    found = _ADDRESS.fullmatch(text)
    if found and 0 < int(found[3] or 1) <= MAX_PORT and _is_host(found[1] or found[2] or found[4]):
        return ""
    return f"host: not a name, name:port or [IPv6 address]:port: {text!r}"


def _is_host(name: str) -> bool:
    """Whether `name` may be looked up."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return "\0" not in name


def _tls_faults(found: Mapping[str, Any]) -> list[str]:
    faults = []
    mode = str(found.get("ssl_mode", "PREFERRED")).upper()
    if mode not in SSL_MODES:
        faults.append(f"ssl_mode: must be one of {', '.join(SSL_MODES)}")
    if mode.startswith("VERIFY") and not found.get("ssl_ca"):
        faults.append(f"ssl_ca: needed by ssl_mode {mode}")
    if bool(found.get("ssl_cert")) != bool(found.get("ssl_key")):
        faults.append("ssl_cert, ssl_key: one needs the other")
    return faults


def _read_file(path: Path, names: Collection[str]) -> dict[str, Any]:
    """Return the keys that matter here; a target's config has others, too."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise UsageError(f"{path}: must hold a JSON object")
    if isinstance(settings.get("host"), list):
        settings["host"] = ",".join(map(str, settings["host"]))
    return _by_our_names(settings, names)


def _from_environment(environment: Mapping[str, str], names: Collection[str]) -> dict[str, Any]:
    """Return what the variables say: an empty password is one, any other empty one is unset."""
    given = {
        name: environment.get(ENVIRONMENT_PREFIX + name.upper()) for name in (*names, *ALIASES)
    }
    return _by_our_names(
        {name: value for name, value in given.items() if value or name == "password"}, names
    )


def _by_our_names(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return what has a value, by our own names; where several mean the same, ours counts."""
    aliased = {ALIASES[name]: values[name] for name in [*ALIASES][::-1] if name in values}
    named = aliased | {name: value for name, value in values.items() if name not in ALIASES}
    return {name: value for name, value in named.items() if name in names and value is not None}
