"""
Shares the bytes of an index among its text columns. Pure.

InnoDB limits an index to 3,072 bytes in all (fewer with small pages), at 4 bytes a character. On
MySQL 5.6 with its defaults each column is limited to 767. Columns of a key begin with equal shares.
A longer value takes the room that other columns do not use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from target_mysql.tables.columns import Column, varchar
from target_mysql.tables.dialect import BYTES_A_CHARACTER, Dialect
from target_mysql.tables.sizes import index_bytes
from target_mysql.tables.table import Table


def text_key_columns(table: Table) -> list[Column]:
    """Return the key's columns of text, whose lengths share the index."""
    return [one for one in table.columns if one.name in table.key and one.max_length is not None]


def key_room(table: Table, dialect: Dialect) -> int:
    """Return how many characters the text columns of the key may have in all."""
    texts = [column.name for column in text_key_columns(table)]
    others = (one for one in table.columns if one.name in table.key and one.name not in texts)
    fixed_bytes = sum(index_bytes(column.sql_type) for column in others)
    return (dialect.index_bytes - fixed_bytes) // BYTES_A_CHARACTER


def with_longer_key(
    table: Table, name: str, length: int, longest_texts: Mapping[str, int], dialect: Dialect
) -> Table:
    """
    Return `table` whose key column `name` holds texts of `length` characters.

    `longest_texts` are the lengths of the longest text of each text column, in characters. The rest
    of the index is shared equally. Raises ValueError, with advice, if the index is too short.
    """
    needs = {one.name: max(longest_texts[one.name], 1) for one in text_key_columns(table)}
    needs[name] = max(length, needs[name])
    spare = key_room(table, dialect) - sum(needs.values())
    longest = dialect.key_bytes // BYTES_A_CHARACTER
    if spare < 0 or max(needs.values()) > longest:
        lengths = ", ".join(f"{one} {characters}" for one, characters in needs.items())
        raise ValueError(
            f"{length} characters, too many: the longest values of the key ({lengths} characters)"
            f" do not fit the index of {dialect.index_bytes} bytes, 4 a character, {longest}"
            f" characters a column: {dialect.key_advice}"
        )
    share = spare // len(needs)
    return with_lengths(table, {one: min(need + share, longest) for one, need in needs.items()})


def with_lengths(table: Table, lengths: Mapping[str, int]) -> Table:
    """Return `table` with the text columns that `lengths` names of so many characters."""
    columns = tuple(
        varchar(column, lengths[column.name]) if column.name in lengths else column
        for column in table.columns
    )
    return replace(table, columns=columns)
