"""MySQL identifiers: truncated, made distinct, quoted. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence

MAX_NAME_LENGTH = 64  # characters of a MySQL identifier
MAX_FILE_NAME_BYTES = 240  # of the 255 of a file name; the rest is for the extension
STAGING = "_sdc_staging_"  # the prefix reserved for staging tables and their columns
STATE_TABLE = "_sdc_tables"  # see state_table.py
STORED_STATES = "_sdc_state"  # see stored_states.py
STATE_LOCK = "_sdc_state:"  # the prefix of the locks of states, which are beside those of tables
RUNS_TABLE = "_sdc_runs"  # see run_history.py
VERSIONS_TABLE = "_sdc_versions"  # see version_statements.py
OWN_TABLES = (STATE_TABLE, STORED_STATES, RUNS_TABLE, VERSIONS_TABLE)
# Characters that a quoted name may not have: NUL, and those beyond the basic plane.
_NOT_IN_NAMES = re.compile("[\x00\U00010000-\U0010ffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def refuse_surrogates(name: str) -> None:
    """Raise ValueError if `name` has a lone surrogate, which UTF-8 cannot encode."""
    if _SURROGATES.search(name):
        raise ValueError(f"the name {name!r} is no Unicode text")


def to_name(name: str) -> str:
    """
    Return `name` as an identifier of at most 64 characters.

    Characters that MySQL refuses are replaced; a hash of the original keeps such names distinct.
    Raises ValueError for a lone surrogate.
    """
    refuse_surrogates(name)
    identifier = _NOT_IN_NAMES.sub("_", name)
    identifier = identifier[:-1] + "_" if identifier.endswith(tuple(" \t\n\v\f\r")) else identifier
    folded = identifier.casefold()
    ours = folded.startswith((STAGING, STATE_LOCK)) or folded in OWN_TABLES
    if identifier == name and 0 < len(identifier) <= MAX_NAME_LENGTH and not ours:
        return name
    return _with_hash(identifier, name)


def to_table_name(name: str) -> str:
    """
    Return `name` as a table's identifier, short enough for a file name.

    Characters other than ASCII letters, digits and underscores take five bytes in a file name.
    """
    identifier = to_name(name)
    length = 0
    for at, character in enumerate(identifier):
        length += 1 if character.isascii() and (character.isalnum() or character == "_") else 5
        if length > MAX_FILE_NAME_BYTES:
            return _with_hash(identifier[: at - 10], name)
    return identifier


def fold(name: str) -> str:
    """Return a key that is equal for names that MySQL considers equal, whatever their case."""
    # Turkish: MySQL treats a capital i with a dot as i, MariaDB 11.5 also a small i without a dot.
    return name.replace("\u0130", "i").replace("\u0131", "i").casefold()


def to_names(names: Sequence[str], existing: Collection[str] = ()) -> list[str]:
    """
    Return a distinct identifier for each name, even if names are equal or differ only by case.

    Equal names occur when an object's property has the name of another flattened property. A name
    in `existing` keeps the column with this spelling.
    """
    identifiers: dict[int, str] = {}
    in_use: set[str] = set()
    at_home_first = sorted(range(len(names)), key=lambda at: names[at] not in existing)
    for at in at_home_first:
        identifier, again = to_name(names[at]), names[at]
        while fold(identifier) in in_use:
            identifier = _with_hash(to_name(names[at]), again)
            again += "\0"
        in_use.add(fold(identifier))
        identifiers[at] = identifier
    return [identifiers[at] for at in range(len(names))]


def _with_hash(identifier: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{identifier[: MAX_NAME_LENGTH - 10]}__{digest}"


def quote(name: str) -> str:
    """Return `name` as a quoted identifier, with percent signs doubled for formatting."""
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"
