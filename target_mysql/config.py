"""
The configuration, checked once, all faults named at once, typed from then on.

A key is looked for in the file of --config, then as TARGET_MYSQL_<KEY> in the environment, then,
for what says where the server is, in the option files that the mysql client reads.
"""

from __future__ import annotations

import difflib
import json
import logging
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from mysql_settings.option_files import OPTION_FILES, read_option_files
from target_mysql.exceptions import ConfigError
from target_mysql.other_targets import ALIASES, translate

LOGGER = logging.getLogger(__name__)

ENVIRONMENT_PREFIX, OPTION_GROUP = "TARGET_MYSQL_", "target-mysql"
CONNECTION_KEYS = frozenset(
    ("host", "port", "unix_socket", "user", "password", "database")
    + ("ssl_mode", "ssl_ca", "ssl_cert", "ssl_key")
)
SSL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
INVALID_DATES = ("error", "null", "clamp")
MISSING_PROPERTIES = ("auto", "keep", "null")
LOAD_METHODS = ("auto", "local_infile", "insert")
MAX_PORT = 65_535
MAX_SECONDS = 86_400


@dataclass(frozen=True)
class _Type:
    """What a key may be: `parse` returns its value or raises ValueError; `schema` says the same."""

    parse: Callable[[object], Any]
    schema: Mapping[str, object]


def _parse_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if not _is_sendable(value):
        raise ValueError("must be Unicode text without NUL")
    return value


def _is_sendable(text: str) -> bool:
    """Whether the system and the server take `text`: no NUL, no half of a character."""
    return not re.search("[\0\ud800-\udfff]", text)


class Address(NamedTuple):
    """Where a server is; without a port of its own it has the configuration's."""

    name: str
    port: int | None = None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{name}:{self.port}" if self.port else name


def _parse_hosts(value: object) -> tuple[Address, ...]:
    """Return the addresses of a list, or of a text with commas."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        raise ValueError("must be a name, or a list of names")
    return tuple(map(_address, texts))


# An IPv6 address has colons of its own: a port may follow its brackets alone.
_ADDRESS = re.compile(
    r"(?:(?P<name>[^:,\s\[\]]+)|\[(?P<ipv6>[^\s\[\]]+)\])(?::(?P<port>\d{1,5}))?"
    r"|(?P<bare>[^,\s\[\]]*:[^,\s\[\]]*:[^,\s\[\]]*)",
    re.ASCII,
)


def _address(text: object) -> Address:
    found = _ADDRESS.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found or not 0 < int(found["port"] or 1) <= MAX_PORT:
        raise ValueError(_host_fault(text))
    name = found["name"] or found["ipv6"] or found["bare"]
    if not _is_host(name):
        raise ValueError(_host_fault(text))
    return Address(name, int(found["port"]) if found["port"] else None)


def _host_fault(text: object) -> str:
    """Say what is wrong with a host; a URL is not repeated, since a password may be in it."""
    if isinstance(text, str) and re.search("[@/]", text):
        return "must not be a URL: give host, port, user and password by keys of their own"
    return f"not a name, name:port or [IPv6 address]:port: {text!r}"


def _is_host(name: str) -> bool:
    """Whether `name` may be looked up."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return not re.search("[@/\0]", name)


def _parse_boolean(value: object) -> bool:
    known = {"true": True, "false": False, "1": True, "0": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.casefold() in known:
        return known[value.casefold()]
    raise ValueError("must be true or false")


def _parse_statements(value: object) -> tuple[str, ...]:
    statements = tuple(value) if isinstance(value, list) else (None,)
    if not all(isinstance(one, str) and one.lstrip()[:4].upper() == "SET " for one in statements):
        raise ValueError("must be a list of SET statements")
    return statements


def _choice(choices: tuple[str, ...]) -> _Type:
    by_folded = {choice.casefold(): choice for choice in choices}

    def parse(value: object) -> str:
        if not isinstance(value, str) or value.casefold() not in by_folded:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return by_folded[value.casefold()]

    return _Type(parse, {"type": "string", "enum": list(choices)})


def _integer(low: int, high: int) -> _Type:
    def parse(value: object) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return _Type(parse, {"type": "integer", "minimum": low, "maximum": high})


def _seconds(*, or_zero: bool) -> _Type:
    def parse(value: object) -> float:
        try:
            seconds = float(value)  # type: ignore[arg-type]  # `value` may be of any JSON type
        except (TypeError, ValueError):
            seconds = -1.0
        is_in_range = 0 <= seconds <= MAX_SECONDS and (seconds or or_zero)
        if isinstance(value, bool) or not is_in_range:
            least = "from 0 to" if or_zero else "above 0, at most"
            raise ValueError(f"must be a number of seconds {least} {MAX_SECONDS}")
        return seconds

    return _Type(parse, {"type": "number", "minimum": 0, "maximum": MAX_SECONDS})


TEXT = _Type(_parse_text, {"type": "string"})
SECRET = _Type(_parse_text, {"type": "string", "secret": True, "writeOnly": True})
HOSTS = _Type(
    _parse_hosts,
    {"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1},
)
BOOLEAN = _Type(_parse_boolean, {"type": "boolean"})
SECONDS, SECONDS_OR_0 = _seconds(or_zero=False), _seconds(or_zero=True)
STATEMENTS = _Type(
    _parse_statements,
    {"type": "array", "items": {"type": "string", "pattern": "^\\s*[Ss][Ee][Tt] "}},
)


def _key(default: Any, of: _Type, meaning: str, **options: Any) -> Any:
    return field(default=default, metadata={"type": of, "meaning": meaning}, **options)


@dataclass(frozen=True)
class Config:
    """
    How to connect and how to load; see `meaning` in each field's metadata.

    `from_sources` is the way in: it raises ConfigError naming every fault.
    """

    host: tuple[Address, ...] = _key(
        (Address("127.0.0.1"),),
        HOSTS,
        "the server's name or address, or a list of them, each with its :port where it has another",
    )
    port: int = _key(3306, _integer(1, MAX_PORT), "the server's TCP port")
    unix_socket: str | None = _key(None, TEXT, "path of the server's socket, instead of host")
    user: str = _key("root", TEXT, "the user to log in as")
    password: str = _key("", SECRET, "that user's password", repr=False)
    database: str = _key("hubspot", TEXT, "the database to load into; made when it is not there")
    ssl_mode: str = _key("PREFERRED", _choice(SSL_MODES), f"one of {', '.join(SSL_MODES)}")
    ssl_ca: str | None = _key(
        None,
        TEXT,
        "file of the authorities to trust; makes ssl_mode VERIFY_CA where it is not given",
    )
    ssl_cert: str | None = _key(None, TEXT, "file of the client's certificate")
    ssl_key: str | None = _key(None, TEXT, "file of the client's private key")
    batch_size_rows: int = _key(20_000, _integer(1, 10**9), "rows of all streams that make a batch")
    batch_size_bytes: int = _key(
        4 * 1024 * 1024, _integer(1, 2**40), "bytes of all streams that make a batch"
    )
    batch_wait_limit_seconds: float = _key(60.0, SECONDS, "seconds that a row waits at most")
    retry_limit_seconds: float = _key(
        300.0,
        SECONDS,
        "seconds for which a server that is away, full or fails is tried again",
    )
    read_timeout_seconds: float = _key(
        600.0,
        SECONDS_OR_0,
        "seconds to wait for the answer to a statement, but for an ALTER, before the connection"
        " counts as lost; 0: for ever",
    )
    lock_wait_seconds: float = _key(
        0.0, SECONDS_OR_0, "seconds to wait for another load of the same table; 0: exit at once"
    )
    lock_timeout_seconds: float = _key(
        30.0,
        SECONDS,
        "seconds without a sign of life after which another load may take a table's lock over",
    )
    load_method: str = _key("auto", _choice(LOAD_METHODS), f"one of {', '.join(LOAD_METHODS)}")
    add_metadata_columns: bool = _key(True, BOOLEAN, "add the _sdc_ columns")
    hard_delete: bool = _key(
        False,
        BOOLEAN,
        "delete rows that are gone, instead of flagging them; adds the _sdc_ columns",
    )
    missing_properties: str = _key(
        "auto",
        _choice(MISSING_PROPERTIES),
        "what becomes of a column whose declared property a record leaves out: null empties it,"
        " keep lets it keep its value, auto keeps for log-based streams and empties for others:"
        f" one of {', '.join(MISSING_PROPERTIES)}",
    )
    foreign_keys: bool = _key(True, BOOLEAN, "tie tables to their x-parent's by foreign keys")
    primary_key_required: bool = _key(True, BOOLEAN, "refuse streams without key_properties")
    data_flattening_max_level: int = _key(
        0, _integer(0, 100), "levels of objects whose properties become columns, as in a__b"
    )
    invalid_dates: str = _key(
        "error",
        _choice(INVALID_DATES),
        "what to make of dates that MySQL cannot hold, such as the year 10000:"
        f" one of {', '.join(INVALID_DATES)}",
    )
    validate_records: bool = _key(False, BOOLEAN, "check each record against its SCHEMA")
    temp_dir: str | None = _key(None, TEXT, "accepted for compatibility: no files are written")
    flush_all_streams: bool = _key(True, BOOLEAN, "always so here; accepted for compatibility")
    init_sql: tuple[str, ...] = _key((), STATEMENTS, "SET statements to run on connecting")

    @property
    def needs_metadata_columns(self) -> bool:
        """Whether tables get the _sdc_ columns, by which alone rows can be deleted."""
        return self.add_metadata_columns or self.hard_delete

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The servers to try, in order: names, each with its port."""
        return [(one.name, one.port or self.port) for one in self.host]

    @classmethod
    def from_sources(
        cls,
        settings: Mapping[str, object],
        environment: Mapping[str, str],
        option_files: tuple[str, ...] = OPTION_FILES,
    ) -> Config:
        """
        Build the configuration from the config file's keys, the environment and option files.

        Raises ConfigError, naming every fault of all of them.
        """
        known = {one.name: one for one in fields(cls)}
        translated = translate(settings)
        for warning in translated.warnings:
            LOGGER.warning("%s", warning)
        merged = _merge(
            translated.settings,
            _from_environment(environment, known.keys()),
            read_option_files(option_files, CONNECTION_KEYS, OPTION_GROUP),
        )
        values: dict[str, Any] = {}
        faults = list(translated.faults)
        for name, value in merged.items():
            if name not in known:
                faults += _tell_unknown(name, [*known, *ALIASES], merged.keys())
            elif value is not None:
                try:
                    values[name] = known[name].metadata["type"].parse(value)
                except ValueError as error:
                    faults.append(f"{name}: {error}")
        if "ssl_ca" in values:
            values.setdefault("ssl_mode", "VERIFY_CA")  # as the mysql client has it
        faults += _cross_faults(values)
        if faults:
            raise ConfigError("configuration: " + "; ".join(faults))
        return cls(**values)


def read_settings(path: Path | None) -> dict[str, object]:
    """
    Return the keys of the JSON file at `path`, or none without a path.

    Raises ConfigError where the file cannot be read or is not a JSON object.
    """
    if path is None:
        return {}
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: must hold a JSON object")
    return settings


def defaults() -> dict[str, tuple[object, str]]:
    """Return (default, meaning) of every key."""
    return {
        one.name: (
            None if one.default is MISSING else _written(one.default),
            one.metadata["meaning"],
        )
        for one in fields(Config)
    }


def _written(default: object) -> object:
    """Return a default as a user would write it."""
    return ",".join(map(str, default)) if isinstance(default, tuple) else default


def about() -> dict[str, object]:
    """Return the configuration as JSON Schema."""
    properties = {}
    for one in fields(Config):
        about_one = {**one.metadata["type"].schema, "description": one.metadata["meaning"]}
        if one.default not in (None, "", ()):
            about_one["default"] = _written(one.default)
        properties[one.name] = about_one
    return {"type": "object", "properties": properties}


def _merge(*sources: Mapping[str, object]) -> dict[str, object]:
    """Join `sources`, the first that has a key winning, and a host or port over a socket."""
    merged: dict[str, object] = {}
    for source in sources:
        by_tcp = not merged.keys().isdisjoint(("host", "port"))
        for name, value in source.items():
            # A socket named in an option file would otherwise win over a host named nearer.
            if not (by_tcp and name == "unix_socket"):
                merged.setdefault(name, value)
    return merged


def _from_environment(environment: Mapping[str, str], known: Any) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in (*known, *ALIASES):
        value = environment.get(ENVIRONMENT_PREFIX + name.upper())
        # An empty password is a password; any other empty variable is an unset one.
        if value is not None and (value or name == "password"):
            found[name] = _json_or_text(value) if name == "init_sql" else value
    return translate(found).settings


def _json_or_text(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return value  # which the key's parser refuses


def _cross_faults(values: Mapping[str, Any]) -> list[str]:
    faults = []
    if values.get("database") == "":
        faults.append("database: must not be empty")
    if values.get("ssl_mode", "").startswith("VERIFY") and not values.get("ssl_ca"):
        faults.append(f"ssl_ca: needed by ssl_mode {values['ssl_mode']}")
    if bool(values.get("ssl_cert")) != bool(values.get("ssl_key")):
        faults.append("ssl_cert, ssl_key: one needs the other")
    if values.get("flush_all_streams") is False:
        LOGGER.warning("flush_all_streams: always true here, false has no effect")
    return faults


def _tell_unknown(name: str, known: list[str], given: Collection[str]) -> list[str]:
    """
    Warn of an unknown key; return a fault instead where it may say whom or what to connect to.

    With a default in its place the load could go to another server, or log in as root.
    """
    near = difflib.get_close_matches(name, known, n=1)
    told = f"unknown config key {name}{f': did you mean {near[0]}?' if near else ''}"
    meant = ALIASES.get(near[0], near[0]) if near else None
    if (meant in CONNECTION_KEYS and meant not in given) or "user" not in given:
        return [told if meant in CONNECTION_KEYS else f"{told}, and no user is named"]
    LOGGER.warning("%s", told)
    return []
