"""The metrics of a load for `metrics_file`."""

from __future__ import annotations

from pathlib import Path

from command_line.metrics_file import RunMetrics, by_stream
from target_mysql.config import Config
from target_mysql.progress import Progress

PREFIX = "target_mysql"
ROWS = {
    "records": "records loaded by the last run, unchanged ones included",
    "inserted": "rows inserted by the last run",
    "updated": "rows updated by the last run",
    "deleted": "rows deleted or flagged by the last run",
}


def write(path: str, progress: Progress, config: Config, *, is_success: bool) -> None:
    """Replace the metrics file; raises OSError."""
    labels = {"database": config.database, "state_id": config.state_id or ""}
    streams = progress.streams.items()
    totals = {
        "bytes": ("bytes of rows sent by the last run", progress.size),
        "batches": ("batches committed by the last run", progress.batches),
        "retries": ("attempts of the last run that failed and were repeated", progress.retries),
    }
    RunMetrics(PREFIX, labels, is_success, progress.elapsed_s, totals).write(
        Path(path),
        [
            by_stream(
                f"{PREFIX}_last_run_{name if name == 'records' else 'rows_' + name}",
                meaning,
                labels,
                {stream: float(getattr(counts, name)) for stream, counts in streams},
            )
            for name, meaning in ROWS.items()
        ],
    )
