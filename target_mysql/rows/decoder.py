"""
Compiles a stream's decoder, from RECORD lines to flat records with a field for each column. Pure.

The fields of a record are c0, c1, ... in the order of the columns. If columns come from properties
of objects, the decoder returns nested structs, and a compiled function flattens them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Protocol, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from target_mysql.tables.columns import BIGINT_MAX, BIGINT_MIN, Column
from target_mysql.tables.kinds import Kind
from target_mysql.tables.table import DELETED_AT, FLATTEN_SEPARATOR, Table

BigInt = Annotated[int, Meta(ge=BIGINT_MIN, le=BIGINT_MAX)]
# The type that the decoder checks the values of a kind against; Raw is the value's JSON text.
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
NO_FIELD_NAME = re.compile(r'[\\"\x00-\x1f]')  # msgspec refuses names with such characters


class NoColumn(Enum):
    """Properties without a column."""

    IGNORED = "of any value"
    NULL_ONLY = "refused unless null"


Path = tuple[str, ...]
Tree: TypeAlias = "dict[str, int | NoColumn | Tree]"
"""
The properties of an object by name: the position of the property's column, NoColumn, or the Tree
of an object whose properties have columns.
"""
Field = tuple[str, Any] | tuple[str, Any, Any]
"""A struct's field as msgspec.defstruct takes it: name, type and, if it may be missing, default."""


class DecodedMessage(Protocol):
    """A decoded RECORD message; `record` is a struct made for the stream's table."""

    record: Any
    time_extracted: str | None
    version: int | None


@dataclass(frozen=True)
class Decoding:
    """
    The decoder of a stream.

    `decode` returns messages. Their `record` is a `record_type`, or nested: then `flatten` converts
    the record.
    """

    record_type: Any
    message_type: Any
    decode: Callable[[bytes], DecodedMessage]
    flatten: Callable[[Any], Any] | None


def to_decoding(table: Table, ignored: Collection[Path] = (), *, strict: bool) -> Decoding:
    """
    Compile the decoder of a table's stream.

    A strict decoder refuses properties that neither have a column nor are `ignored`. A lenient one
    still refuses a time of deletion that the SCHEMA does not declare.
    """
    columns = table.filled_by_record
    tree = _with_ignored(to_tree(columns), {*ignored, *((name,) for name in table.ignored)})
    if not strict and table.adds(DELETED_AT):
        tree.setdefault(DELETED_AT, NoColumn.NULL_ONLY)
    is_flat = not any(column.members or len(column.path) > 1 for column in columns)
    is_decodable = not any(NO_FIELD_NAME.search(name) for name in _names(tree))
    record_type = _record_type(table, tree, strict=strict, is_flat=is_flat, has_names=is_decodable)
    message_type = _message_type(record_type)
    if not is_decodable:
        return Decoding(record_type, message_type, _refuse, None)
    if is_flat:
        return Decoding(record_type, message_type, _decoder(message_type), None)
    nested = _nested_type(tree, columns, table, strict)
    decode = _decoder(_message_type(nested))
    return Decoding(record_type, message_type, decode, _flat_function(tree, columns, record_type))


def _record_type(table: Table, tree: Tree, *, strict: bool, is_flat: bool, has_names: bool) -> Any:
    """Return the struct of flat records; with `has_names`, fields have the properties' names."""
    columns = table.filled_by_record
    fields = [_field(f"c{at}", column, table) for at, column in enumerate(columns)]
    renamings = {f"c{at}": column.path[0] for at, column in enumerate(columns)} if is_flat else {}
    if is_flat:
        extra = {name: node for name, node in tree.items() if isinstance(node, NoColumn)}
        fields += [_extra_field(f"e{at}", node) for at, node in enumerate(extra.values())]
        renamings |= {f"e{at}": name for at, name in enumerate(extra)}
    else:
        # Constructed by position: a key's field, without a default, may follow one with a default.
        fields = [(name, kind) for name, kind, *_ in fields]
    return msgspec.defstruct(
        "Record",
        fields,
        rename=renamings if has_names else {},
        forbid_unknown_fields=strict,
        kw_only=is_flat,
        gc=False,
    )


def to_tree(columns: Sequence[Column]) -> Tree:
    """Return the tree of the properties that fill the columns."""
    tree: Tree = {}
    for at, column in enumerate(columns):
        for path in column.members or (column.path,):
            *outer, last = path
            _inner_tree(tree, outer)[last] = at
    return tree


def _inner_tree(tree: Tree, outer: Sequence[str]) -> Tree:
    """Return the tree of the object at the path `outer`; adds the objects on the way."""
    for name in outer:
        inner = tree.setdefault(name, {})
        assert isinstance(inner, dict), "no column is filled by an object and by its properties"
        tree = inner
    return tree


def _with_ignored(tree: Tree, paths: Collection[Path]) -> Tree:
    """Return `tree` with the properties at `paths`, which have no column."""
    for *outer, last in paths:
        _inner_tree(tree, outer).setdefault(last, NoColumn.IGNORED)
    return tree


def _extra_field(name: str, node: NoColumn) -> Field:
    return (name, Raw | UnsetType if node is NoColumn.IGNORED else None | UnsetType, UNSET)


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


def _decoder(message_type: Any) -> Callable[[bytes], DecodedMessage]:
    decode: Callable[[bytes], DecodedMessage] = msgspec.json.Decoder(message_type).decode
    return decode


def _refuse(_: bytes) -> DecodedMessage:
    raise ValueError("no struct can have fields of these names: use the fallback")


def _field(name: str, column: Column, table: Table) -> Field:
    value_type = _decoded_type(column)
    if column.name in table.key:
        # As a Decimal the string "1" would be the number 1.
        return (name, Raw if column.kind is Kind.DECIMAL else value_type)
    if value_type is Raw:
        return (name, Raw | UnsetType, UNSET)
    return (name, value_type | None | UnsetType, UNSET)


def _decoded_type(column: Column) -> Any:
    """Return the type of a column's values, with limits."""
    if column.kind is Kind.INTEGER:
        low, high = column.limits
        return Annotated[int, Meta(ge=low, le=high)]
    if column.kind is Kind.STRING and column.max_length is not None:
        return Annotated[str, Meta(max_length=column.max_length)]
    return DECODED[column.kind]


def _nested_type(tree: Tree, columns: Sequence[Column], table: Table, strict: bool) -> Any:
    """Return the struct of a tree's properties, with the fields f0, f1, ... in order."""
    fields: list[Field] = []
    for at, node in enumerate(tree.values()):
        if isinstance(node, dict):
            inner = _nested_type(node, columns, table, strict)
            fields.append((f"f{at}", inner | None | UnsetType, UNSET))
        elif isinstance(node, NoColumn):
            fields.append(_extra_field(f"f{at}", node))
        elif columns[node].members:
            fields.append((f"f{at}", Raw | UnsetType, UNSET))
        else:
            fields.append(_field(f"f{at}", columns[node], table))
    renamings = {f"f{at}": name for at, name in enumerate(tree)}
    return msgspec.defstruct(
        "Nested", fields, rename=renamings, forbid_unknown_fields=strict, kw_only=True, gc=False
    )


def _flat_function(tree: Tree, columns: Sequence[Column], record_type: Any) -> Callable[[Any], Any]:
    """
    Compile the function from the nested record to the flat record.

    The source contains only positions. If an object is null or missing, so are its properties.
    """
    accesses = dict(_iter_accesses(tree, "r", ()))
    body = [f"{variable} = {value}" for variable, value in _iter_variables(tree, "r", is_top=True)]
    scope: dict[str, Any] = {"Flat": record_type, "UNSET": UNSET, "joined": joined}
    values = []
    for at, column in enumerate(columns):
        if column.members:
            scope[f"names{at}"] = member_names(column)
            members = "".join(f"{accesses[path]}, " for path in column.members)
            values.append(f"joined(({members}), names{at})")
        else:
            values.append(accesses[column.path])
    body.append(f"return Flat({', '.join(values)})")
    exec("\n  ".join(["def flatten(r):", *body]), scope)
    function: Callable[[Any], Any] = scope["flatten"]
    return function


def _access(owner: str, at: int, *, is_top: bool) -> str:
    """Return the expression for the `at`th field of the struct in the variable `owner`."""
    value = f"{owner}.f{at}"
    return value if is_top else f"({owner} if {owner} is None or {owner} is UNSET else {value})"


def _iter_variables(tree: Tree, owner: str, *, is_top: bool) -> Iterator[tuple[str, str]]:
    """Yield a variable and an expression for each object in the tree, outer objects first."""
    for at, node in enumerate(tree.values()):
        if isinstance(node, dict):
            yield f"{owner}_{at}", _access(owner, at, is_top=is_top)
            yield from _iter_variables(node, f"{owner}_{at}", is_top=False)


def _iter_accesses(tree: Tree, owner: str, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the path of each property with a column, and the expression for the value."""
    for at, (name, node) in enumerate(tree.items()):
        if isinstance(node, dict):
            yield from _iter_accesses(node, f"{owner}_{at}", (*path, name))
        elif not isinstance(node, NoColumn):
            yield (*path, name), _access(owner, at, is_top=not path)


def member_names(column: Column) -> list[bytes]:
    """Return the names of a column's members as JSON."""
    return [msgspec.json.encode(FLATTEN_SEPARATOR.join(path)) for path in column.members]


def joined(values: Sequence[Any], names: Sequence[bytes]) -> Any:
    """Return a JSON object of the values that are set, UNSET if all are missing."""
    pairs = [
        name + b":" + (b"null" if value is None else bytes(value))
        for name, value in zip(names, values, strict=True)
        if value is not UNSET
    ]
    return Raw(b"{" + b",".join(pairs) + b"}") if pairs else UNSET
