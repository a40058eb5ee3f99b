"""
Where the database is: a config file, then the environment, then the mysql client's option files.

The names are those of target-mysql, so that what loads the reports' tables also finds them.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engagements_report.exceptions import UsageError

ENVIRONMENT_PREFIX = "TARGET_MYSQL_"
OPTION_FILES = ("/etc/my.cnf", "/etc/mysql/my.cnf", "~/.my.cnf")
OPTION_GROUPS = ("client", "client-server", "client-mariadb", "engagements-report")
ALIASES = {"default_target_schema": "database", "dbname": "database", "socket": "unix_socket"}
SSL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
MAX_INCLUDES = 10  # files deep, as in the mysql client
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
        names = [one.name for one in fields(cls)]
        variables = {ENVIRONMENT_PREFIX + name.upper(): name for name in names}
        found = _merge(
            _read_file(path, names) if path else {},
            {
                name: environment[variable]
                for variable, name in variables.items()
                if environment.get(variable) or (variable in environment and name == "password")
            },
            _read_option_files(option_files, names),
        )
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
    r"(?:([^:\s\[\]]+)|\[([^\s\[\]]+)\])(?::(\d{1,5}))?|([^\s\[\]]*:[^\s\[\]]*:[^\s\[\]]*)"
)


def _merge(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Join `sources`, the first that has a key winning; an address is never mixed of two."""
    merged: dict[str, Any] = {}
    for source in sources:
        addressed = not merged.keys().isdisjoint(("host", "port", "unix_socket"))
        for name, value in source.items():
            if not (addressed and name in ("host", "unix_socket")):
                merged.setdefault(name, value)
    return merged


def _faults(found: Mapping[str, Any]) -> list[str]:
    faults = [
        f"{name}: must be a string"
        for name, value in found.items()
        if name != "port" and not isinstance(value, str)
    ]
    host = found.get("host", "localhost")
    if isinstance(host, str) and not all(map(_ADDRESS.fullmatch, map(str.strip, host.split(",")))):
        faults.append(f"host: not a name, name:port or [IPv6 address]:port: {host!r}")
    port = found.get("port", 1)
    if not str(port).isdigit() or not 0 < int(port) <= MAX_PORT:
        faults.append(f"port: must be a whole number from 1 to {MAX_PORT}")
    mode = found.get("ssl_mode", "PREFERRED")
    if isinstance(mode, str) and mode.upper() not in SSL_MODES:
        faults.append(f"ssl_mode: must be one of {', '.join(SSL_MODES)}")
    return faults


def _read_file(path: Path, names: list[str]) -> dict[str, Any]:
    """Return the keys that matter here; a target's config has others, too."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise UsageError(f"{path}: must hold a JSON object")
    named = {ALIASES.get(name, name): value for name, value in settings.items()}
    if isinstance(named.get("host"), list):
        named["host"] = ",".join(map(str, named["host"]))
    return {name: value for name, value in named.items() if name in names and value is not None}


def _read_option_files(paths: tuple[str, ...], names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in paths:
        for text in _option_texts(Path(path).expanduser(), depth=0):
            parser = configparser.RawConfigParser(allow_no_value=True, strict=False)
            try:
                parser.read_string(text)
            except configparser.Error as error:
                raise UsageError(f"{path}: {str(error).splitlines()[0]}") from error
            for group in filter(parser.has_section, OPTION_GROUPS):
                options = {name.replace("-", "_"): value for name, value in parser.items(group)}
                named = {ALIASES.get(name, name): value for name, value in options.items()}
                found |= {name: named[name].strip("'\"") for name in names if named.get(name)}
    if found.get("host", "localhost") != "localhost":
        found.pop("unix_socket", None)  # the mysql client has sockets for localhost alone
    return found


def _option_texts(path: Path, depth: int) -> Iterator[str]:
    """Yield an option file's text, then those of the files that it includes."""
    if depth > MAX_INCLUDES or not path.is_file():
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return  # the mysql client passes over what it may not read, too
    yield "\n".join(line for line in lines if not line.startswith("!"))
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "!include":
            yield from _option_texts(Path(rest.strip()), depth + 1)
        elif word == "!includedir":
            for included in sorted(Path(rest.strip()).glob("*.cnf")):
                yield from _option_texts(included, depth + 1)
