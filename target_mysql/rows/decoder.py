"""
Which decoder reads a stream's RECORD lines, and into what: flat records, one field a column. Pure.

A record's fields are c0, c1, ... in the order of the columns that it fills. Where columns are made
of objects' properties the decoder's own type is nested; a function compiled once makes it flat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from target_mysql.tables.columns import BIGINT_MAX, BIGINT_MIN, Column, Kind
from target_mysql.tables.table import DELETED_AT, FLATTEN_SEPARATOR, Table

BigInt = Annotated[int, Meta(ge=BIGINT_MIN, le=BIGINT_MAX)]
# The type that the decoder checks a kind's values against; Raw leaves a value as it was written.
DECODED: Mapping[Kind, Any] = {
    Kind.INTEGER: BigInt,
    Kind.NUMBER: Raw,
    Kind.DECIMAL: Decimal,
    Kind.BOOLEAN: bool,
    Kind.STRING: str,
    Kind.DATE_TIME: str,
    Kind.DATE: str,
    Kind.TIME: str,
    Kind.JSON: Raw,
    Kind.MIXED: Raw,
    Kind.NUMBER_AS_TEXT: Raw,
}
NO_FIELD_NAME = re.compile(r'[\\"\x00-\x1f]')

Path = tuple[str, ...]
Tree = dict[str, Any]
"""
The properties by name: of each the column's place, IGNORED or NULL_ONLY where it has none, or the
Tree of the object's properties.
"""
IGNORED, NULL_ONLY = "ignored", "null only"


@dataclass(frozen=True)
class Decoding:
    """
    How to read RECORD lines of one stream.

    `record_type` makes flat records, by the names of their fields; `decode` gives messages whose
    `record` `flatten` makes such a record of.
    """

    record_type: Any
    message_type: Any
    decode: Callable[[bytes], Any]
    flatten: Callable[[Any], Any] | None


def to_decoding(table: Table, ignored: Collection[Path] = (), *, strict: bool) -> Decoding:
    """
    Return how to decode a table's stream.

    A strict decoder refuses properties that neither have a column nor are at one of the paths
    `ignored`; another still refuses a time of deletion that the SCHEMA does not declare.
    """
    columns = table.filled_by_record
    tree = to_tree(columns)
    ignored = {*ignored, *((name,) for name in table.ignored)}
    for path in ignored:
        _add_ignored(tree, path)
    if not strict and table.adds(DELETED_AT):
        tree.setdefault(DELETED_AT, NULL_ONLY)
    fields = [_field(f"c{at}", column, table) for at, column in enumerate(columns)]
    is_flat = not any(column.members or len(column.path) > 1 for column in columns)
    readable = not any(NO_FIELD_NAME.search(name) for name in _names(tree))
    renamed = {f"c{at}": column.path[0] for at, column in enumerate(columns)} if is_flat else {}
    if is_flat:
        extra = {name: node for name, node in tree.items() if node in (IGNORED, NULL_ONLY)}
        fields += [_extra_field(f"e{at}", node) for at, node in enumerate(extra.values())]
        renamed |= {f"e{at}": name for at, name in enumerate(extra)}
    else:
        # Made by position: a key's field, which has no default, may come after one that has.
        fields = [(name, kind) for name, kind, *_ in fields]
    record_type = msgspec.defstruct(
        "Record",
        fields,
        rename=renamed if readable else {},
        forbid_unknown_fields=strict,
        kw_only=is_flat,
        gc=False,
    )
    message_type = _message_type(record_type)
    if not readable:
        return Decoding(record_type, message_type, _refuse, None)
    if is_flat:
        return Decoding(record_type, message_type, _decoder(message_type), None)
    nested = _nested_type(tree, columns, table, strict)
    decode = _decoder(_message_type(nested))
    return Decoding(record_type, message_type, decode, _flat_function(tree, columns, record_type))


def to_tree(columns: Sequence[Column]) -> Tree:
    """Return the properties that fill the columns, as they stand in a record."""
    tree: Tree = {}
    for at, column in enumerate(columns):
        for path in column.members or (column.path,):
            *outer, last = path
            node = tree
            for name in outer:
                node = node.setdefault(name, {})
            node[last] = at
    return tree


def _add_ignored(tree: Tree, path: Path) -> None:
    """Have the property at `path`, which has no column, be known."""
    *outer, last = path
    for name in outer:
        tree = tree.get(name, {})  # the objects on its way are known: it was found in them
    tree.setdefault(last, IGNORED)


def _extra_field(name: str, node: str) -> Any:
    """Return the field of a property without a column."""
    return (name, Raw | UnsetType if node == IGNORED else None | UnsetType, UNSET)


def _names(tree: Tree) -> Iterator[str]:
    for name, node in tree.items():
        yield name
        if isinstance(node, dict):
            yield from _names(node)


def _message_type(record_type: Any) -> Any:
    fields: list[Any] = [
        ("record", record_type),
        ("time_extracted", str | None, None),
        ("version", BigInt | None, None),
    ]
    return msgspec.defstruct("Message", fields, gc=False)


def _decoder(message_type: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(message_type).decode


def _refuse(_: bytes) -> Any:
    raise ValueError("no struct can have fields of these names: the careful way it is")


def _field(name: str, column: Column, table: Table) -> Any:
    """Return a field of a record type: name, type and, where it may be missing, its default."""
    decoded = _limited(column)
    if column.name in table.key:
        # As a Decimal "1" would be 1.
        return (name, Raw if column.kind is Kind.DECIMAL else decoded)
    if decoded is Raw:
        return (name, Raw | UnsetType, UNSET)
    return (name, decoded | None | UnsetType, UNSET)


def _limited(column: Column) -> Any:
    if column.kind is Kind.INTEGER:
        low, high = column.limits
        return Annotated[int, Meta(ge=low, le=high)]
    if column.kind is Kind.STRING and column.max_length is not None:
        return Annotated[str, Meta(max_length=column.max_length)]
    return DECODED[column.kind]


def _nested_type(tree: Tree, columns: Sequence[Column], table: Table, strict: bool) -> Any:
    """Return the struct of a tree's properties: fields f0, f1, ... in order."""
    fields: list[Any] = []
    for at, node in enumerate(tree.values()):
        if isinstance(node, dict):
            inner = _nested_type(node, columns, table, strict)
            fields.append((f"f{at}", inner | None | UnsetType, UNSET))
        elif node in (IGNORED, NULL_ONLY):
            fields.append(_extra_field(f"f{at}", node))
        elif columns[node].members:
            fields.append((f"f{at}", Raw | UnsetType, UNSET))
        else:
            fields.append(_field(f"f{at}", columns[node], table))
    renamed = {f"f{at}": name for at, name in enumerate(tree)}
    return msgspec.defstruct(
        "Nested", fields, rename=renamed, forbid_unknown_fields=strict, kw_only=True, gc=False
    )


def _flat_function(tree: Tree, columns: Sequence[Column], record_type: Any) -> Callable[[Any], Any]:
    """
    Return the function from the nested record to the flat one.

    Compiled from text, in which there are only positions; where an object is null or missing, so
    are all of its properties.
    """
    body: list[str] = []
    found: dict[tuple[str, ...], str] = {}
    _collect(tree, "r", (), body, found)
    scope: dict[str, Any] = {"Flat": record_type, "UNSET": UNSET, "joined": joined}
    values = []
    for at, column in enumerate(columns):
        if column.members:
            scope[f"names{at}"] = member_names(column)
            members = "".join(f"{found[path]}, " for path in column.members)
            values.append(f"joined(({members}), names{at})")
        else:
            values.append(found[column.path])
    body.append(f"return Flat({', '.join(values)})")
    exec("\n  ".join(["def flatten(r):", *body]), scope)
    function: Callable[[Any], Any] = scope["flatten"]
    return function


def _collect(
    tree: Tree,
    owner: str,
    path: tuple[str, ...],
    body: list[str],
    found: dict[tuple[str, ...], str],
) -> None:
    """Add to `found` how each property is got at, by way of the variables that `body` sets."""
    for at, (name, node) in enumerate(tree.items()):
        value = f"{owner}.f{at}"
        if path:
            value = f"({owner} if {owner} is None or {owner} is UNSET else {value})"
        if isinstance(node, dict):
            variable = f"{owner}_{at}"
            body.append(f"{variable} = {value}")
            _collect(node, variable, (*path, name), body, found)
        elif node not in (IGNORED, NULL_ONLY):
            found[(*path, name)] = value


def member_names(column: Column) -> list[bytes]:
    """Return the names of a column's members, as JSON."""
    return [msgspec.json.encode(FLATTEN_SEPARATOR.join(path)) for path in column.members]


def joined(values: Sequence[Any], names: Sequence[bytes]) -> Any:
    """Return one JSON object of the values that are there, UNSET where none is."""
    pairs = [
        name + b":" + (b"null" if value is None else bytes(value))
        for name, value in zip(names, values, strict=True)
        if value is not UNSET
    ]
    return Raw(b"{" + b",".join(pairs) + b"}") if pairs else UNSET
