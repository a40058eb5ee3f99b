"""Reads lines from standard input, with a heartbeat while there are none."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import select
from collections.abc import Iterator

READ_SIZE = (
    1024 * 1024
)  # bytes; also the capacity to request for a pipe, 64 KiB by default on Linux


def read_lines(descriptor: int, tick_s: float) -> Iterator[list[bytes]]:
    """
    Yield the available lines without their ends, or an empty list after `tick_s` seconds of
    silence.

    So timeouts work while the tap is silent.
    """
    # A larger pipe lets the tap go on while a batch is submitted. Errors are harmless.
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
            # Programs on Windows write a byte order mark. A pipe that returns fewer than its three
            # bytes at once is not worth a branch.
            data, is_first = data.removeprefix(codecs.BOM_UTF8), False
        # A line of many MB arrives in many pieces, which are joined once.
        first, *lines = data.split(b"\n")
        rest.append(first)
        if lines:
            yield [b"".join(rest), *lines[:-1]]
            rest = [lines[-1]]
    if last := b"".join(rest):
        yield [last]
