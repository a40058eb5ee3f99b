"""Writes to standard output without losing a part."""

from __future__ import annotations

import select
from typing import BinaryIO


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
