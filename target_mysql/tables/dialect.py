"""The differences between servers that reach the shape of a table. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

BYTES_A_CHARACTER = 4  # utf8mb4
KEY_BYTES = 3072  # of all columns of an index
# Of the 8,126 bytes of an InnoDB row, without hidden columns, null bits and _sdc_ columns.
ROW_BYTES = 7_850
PAGE_BYTES = 16_384  # InnoDB's default page size
SMALL_KEY_BYTES = 767  # of a single column, on MySQL 5.6 with its defaults


@dataclass(frozen=True)
class JsonType:
    """
    A server's JSON type: the nesting that the server accepts, and whether numbers keep all digits.

    Without `keeps_digits` only 64-bit integers and numbers that a DOUBLE holds are lossless.
    """

    name: str
    depth: int
    keeps_digits: bool

    @property
    def is_parsed(self) -> bool:
        """Whether the server stores documents parsed, and not as their text."""
        return not self.keeps_digits

    @cached_property
    def safe_length(self) -> int:
        """
        The characters up to which the server stores any value unchanged.

        So short a value is neither nested too deep nor, as 1e99 is, beyond a DOUBLE's digits.
        """
        return 3 if self.is_parsed else 2 * self.depth


@dataclass(frozen=True)
class Dialect:
    """
    The differences of a server that affect tables: the collation of text and the type for JSON.

    `key_bytes` limits each column of an index, `index_bytes` all of them. A row has `row_bytes` for
    its columns. With `pads`, trailing spaces do not count in comparisons. `staging_engine` loads
    temporary tables faster than InnoDB; only InnoDB has long enough keys for text.
    """

    collation: str
    json: JsonType | None
    key_bytes: int = KEY_BYTES
    row_format: str | None = None
    staging_engine: str | None = None
    pads: bool = False
    index_bytes: int = KEY_BYTES
    row_bytes: int = ROW_BYTES

    @property
    def key_advice(self) -> str:
        """The end of the error for a key's text that is too long for an index."""
        advice = "have the tap use a shorter key, or load the stream without key_properties"
        if self.key_bytes == SMALL_KEY_BYTES:
            settings = "innodb_file_format=Barracuda and innodb_large_prefix=ON"
            return f"on MySQL 5.6 set {settings} for longer ones, {advice}"
        return f"{advice} (primary_key_required: false)"

    def without_json(self) -> Dialect:
        """Return the dialect with text in place of the server's JSON type."""
        return replace(self, json=None)

    def with_pages(self, size: int) -> Dialect:
        """Return the dialect of a server whose InnoDB has pages of `size` bytes."""
        if size >= PAGE_BYTES:
            return self
        index_bytes = KEY_BYTES * size // PAGE_BYTES
        return replace(
            self,
            key_bytes=min(self.key_bytes, index_bytes),
            index_bytes=index_bytes,
            # Half a page, without the overhead of a page and of a row.
            row_bytes=size // 2 - 342,
        )
