"""Repeats a change of a table or view that other connections use, until they have finished."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from engagements_report.exceptions import DatabaseError, TableInUse

RETRY_LIMIT_S, RETRY_WAIT_S = 300.0, 5.0

Result = TypeVar("Result")


def with_retries(change: Callable[[], Result], problem: str, log: Callable[[str], None]) -> Result:
    """
    Return what `change` returns, repeated for as long as it raises TableInUse.

    `problem` says what cannot be done meanwhile; `log` gets a line each time. Raises DatabaseError
    after RETRY_LIMIT_S.
    """
    give_up_at = time.monotonic() + RETRY_LIMIT_S
    while True:
        try:
            return change()
        except TableInUse as error:
            cause = f"{problem}: {error}"
            if time.monotonic() + RETRY_WAIT_S > give_up_at:
                raise DatabaseError(f"{cause}: run again when that has ended") from error
            log(f"{cause}: trying again in {RETRY_WAIT_S:g} s")
        time.sleep(RETRY_WAIT_S)
