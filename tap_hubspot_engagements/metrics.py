"""The metrics of a sync for `metrics_file`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from command_line.metrics_file import Metric, by_stream, run_metrics, write_metrics
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.state import read_portal, read_position

PREFIX = "tap_hubspot_engagements"
LAST_SUCCESS = f"{PREFIX}_last_success_timestamp_seconds"


def write(path: Path, progress: Progress, state: Mapping[str, Any], is_success: bool) -> None:
    """Replace the metrics file; `state` is the last state written. Raises OSError."""
    client = progress.client
    labels = {"portal": str(read_portal(state) or "")}
    totals = {
        "requests": ("requests of the last run", client.requests),
        "retries": ("requests of the last run that were repeated", client.retries),
        "request_seconds": ("time that requests took, added up", client.request_s),
        "rate_limit_wait_seconds": ("time waited for the rate limit", client.rate_limiter.waited_s),
    }
    bookmark = read_position(state).bookmark
    metrics = [
        *run_metrics(
            PREFIX,
            labels,
            is_success=is_success,
            seconds=progress.elapsed_s,
            now_s=time.time(),
        ),
        *(
            Metric(f"{PREFIX}_last_run_{name}", meaning, [(labels, float(value))])
            for name, (meaning, value) in totals.items()
        ),
        by_stream(
            f"{PREFIX}_last_run_records",
            "records written by the last run",
            labels,
            {stream: float(number) for stream, number in progress.streams.items()},
        ),
        Metric(
            f"{PREFIX}_bookmark_timestamp_seconds",
            "the newest change that was read, in Unix time",
            [(labels, bookmark.timestamp())] if bookmark else [],
        ),
    ]
    write_metrics(path, metrics, LAST_SUCCESS)
