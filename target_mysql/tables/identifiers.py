"""Names as MySQL takes them: cut, told apart, quoted. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence

MAX_NAME_LENGTH = 64  # characters of a MySQL identifier
MAX_FILE_NAME_BYTES = 240  # of the 255 that a file's name may have; the rest is for its ending
STAGING = "_sdc_staging_"  # how names in temporary tables begin, and no others
STATE_TABLE = "_sdc_tables"  # the table that knows the others; see lock_statements.py
# What MySQL allows in a quoted name: no NUL, nothing beyond the basic plane.
_NOT_IN_NAMES = re.compile("[\x00\U00010000-\U0010ffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def refuse_surrogates(name: str) -> None:
    """Raise ValueError where `name` cannot be sent to a server: half of a character is none."""
    if _SURROGATES.search(name):
        raise ValueError(f"the name {name!r} is no Unicode text")


def to_name(name: str) -> str:
    """
    Return `name` as an identifier of at most 64 characters.

    What MySQL cannot take in a name is replaced, and a hash keeps two such names apart. Raises
    ValueError for what is no Unicode text.
    """
    refuse_surrogates(name)
    identifier = _NOT_IN_NAMES.sub("_", name)
    identifier = identifier[:-1] + "_" if identifier.endswith(tuple(" \t\n\v\f\r")) else identifier
    ours = identifier.casefold().startswith(STAGING) or identifier.casefold() == STATE_TABLE
    if identifier == name and 0 < len(identifier) <= MAX_NAME_LENGTH and not ours:
        return name
    return _with_hash(identifier, name)


def to_table_name(name: str) -> str:
    """
    Return `name` as a table's: as `to_name` does, but no longer than a file's name may be.

    A character that is no ASCII letter, digit or underscore takes five bytes of it.
    """
    identifier = to_name(name)
    length = 0
    for at, character in enumerate(identifier):
        length += 1 if character.isascii() and (character.isalnum() or character == "_") else 5
        if length > MAX_FILE_NAME_BYTES:
            return _with_hash(identifier[: at - 10], name)
    return identifier


def fold(name: str) -> str:
    """Return what is the same for two names that MySQL takes for one, whatever their case."""
    # Turkish: a capital i with a dot is an i there, from MariaDB 11.5 on a small one without, too.
    return name.replace("\u0130", "i").replace("\u0131", "i").casefold()


def to_names(names: Sequence[str], existing: Collection[str] = ()) -> list[str]:
    """
    Return an identifier for each name; names that differ only by case are told apart.

    So are equal ones: an object's property may have the name of another's flattened one. A name
    that is `existing` already belongs to the one that is written so.
    """
    found: dict[int, str] = {}
    taken: set[str] = set()
    at_home_first = sorted(range(len(names)), key=lambda at: names[at] not in existing)
    for at in at_home_first:
        identifier, again = to_name(names[at]), names[at]
        while fold(identifier) in taken:
            identifier = _with_hash(to_name(names[at]), again)
            again += "\0"
        taken.add(fold(identifier))
        found[at] = identifier
    return [found[at] for at in range(len(names))]


def _with_hash(identifier: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{identifier[: MAX_NAME_LENGTH - 10]}__{digest}"


def quote(name: str) -> str:
    """Return `name` as a quoted identifier, its percent signs doubled: they are no marks."""
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"
