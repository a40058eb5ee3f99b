"""Writes to standard output without losing a part, and ends without a wait for its reader."""

from __future__ import annotations

import os
import select
import sys
from typing import BinaryIO


def unbuffered() -> BinaryIO:
    """
    Return standard output without a buffer.

    A buffered stdout that does not block loses data, without a word of how much was accepted.
    """
    return open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)


def discard() -> None:
    """Keep Python's final flush from an error or a wait for the reader."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_whole(out: BinaryIO, data: bytes) -> None:
    """
    Write all of `data`; raises OSError.

    An unbuffered stream may write only a part; a stream that does not block, nothing.
    """
    rest, is_flushed = memoryview(data), False
    while not is_flushed:
        try:
            rest = rest[out.write(rest) or 0 :]
            if not rest:
                out.flush()
                is_flushed = True
        except BlockingIOError as error:
            rest = rest[error.characters_written :]
        if not is_flushed:
            select.select([], [out], [])
