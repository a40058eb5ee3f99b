"""The differences between servers that reach the shape of a table. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

BYTES_A_CHARACTER = 4  # utf8mb4
KEY_BYTES = 3072  # of all of an index's columns
# Of InnoDB's 8,126 bytes a row, what is left for columns: its own, null bits and ours taken off.
ROW_BYTES = 7_850
PAGE_BYTES = 16_384  # of InnoDB, unless it was set up otherwise
SMALL_KEY_BYTES = 767  # of one of them, on MySQL 5.6 as it comes


@dataclass(frozen=True)
class JsonType:
    """
    A server's type for JSON: how deep it lets values nest, and whether numbers stay as written.

    Where they do not, integers of 64 bits and what a DOUBLE holds exactly do.
    """

    name: str
    depth: int
    keeps_digits: bool


@dataclass(frozen=True)
class Dialect:
    """
    How a server's tables differ: the collation of text, JSON's type if any, the bytes of a key's
    column.

    `key_bytes` are those of one column of a key, `index_bytes` those of all. `row_bytes` are left
    for a row's columns. Where the collation `pads`, blanks at the end of a text count for nothing.
    `staging_engine` is what loads a temporary table fastest, where that is not InnoDB; its keys
    are short, so text keys go to InnoDB all the same.
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
        """What to do where a key's text is longer than an index holds."""
        advice = "have the tap use a shorter key, or load the stream without key_properties"
        if self.key_bytes == SMALL_KEY_BYTES:
            settings = "innodb_file_format=Barracuda and innodb_large_prefix=ON"
            return f"on MySQL 5.6 set {settings} for longer ones, {advice}"
        return f"{advice} (primary_key_required: false)"

    def with_pages(self, size: int) -> Dialect:
        """Return the dialect of a server whose InnoDB has pages of `size` bytes."""
        if size >= PAGE_BYTES:
            return self
        index_bytes = KEY_BYTES * size // PAGE_BYTES
        return replace(
            self,
            key_bytes=min(self.key_bytes, index_bytes),
            index_bytes=index_bytes,
            # Half a page, less what a page and a row need for themselves.
            row_bytes=size // 2 - 342,
        )
