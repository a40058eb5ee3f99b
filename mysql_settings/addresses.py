"""Addresses of servers: a name, an IPv4 or an IPv6 address, each with a port or without. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_PORT = 65_535


class Address(NamedTuple):
    """The address of a server; for a `port` of None the setting `port` counts."""

    name: str
    port: int | None = None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{name}:{self.port}" if self.port else name


def parse_hosts(value: object) -> tuple[Address, ...]:
    """
    Return the addresses of a list, or of text with commas.

    Raises ValueError. Its text never repeats a URL, which may hold a password.
    """
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        raise ValueError("must be a name, or a list of names")
    return tuple(map(_parse_address, texts))


# An IPv6 address has colons of its own: a port may follow its brackets only.
_ADDRESS = re.compile(
    r"(?:(?P<name>[^:,\s\[\]]+)|\[(?P<ipv6>[^\s\[\]]+)\])(?::(?P<port>\d{1,5}))?"
    r"|(?P<bare>[^,\s\[\]]*:[^,\s\[\]]*:[^,\s\[\]]*)",
    re.ASCII,
)


def _parse_address(text: object) -> Address:
    match = _ADDRESS.fullmatch(text.strip()) if isinstance(text, str) else None
    if not match or not 0 < int(match["port"] or 1) <= MAX_PORT:
        raise ValueError(_host_fault(text))
    name = match["name"] or match["ipv6"] or match["bare"]
    if not _is_host_name(name):
        raise ValueError(_host_fault(text))
    return Address(name, int(match["port"]) if match["port"] else None)


def _host_fault(text: object) -> str:
    if isinstance(text, str) and re.search("[@/]", text):
        return "must not be a URL: give host, port, user and password by keys of their own"
    return f"not a name, name:port or [IPv6 address]:port: {text!r}"


def _is_host_name(name: str) -> bool:
    """Whether the system can look `name` up."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return not re.search("[@/\0]", name)
