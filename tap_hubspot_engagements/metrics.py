"""The metrics of a sync for `metrics_file`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from command_line.metrics_file import Metric, RunMetrics, by_stream
from tap_hubspot_engagements.progress import Progress
from tap_hubspot_engagements.state import read_portal, read_position

PREFIX = "tap_hubspot_engagements"


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
    records = {stream: float(number) for stream, number in progress.streams.items()}
    bookmark = read_position(state).bookmark
    RunMetrics(PREFIX, labels, is_success, progress.elapsed_s, totals).write(
        path,
        [
            by_stream(
                f"{PREFIX}_last_run_records", "records written by the last run", labels, records
            ),
            Metric(
                f"{PREFIX}_bookmark_timestamp_seconds",
                "the newest change that was read, in Unix time",
                [(labels, bookmark.timestamp())] if bookmark else [],
            ),
        ],
    )
