"""
From a SCHEMA message to a table: its columns in order, its key, its parent. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from target_mysql.tables.columns import (
    Column,
    Dialect,
    Kind,
    Schema,
    date_time_column,
    integer_column,
    to_column,
    to_key_column,
    to_kind,
)

MAX_NAME_LENGTH = 64  # characters of a MySQL identifier
MAX_FILE_NAME_BYTES = 240  # of the 255 that a file's name may have; the rest is for its ending
FLATTEN_SEPARATOR = "__"  # the names of an object and of its property, in a flattened column's

STAGING = "_sdc_staging_"  # how names in temporary tables begin, and no others
STATE_TABLE = "_sdc_tables"  # the table that knows the others; see lock_statements.py
EXTRACTED_AT = "_sdc_extracted_at"
BATCHED_AT = "_sdc_batched_at"
DELETED_AT = "_sdc_deleted_at"
TABLE_VERSION = "_sdc_table_version"
# The columns that this target fills, where it adds any, whatever a record says of them; the time
# of a deletion alone is the record's to tell.
METADATA_NAMES = frozenset((EXTRACTED_AT, BATCHED_AT, DELETED_AT, TABLE_VERSION))
# Properties that log-based taps add to what they read: when a row was deleted, and where the
# change stood in the log. The second prefix is Airbyte's.
_LOG_BASED = re.compile(r"_(?:sdc|ab_cdc)_(?:deleted_at|lsn|scn|log_file|log_pos)", re.IGNORECASE)
MISSING_BITS = 63  # flags in one BIGINT


@dataclass(frozen=True)
class Parent:
    """The stream that a table's rows come and go with; `keys` are pairs of columns, ours first."""

    stream: str
    table: str
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """
    A stream's table: its columns in order, and the names of the key's columns in order.

    Staged rows of a table with `is_parent_or_child` carry their line number, which tells the
    children of an earlier parent record from those of a later one. `missing` is the rule for
    columns whose property a record lacks: "null" sets them to NULL, "keep" keeps their value,
    "auto" sets them to NULL until a record shows that the stream is log-based. `ignored` are
    properties without a column, because the target fills the column of that name. `definition` is
    the output of SHOW CREATE TABLE, empty until the table exists.
    """

    stream: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    parent: Parent | None = None
    is_parent_or_child: bool = False
    missing: str = "null"
    ignored: frozenset[str] = frozenset()
    definition: str = field(default="", repr=False)

    @property
    def filled_by_record(self) -> tuple[Column, ...]:
        """The columns that a record fills."""
        return tuple(column for column in self.columns if column.filled_by_record)

    def has(self, name: str) -> bool:
        """Tell whether there is a column called `name`, whatever the case: MySQL ignores it."""
        return any(column.name.casefold() == name.casefold() for column in self.columns)

    def adds(self, name: str) -> bool:
        """Tell whether there is a column called `name` that this target fills, not the tap."""
        return self.added(name) is not None

    def added(self, name: str) -> Column | None:
        """Return the column called `name` that this target fills; MySQL ignores the case."""
        return next((one for one in self._called(name) if not one.filled_by_record), None)

    @property
    def deletion(self) -> Column | None:
        """The column of the time at which the record says that its row was deleted."""
        return next((one for one in self._called(DELETED_AT) if one.filled_by_record), None)

    @property
    def has_line_numbers(self) -> bool:
        """Whether staged rows carry their line's number."""
        return self.is_parent_or_child or self.keeps_missing

    @property
    def keeps_missing(self) -> bool:
        """Whether a column whose property a record leaves out keeps its value."""
        return self.missing == "keep"

    @property
    def missing_columns(self) -> tuple[Column, ...]:
        """The staging table's columns of flags, one a property of the record: 1 for left out."""
        if not self.keeps_missing:
            return ()
        count = -(-len(self.filled_by_record) // MISSING_BITS)
        return tuple(integer_column(f"{STAGING}missing_{number}") for number in range(count))

    def as_log_based(self, name: str) -> Table:
        """Return the table of a stream whose records carry the undeclared property `name`."""
        missing = "keep" if self.missing == "auto" else self.missing
        columns = self.columns
        if name.casefold() == DELETED_AT:
            ours = self.added(DELETED_AT)
            told = ours and replace(ours, path=(name,))
            columns = tuple(told if told and one is ours else one for one in columns)
        return replace(self, columns=columns, missing=missing)

    def _called(self, name: str) -> Iterator[Column]:
        return (column for column in self.columns if column.name.casefold() == name.casefold())


def to_table(
    stream: str,
    schema: Schema,
    key_properties: Sequence[str],
    dialect: Dialect,
    *,
    add_metadata_columns: bool = True,
    flattening_levels: int = 0,
    existing: Collection[str] = (),
    missing: str = "null",
) -> Table:
    """
    Return the table for a stream's SCHEMA message.

    `flattening_levels` levels of objects become columns. `existing` are the names of the existing
    columns in the database. `missing` is the table's rule; "auto" becomes "keep" for a stream whose
    properties show that it is log-based.

    Raises ValueError for a schema without properties or without a key property, and for a key
    column that only the target may fill.
    """
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise ValueError("SCHEMA without properties")
    for name in key_properties:
        if name not in properties:
            raise ValueError(f"key property {name} is not among the properties")
    ours = _ours(properties, key_properties) if add_metadata_columns else set()
    leaves = {
        path: leaf
        for path, leaf in _leaves(properties, flattening_levels, set(key_properties))
        if path[0] not in ours
    }
    for name in (stream, *(name for path in leaves for name in path)):
        refuse_surrogates(name)
    plain = [FLATTEN_SEPARATOR.join(path) for path in leaves]
    names = dict(zip(leaves, to_names(plain, existing), strict=True))
    deletion = min((name for name in ours if name.casefold() == DELETED_AT), default=None)
    columns = []
    for path, leaf in leaves.items():
        if path[0] in key_properties:
            column = to_key_column(names[path], path, leaf, dialect, len(key_properties))
        else:
            column = to_column(names[path], path, leaf, dialect)
        columns.append(column)
    if add_metadata_columns:
        taken = {column.name.casefold() for column in columns}
        columns += [one for one in _metadata_columns(deletion, existing) if one.name not in taken]
    key = tuple(names[name,] for name in key_properties)
    parent = _to_parent(schema, names)
    if missing == "auto" and any(map(is_log_based, properties)):
        missing = "keep"
    return Table(
        stream,
        to_table_name(stream),
        tuple(columns),
        key,
        parent,
        is_parent_or_child=bool(parent),
        missing=missing,
        ignored=frozenset(ours - {deletion}),
    )


def is_log_based(name: str) -> bool:
    """Tell whether only log-based taps send a property of that name."""
    return bool(_LOG_BASED.match(name))


def _ours(properties: Mapping[str, Schema], key: Sequence[str]) -> set[str]:
    """
    Return the properties whose columns this target fills, not the tap.

    Raises ValueError where the key has one that must be ours.
    """
    ours = {name for name in properties if name.casefold() in METADATA_NAMES}
    for name in ours.intersection(key):
        if name.casefold() in (DELETED_AT, TABLE_VERSION):
            raise ValueError(
                f"key property {name} is a column that this target fills:"
                " add_metadata_columns: false leaves it to the tap"
            )
    return ours.difference(key)


def _metadata_columns(deletion: str | None, existing: Collection[str]) -> list[Column]:
    """Return the columns to add; the property `deletion`, if any, fills the one for deletions."""
    columns = [
        replace(column, path=(deletion,)) if deletion and column.name == DELETED_AT else column
        for column in METADATA_COLUMNS
    ]
    # A table that has had versions will have them again: not to wait for the first is quicker.
    if any(name.casefold() == TABLE_VERSION for name in existing):
        columns.append(VERSION_COLUMN)
    return columns


def _leaves(
    properties: Mapping[str, Schema], levels: int, whole: set[str]
) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Yield path and schema of what becomes a column each; `whole` are not taken apart."""
    for name, schema in properties.items():
        inner = (
            schema.get("properties")
            if levels and name not in whole and _is_object(schema)
            else None
        )
        if isinstance(inner, Mapping) and inner:
            for path, leaf in _leaves(inner, levels - 1, set()):
                yield (name, *path), leaf
        else:
            yield (name,), schema


def _is_object(schema: Schema) -> bool:
    """Tell whether all values of `schema` are objects, or null."""
    types = schema.get("type") if isinstance(schema, Mapping) else None
    return to_kind(schema)[0] is Kind.JSON and (
        types == "object" or (isinstance(types, list) and set(types) <= {"object", "null"})
    )


def _to_parent(schema: Schema, names: Mapping[tuple[str, ...], str]) -> Parent | None:
    """Return what a schema's `x-parent` says; ValueError where it is not understood."""
    given = schema.get("x-parent")
    if given is None:
        return None
    stream = given.get("stream") if isinstance(given, Mapping) else None
    keys = given.get("keys") if isinstance(given, Mapping) else None
    if not isinstance(stream, str) or not isinstance(keys, Mapping) or not keys:
        raise ValueError("x-parent needs a stream and keys")
    unknown = [name for name in keys if (name,) not in names]
    if unknown:
        raise ValueError(f"x-parent: {', '.join(unknown)} is not among the properties")
    pairs = tuple((names[ours,], to_name(theirs)) for ours, theirs in keys.items())
    return Parent(stream, to_table_name(stream), pairs)


def to_source(schema: Schema) -> str | None:
    """
    Return the `x-source` of a schema, a name for whose data it describes; None without any.

    Raises ValueError where it is not a text.
    """
    source = schema.get("x-source")
    if source is not None and (not isinstance(source, str) or not source):
        raise ValueError("x-source must be a string")
    refuse_surrogates(source or "")
    return source


METADATA_COLUMNS = tuple(map(date_time_column, (EXTRACTED_AT, BATCHED_AT, DELETED_AT)))
LINE_COLUMN = integer_column(f"{STAGING}line")  # of the staging table alone
VERSION_COLUMN = integer_column(TABLE_VERSION)


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
