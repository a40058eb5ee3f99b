"""The metrics of a run for `metrics_file`."""

from __future__ import annotations

from pathlib import Path

from command_line.metrics_file import Metric, RunMetrics
from target_hubspot_engagements.progress import COUNTS, Progress

PREFIX = "target_hubspot_engagements"


def write(path: Path, progress: Progress, portal: str, *, is_success: bool) -> None:
    """Replace the metrics file; raises OSError."""
    client = progress.client
    labels = {"portal": portal}
    totals = {
        "requests": ("requests of the last run", client.requests),
        "retries": ("requests of the last run that were repeated", client.retries),
        "request_seconds": ("time that requests took, added up", client.request_s),
        "rate_limit_wait_seconds": ("time waited for the rate limit", client.rate_limiter.waited_s),
    }
    results = Metric(
        f"{PREFIX}_last_run_records",
        "records of the last run, by what became of them",
        [({**labels, "result": name}, float(progress.counts[name])) for name in COUNTS],
    )
    RunMetrics(PREFIX, labels, is_success, progress.elapsed_s, totals).write(path, [results])
