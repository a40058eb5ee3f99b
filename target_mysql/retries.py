"""How long to wait before something that failed is tried again."""

from __future__ import annotations

from collections.abc import Iterator

RETRY_WAIT_MAX_S = 30.0


def iter_waits_s() -> Iterator[float]:
    """Yield how long to wait, longer each time and by chance."""
    # Imported here: it brings asyncio, and most loads never wait.
    import backoff

    longest = backoff.expo(base=2, factor=1, max_value=RETRY_WAIT_MAX_S)
    next(longest)  # backoff's generators want to be started
    for wait_s in longest:
        yield backoff.full_jitter(wait_s)
