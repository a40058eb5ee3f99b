"""The exit code and the summary of a run of both programs. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DONE, FAILED, USAGE, DAILY_LIMIT, LOCKED = 0, 1, 2, 3, 75
# A scheduler reads these codes; docs/operations.md has the advice for each.
MEANINGS: Mapping[int, str] = {
    DONE: "done",
    FAILED: "failed",
    USAGE: "wrong configuration",
    DAILY_LIMIT: "daily limit reached",
    LOCKED: "another sync is running",
    130: "stopped by SIGINT",
    143: "stopped by SIGTERM",
}
METRIC = "METRIC: "
COUNTERS = ("record_count", "rows_inserted", "rows_updated", "rows_deleted")


@dataclass
class ProgramReport:
    """
    A program's exit code, None for a program that was not started, and the facts of the log.

    `counts` has the metrics of COUNTERS by stream. `error` is the last error. A program that
    `was_killed` was ended by a signal from elsewhere.
    """

    exit_code: int | None = None
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    error: str | None = None
    was_killed: bool = False

    def read_line(self, line: str) -> None:
        """Take over the metric or the error of a line of the program's log."""
        level, message, metric = _parse_line(line)
        if level == "ERROR" and not metric:
            self.error = message
        name = metric.get("metric")
        value = metric.get("value")
        if name in COUNTERS and isinstance(value, int) and value:
            tags = metric.get("tags") or {}
            stream = str(tags.get("stream") or tags.get("endpoint"))  # singer-python's word
            self.counts.setdefault(str(name), Counter())[stream] += value


def _parse_line(line: str) -> tuple[str, str, Mapping[str, Any]]:
    """Return level, message and metric of a log line, text or JSON; missing parts are empty."""
    if line.startswith("{"):
        try:
            event = json.loads(line)
        except ValueError:
            return "", line, {}
        if isinstance(event, dict):
            metric = event.get("metric_info")
            level, message = str(event.get("level", "")).upper(), str(event.get("message", ""))
            return level, message, metric if isinstance(metric, dict) else {}
    words = line.split(" ", 2)
    level = next((word for word in words[:2] if word.isupper() and word.isalpha()), "")
    message = line.partition(f"{level} ")[2] if level else line
    if not message.startswith(METRIC):
        return level, message, {}
    try:
        metric = json.loads(message.removeprefix(METRIC))
    except ValueError:
        metric = None
    return level, message, metric if isinstance(metric, dict) else {}


def to_exit_code(tap: int | None, target: int | None, stopped_by: int | None) -> int:
    """
    Return the exit code of a run, from the programs' exit codes and the signal that stopped both.

    The target's failure is the cause: the tap then fails because nobody reads. A program that was
    killed has failed.
    """
    codes = [code for code in (target, tap) if code]
    if not codes:
        return DONE if stopped_by is None or tap is not None else 128 + stopped_by
    if stopped_by is not None:
        return 128 + stopped_by
    return codes[0] if codes[0] in MEANINGS and codes[0] < 128 else FAILED


def to_error(tap: ProgramReport, target: ProgramReport) -> str | None:
    """
    Return the error that explains the exit code: the target's, unless only the tap failed.

    A killed tap leaves half a line, of which the target's error then is.
    """
    if tap.was_killed:
        return tap.error
    return target.error or tap.error


def _without_error(exit_code: int) -> str:
    """Return the error of a run without a program's error, such as a signal at the start."""
    return f"{MEANINGS[exit_code]}: run again; the stored state is valid"


def to_summary(
    exit_code: int, tap: ProgramReport, target: ProgramReport, **facts: object
) -> dict[str, object]:
    """Return the summary as a JSON object; `facts` are further keys."""
    return {
        "status": MEANINGS[exit_code],
        "exit_code": exit_code,
        **facts,
        "tap": _to_part(tap),
        "target": _to_part(target),
        "error": to_error(tap, target) or _without_error(exit_code) if exit_code else None,
    }


def _to_part(report: ProgramReport) -> dict[str, object]:
    names = {"record_count": "records"}
    counts = {
        names.get(name, name): dict(report.counts[name])
        for name in COUNTERS
        if name in report.counts
    }
    return {"exit_code": report.exit_code, **counts}
