"""SIGTERM and SIGINT as exceptions, so that a program ends with its state written."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType


def raise_on_signals(to_error: Callable[[int], BaseException]) -> None:
    """Have SIGTERM and SIGINT raise `to_error(number)` in the main thread."""

    def stop(number: int, _: FrameType | None) -> None:
        # A second signal has the default handler, which ends the process at once.
        signal.signal(number, signal.SIG_DFL)
        raise to_error(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
