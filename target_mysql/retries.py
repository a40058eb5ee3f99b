"""The waits between retries."""

from __future__ import annotations

import time
from collections.abc import Iterator

RETRY_WAIT_MAX_S = 30.0
HOSTS_WAIT_MAX_S = 5.0  # another of several servers may take over at any moment


def iter_waits_s(hosts: int, limit_s: float) -> Iterator[float]:
    """
    Yield the seconds to wait before each retry: exponential backoff with jitter.

    The backoff throttles the load on a server that is failing. With several servers (`hosts`) the
    waits are shorter: another server may take over at any moment.

    The iterator ends when a retry would begin later than `limit_s` seconds after the first failure,
    which is when the caller takes the first wait. The first attempt may take longer than that.
    """
    # Imported here: backoff imports asyncio, and most loads never retry.
    import backoff

    max_s = RETRY_WAIT_MAX_S if hosts == 1 else HOSTS_WAIT_MAX_S
    longest = backoff.expo(base=2, factor=1, max_value=max_s)
    next(longest)  # backoff's generators must be started
    give_up_at = time.monotonic() + limit_s
    for longest_s in longest:
        wait_s = backoff.full_jitter(longest_s)
        if time.monotonic() + wait_s > give_up_at:
            return
        yield wait_s
