"""Writes all of what is to be on standard output."""

from __future__ import annotations

import select
from typing import BinaryIO


def write_whole(out: BinaryIO, data: bytes) -> None:
    """
    Write all of `data`; raises OSError.

    An unbuffered stream may take only a part, or nothing where it does not block.
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
