"""Lines of standard input, and the time that passes without any."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import select
from collections.abc import Iterator

READ_SIZE = 1024 * 1024  # bytes; also how much a pipe is to hold, where Linux has it 64 KiB


def read_lines(descriptor: int, tick_s: float) -> Iterator[list[bytes]]:
    """
    Yield the lines that are there, without their ends; none after `tick_s` seconds of silence.

    So what must happen in time happens while the tap is silent, too.
    """
    # So that the tap goes on while a batch is handed over. Not a pipe, or not allowed: no matter.
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, READ_SIZE)
    rest: list[bytes] = []
    is_first = True
    while True:
        ready, _, _ = select.select([descriptor], [], [], tick_s)
        if not ready:
            yield []
            continue
        data = os.read(descriptor, READ_SIZE)
        if not data:
            break
        if is_first:
            # Of programs on Windows; a pipe that gives less than its three bytes at once is not
            # worth another branch.
            data, is_first = data.removeprefix(codecs.BOM_UTF8), False
        # A line of many MB comes in many pieces: join them once, at its end.
        first, *lines = data.split(b"\n")
        rest.append(first)
        if lines:
            yield [b"".join(rest), *lines[:-1]]
            rest = [lines[-1]]
    if last := b"".join(rest):
        yield [last]
