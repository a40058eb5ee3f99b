"""How long to wait before something that failed is tried again."""

from __future__ import annotations

from collections.abc import Iterator

RETRY_WAIT_MAX_S = 30.0
HOSTS_WAIT_MAX_S = 5.0  # where another of several servers may serve at any moment


def iter_waits_s(hosts: int) -> Iterator[float]:
    """Yield how long to wait for one of so many servers, longer each time and by chance."""
    # Imported here: it brings asyncio, and most loads never wait.
    import backoff

    max_s = RETRY_WAIT_MAX_S if hosts == 1 else HOSTS_WAIT_MAX_S
    longest = backoff.expo(base=2, factor=1, max_value=max_s)
    next(longest)  # backoff's generators want to be started
    for wait_s in longest:
        yield backoff.full_jitter(wait_s)
