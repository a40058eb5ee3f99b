"""Names that other targets give to the settings of a server. Pure."""

from __future__ import annotations

from collections.abc import Mapping

ALIASES = {
    "default_target_schema": "database",
    "dbname": "database",
    "db": "database",
    "database_name": "database",
    "username": "user",
    "user_name": "user",
    "hostname": "host",
    "passwd": "password",
}
REFUSED = {
    "sqlalchemy_url": "give host, port, user, password and database instead",
    "url": "give host, port, user, password and database instead",
}


def to_our_names(
    values: Mapping[str, object], aliases: Mapping[str, str] = ALIASES
) -> dict[str, object]:
    """
    Return the values by our names, and those of unknown names as they are.

    If several names mean the same setting, ours counts, then the first of `aliases`; a null
    hides no other.
    """
    renamed: dict[str, object] = {}
    for name in (*(name for name in values if name not in aliases), *aliases):
        value = values.get(name)
        if name in values and renamed.get(aliases.get(name, name)) is None:
            renamed[aliases.get(name, name)] = value
    if is_true(renamed.pop("ssl", None)) and renamed.get("ssl_mode") is None:
        renamed["ssl_mode"] = "REQUIRED"
    return renamed


def refused_faults(values: Mapping[str, object]) -> list[str]:
    """Return a fault for each unsupported setting that names a server."""
    return [f"{name}: {advice}" for name, advice in REFUSED.items() if values.get(name)]


def is_true(value: object) -> bool:
    return value is True or str(value).casefold() in ("true", "1")
