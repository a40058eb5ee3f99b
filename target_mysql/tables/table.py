"""The table for a SCHEMA message: columns, key, parent. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from target_mysql.tables.columns import (
    Column,
    date_time_column,
    integer_column,
    to_column,
    to_key_column,
)
from target_mysql.tables.dialect import Dialect
from target_mysql.tables.identifiers import (
    STAGING,
    fold,
    refuse_surrogates,
    to_name,
    to_names,
    to_table_name,
)
from target_mysql.tables.kinds import Kind, Schema, to_kind

FLATTEN_SEPARATOR = "__"  # between the names of an object and of its property

EXTRACTED_AT = "_sdc_extracted_at"
BATCHED_AT = "_sdc_batched_at"
DELETED_AT = "_sdc_deleted_at"
TABLE_VERSION = "_sdc_table_version"
# Columns that the target fills whatever a record says; only the time of deletion may come from
# the record.
METADATA_NAMES = frozenset((EXTRACTED_AT, BATCHED_AT, DELETED_AT, TABLE_VERSION))
# Properties that log-based taps add: the time of deletion, and the position in the log. Airbyte
# has the second prefix.
_LOG_BASED = re.compile(r"_(?:sdc|ab_cdc)_(?:deleted_at|lsn|scn|log_file|log_pos)", re.IGNORECASE)
MISSING_BITS = 63  # flags in a BIGINT

Path = tuple[str, ...]
"""The names of a property and of the objects around it, outer ones first."""


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
    the output of SHOW CREATE TABLE, empty until the table exists. `is_new` says that this run has
    created the table, so that hardly any of its rows comes again.
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
    is_new: bool = False

    @property
    def filled_by_record(self) -> tuple[Column, ...]:
        """The columns that a record fills."""
        return tuple(column for column in self.columns if column.filled_by_record)

    def has(self, name: str) -> bool:
        """Whether the table has a column called `name`, in any case."""
        return any(column.name.casefold() == name.casefold() for column in self.columns)

    def adds(self, name: str) -> bool:
        """Whether the table has a column called `name` that the target fills, not the tap."""
        return self.added(name) is not None

    def added(self, name: str) -> Column | None:
        """Return the column called `name`, in any case, that the target fills."""
        return next((one for one in self._called(name) if not one.filled_by_record), None)

    @property
    def deletion(self) -> Column | None:
        """The column for the time of deletion, if records provide the time."""
        return next((one for one in self._called(DELETED_AT) if one.filled_by_record), None)

    @property
    def can_reference_parent(self) -> bool:
        """Whether a foreign key is possible: an index can hold the columns of the parent's key."""
        ours = {name for name, _ in self.parent.keys} if self.parent else set()
        columns = [column for column in self.columns if column.name in ours]
        return bool(columns) and all(
            column.json is None and (column.max_length or not column.collated) for column in columns
        )

    def finds_parent_by_key(self, parent: Table) -> bool:
        """Whether the index of the parent's key finds a row's parent, as no value is converted."""
        pairs = [(ours, fold(theirs)) for ours, theirs in self.parent.keys] if self.parent else []
        if {theirs for _, theirs in pairs} != {*map(fold, parent.key[: len(pairs)])}:
            return False
        columns = {one.name: one for one in self.columns}
        others = {fold(one.name): one for one in parent.columns}
        return all(columns[ours].collated == others[theirs].collated for ours, theirs in pairs)

    @property
    def has_line_numbers(self) -> bool:
        """Whether staged rows carry their line's number."""
        return self.is_parent_or_child or self.keeps_missing

    @property
    def keeps_missing(self) -> bool:
        """Whether a column keeps its value when a record lacks the property."""
        return self.missing == "keep"

    @property
    def missing_columns(self) -> tuple[Column, ...]:
        """
        The flags in the staging table: a bit for each property, set if the record lacks the
        property.
        """
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
            filled = ours and replace(ours, path=(name,))
            columns = tuple(filled if filled and one is ours else one for one in columns)
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
    columns. `missing` is the table's rule; a log-based schema turns "auto" into "keep". Raises
    ValueError without properties, without a key property, or if only the target may fill the key.
    """
    properties = _properties(schema, key_properties)
    ours = _ours(properties, key_properties) if add_metadata_columns else set()
    own = {name: one for name, one in properties.items() if name not in ours}
    leaves = dict(_leaves(own, flattening_levels, set(key_properties)))
    names = _column_names(stream, leaves, existing)
    columns = _record_columns(leaves, names, key_properties, dialect)
    deletion = min((name for name in ours if name.casefold() == DELETED_AT), default=None)
    if add_metadata_columns:
        columns += _metadata_columns(columns, deletion, existing)
    parent = _to_parent(schema, names)
    return Table(
        stream,
        to_table_name(stream),
        tuple(columns),
        tuple(names[name,] for name in key_properties),
        parent,
        is_parent_or_child=bool(parent),
        missing="keep" if missing == "auto" and any(map(is_log_based, properties)) else missing,
        ignored=frozenset(ours - {deletion}),
    )


def _properties(schema: Schema, key_properties: Sequence[str]) -> Mapping[str, Schema]:
    """Return the properties of a schema; raises ValueError as `to_table` does."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise ValueError("SCHEMA without properties")
    for name in key_properties:
        if name not in properties:
            raise ValueError(f"key property {name} is not among the properties")
    return properties


def _record_columns(
    leaves: Mapping[Path, Schema],
    names: Mapping[Path, str],
    key_properties: Sequence[str],
    dialect: Dialect,
) -> list[Column]:
    return [
        to_key_column(names[path], path, leaf, dialect, len(key_properties))
        if path[0] in key_properties
        else to_column(names[path], path, leaf, dialect)
        for path, leaf in leaves.items()
    ]


def _column_names(
    stream: str, paths: Collection[Path], existing: Collection[str]
) -> dict[Path, str]:
    """Return a column's name for the property at each path; ValueError for a lone surrogate."""
    for name in (stream, *(name for path in paths for name in path)):
        refuse_surrogates(name)
    plain = [FLATTEN_SEPARATOR.join(path) for path in paths]
    return dict(zip(paths, to_names(plain, existing), strict=True))


def is_log_based(name: str) -> bool:
    """Whether only log-based taps send a property of that name."""
    return bool(_LOG_BASED.match(name))


def _ours(properties: Mapping[str, Schema], key: Sequence[str]) -> set[str]:
    """
    Return the properties whose columns the target fills.

    Raises ValueError if the key has such a property.
    """
    ours = {name for name in properties if name.casefold() in METADATA_NAMES}
    for name in ours.intersection(key):
        if name.casefold() in (DELETED_AT, TABLE_VERSION):
            raise ValueError(
                f"key property {name} is a column that this target fills:"
                " add_metadata_columns: false leaves it to the tap"
            )
    return ours.difference(key)


def _metadata_columns(
    columns: Sequence[Column], deletion: str | None, existing: Collection[str]
) -> list[Column]:
    """
    Return the columns to add to `columns`.

    The property `deletion`, if any, fills _sdc_deleted_at.
    """
    added = [
        replace(column, path=(deletion,)) if deletion and column.name == DELETED_AT else column
        for column in METADATA_COLUMNS
    ]
    # A table that has had versions gets more of them: there is no need to wait for the first.
    if any(name.casefold() == TABLE_VERSION for name in existing):
        added.append(VERSION_COLUMN)
    in_use = {column.name.casefold() for column in columns}
    return [column for column in added if column.name not in in_use]


def _leaves(
    properties: Mapping[str, Schema], levels: int, whole: set[str]
) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """
    Yield path and schema of each property that becomes a column; `whole` objects are not flattened.
    """
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
    """Whether all values of `schema` are objects or null."""
    types = schema.get("type") if isinstance(schema, Mapping) else None
    return to_kind(schema)[0] is Kind.JSON and (
        types == "object"
        or (isinstance(types, list) and all(one in ("object", "null") for one in types))
    )


def _to_parent(schema: Schema, names: Mapping[tuple[str, ...], str]) -> Parent | None:
    """Return the parent that a schema's `x-parent` declares; ValueError for a malformed value."""
    declaration = schema.get("x-parent")
    if declaration is None:
        return None
    stream = declaration.get("stream") if isinstance(declaration, Mapping) else None
    keys = declaration.get("keys") if isinstance(declaration, Mapping) else None
    if not isinstance(stream, str) or not isinstance(keys, Mapping) or not keys:
        raise ValueError("x-parent needs a stream and keys")
    unknown = [name for name in keys if (name,) not in names]
    if unknown:
        raise ValueError(f"x-parent: {', '.join(unknown)} is not among the properties")
    if not all(isinstance(theirs, str) for theirs in keys.values()):
        raise ValueError("x-parent: keys must name properties of the parent")
    pairs = tuple((names[ours,], to_name(theirs)) for ours, theirs in keys.items())
    return Parent(stream, to_table_name(stream), pairs)


def to_source(schema: Schema) -> str | None:
    """
    Return the `x-source` of a schema, which names the source of the data, or None.

    Raises ValueError if the value is not a string.
    """
    source = schema.get("x-source")
    if source is not None and (not isinstance(source, str) or not source):
        raise ValueError("x-source must be a string")
    refuse_surrogates(source or "")
    return source


METADATA_COLUMNS = tuple(map(date_time_column, (EXTRACTED_AT, BATCHED_AT, DELETED_AT)))
# Of the staging table alone.
LINE_COLUMN = integer_column(f"{STAGING}line")
UNCHANGED = f"{STAGING}unchanged"  # a column that is 1 if the table has such a row already, else 0
VERSION_COLUMN = integer_column(TABLE_VERSION)
