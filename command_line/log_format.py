"""
Two formats of a log on stderr, one event a line: text, and the JSON of the Singer SDK.

    2026-11-20T08:17:01.250Z INFO reading all engagements
    {"level":"info","ts":1795162621.25,"app_name":"…","message":"…", …}

Meltano shows the levels of the JSON format for programs that have the capability
`structured-logging`. Both formats are free of control characters.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timezone

TEXT, JSON = "text", "json"
LOG_FORMATS = (TEXT, JSON)
METRIC = "METRIC: %s"
"""The message of a metric, whose argument is a point as JSON: singer-python's form."""

Clean = Callable[[str], str]
"""Returns a text on one line, without control characters and secrets."""


def to_formatter(log_format: str, app_name: str, clean: Clean) -> logging.Formatter:
    """Return the formatter for one of LOG_FORMATS; `app_name` is the program's."""
    return JsonFormatter(app_name, clean) if log_format == JSON else TextFormatter(clean)


def log_metric(logger: logging.Logger, kind: str, metric: str, value: float, **tags: str) -> None:
    """Log a `counter` or `timer` in singer-python's form, which orchestrators read."""
    point = {"type": kind, "metric": metric, "value": value, "tags": tags}
    logger.info(METRIC, json.dumps(point))


class TextFormatter(logging.Formatter):
    """Time in UTC, level and message, separated by blanks."""

    def __init__(self, clean: Clean) -> None:
        super().__init__()
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, timezone.utc)
        time = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
        return f"{time} {record.levelname} {self._clean(record.getMessage())}"


class JsonFormatter(logging.Formatter):
    """The fields of the Singer SDK's StructuredFormatter; `ts` is Unix seconds."""

    def __init__(self, app_name: str, clean: Clean) -> None:
        super().__init__()
        self._app_name = app_name
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, object] = {
            "level": record.levelname.lower(),
            "pid": record.process,
            "logger_name": record.name,
            "ts": record.created,
            "thread_name": record.threadName,
            "app_name": self._app_name,
            "stream_name": None,
            "message": self._clean(record.getMessage()),
            "extra": {},
        }
        if record.msg == METRIC and isinstance(record.args, tuple):
            point = json.loads(self._clean(str(record.args[0])))
            event |= {"message": "METRIC", "metric_info": point}
        return json.dumps(event, separators=(",", ":"))
