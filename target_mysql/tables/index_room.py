"""How long a column's text may become before an index of a table is too long. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from target_mysql.tables.column_compatibility import ExistingColumn
from target_mysql.tables.dialect import BYTES_A_CHARACTER, Dialect
from target_mysql.tables.sizes import index_bytes


@dataclass(frozen=True)
class IndexPart:
    """A column of an index; `prefix_length` in characters if the index has only a prefix."""

    index: str
    column: str
    prefix_length: int | None


def with_index_room(
    columns: Mapping[str, ExistingColumn], parts: Iterable[IndexPart], dialect: Dialect
) -> dict[str, ExistingColumn]:
    """Return `columns`, by name, with the `index_characters` that the indexes leave for each."""
    rooms: dict[str, int] = {}
    for index in _by_index(parts):
        sizes = {
            part.column: index_bytes(columns[part.column].sql_type, part.prefix_length)
            for part in index
        }
        for part in index:
            if part.prefix_length is None:
                others = sum(sizes.values()) - sizes[part.column]
                room = min(dialect.key_bytes, dialect.index_bytes - others) // BYTES_A_CHARACTER
                rooms[part.column] = min(room, rooms.get(part.column, room))
    return {
        name: replace(column, index_characters=rooms.get(name)) for name, column in columns.items()
    }


def _by_index(parts: Iterable[IndexPart]) -> list[list[IndexPart]]:
    indexes: dict[str, list[IndexPart]] = defaultdict(list)
    for part in parts:
        indexes[part.index].append(part)
    return list(indexes.values())
