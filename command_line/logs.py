"""Writes the log to stderr, a redacted line for each event; works with a closed stderr, too."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback

from command_line.log_format import TEXT, Clean, to_formatter


class _Lines(logging.Handler):
    """Writes to stderr without a buffer, and drops lines that cannot be written."""

    def __init__(self, clean: Clean) -> None:
        super().__init__()
        self._clean = clean

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # a faulty log call ends no sync
            line = f"{record.levelname} {self._clean(str(record.msg))}"
        write(line + "\n")


def set_up(program: str, clean: Clean, log_format: str = TEXT) -> None:
    """Send every log line of `program` to stderr, redacted by `clean`, in `text` or `json`."""
    handler = _Lines(clean)
    handler.setFormatter(to_formatter(log_format, program, clean))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Silence urllib3's retry warnings: the client of hubspot_api logs each retry itself.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def log_crash(logger: logging.Logger, error: Exception) -> None:
    """Log a traceback, redacted, which Python's own report is not."""
    for line in "".join(traceback.format_exception(error)).splitlines():
        logger.error("%s", line)
    logger.error("this is a fault of the program: report it with the lines above")


def is_terminal() -> bool:
    """Tell whether stderr is a terminal."""
    # A stderr that was closed at start-up is None: its number may be another file's by now.
    with contextlib.suppress(OSError, ValueError):
        return sys.stderr is not None and sys.stderr.isatty()
    return False


def write(text: str) -> None:
    """Write a text to stderr unchanged, if possible."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.write(sys.stderr.fileno(), text.encode("utf-8", "backslashreplace"))
