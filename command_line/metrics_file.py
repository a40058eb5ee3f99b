"""
Metrics of the last run as a file in Prometheus' text format, as node-exporter's textfile collector
reads them.

The file is replaced by a rename, so that no reader sees half of one. All metrics are gauges: they
tell of one run, and the time of the last success is carried over from the file of the run before.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAST_SUCCESS = "last_success_timestamp_seconds"
READABLE_BY_ALL = 0o644  # the exporter has a user of its own


@dataclass(frozen=True)
class Metric:
    """A gauge: its name with the unit, what it means, and its value by labels."""

    name: str
    meaning: str
    values: Sequence[tuple[Mapping[str, str], float]] = field(default_factory=tuple)


@dataclass(frozen=True)
class RunMetrics:
    """
    What every program tells of its last run, under the names `<prefix>_last_…`.

    `seconds` is the run's duration. `totals` have the meaning and the value by name.
    """

    prefix: str
    labels: Mapping[str, str]
    is_success: bool
    seconds: float
    totals: Mapping[str, tuple[str, float]]

    def write(self, path: Path, others: Iterable[Metric] = ()) -> None:
        """Replace the file at `path` by these and other metrics; raises OSError."""
        values = self._values(time.time())
        metrics = [
            Metric(f"{self.prefix}_{name}", meaning, [(self.labels, value)])
            for name, (meaning, value) in values.items()
        ]
        _write(path, [*metrics, *others], f"{self.prefix}_{LAST_SUCCESS}")

    def _values(self, now_s: float) -> dict[str, tuple[str, float]]:
        values = {
            "last_run_success": (
                "1 if the last run was done, 0 if it failed",
                float(self.is_success),
            ),
            "last_run_duration_seconds": ("duration of the last run", self.seconds),
            "last_run_timestamp_seconds": ("end of the last run, in Unix time", now_s),
        }
        if self.is_success:
            values[LAST_SUCCESS] = "end of the last run that was done, in Unix time", now_s
        totals = {
            f"last_run_{name}": (what, float(one)) for name, (what, one) in self.totals.items()
        }
        return values | totals


def by_stream(
    name: str, meaning: str, labels: Mapping[str, str], counts: Mapping[str, float]
) -> Metric:
    """Return a metric with a value for each stream."""
    return Metric(
        name, meaning, [({**labels, "stream": stream}, one) for stream, one in counts.items()]
    )


def _write(path: Path, metrics: Iterable[Metric], success_name: str) -> None:
    """
    Replace the file at `path`; raises OSError.

    Without a value for `success_name`, the time of the last success, that of the file stays.
    """
    text = to_text(metrics)
    if f"\n{success_name}" not in f"\n{text}":
        text += _lines_of(path, success_name)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), READABLE_BY_ALL)
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def to_text(metrics: Iterable[Metric]) -> str:
    """Return the metrics in Prometheus' text format; those without a value are left out."""
    lines = []
    for metric in metrics:
        if metric.values:
            lines += [f"# HELP {metric.name} {metric.meaning}", f"# TYPE {metric.name} gauge"]
        for labels, value in metric.values:
            pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            lines.append(f"{metric.name}{{{pairs}}} {value!r}")
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _lines_of(path: Path, name: str) -> str:
    """Return the lines of the metric `name` in the file of an earlier run."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    lines = re.findall(rf"^(?:# (?:HELP|TYPE) )?{name}[ {{].*\n", text, re.MULTILINE)
    return "".join(lines)
