"""Writes the log to stderr, a redacted line for each event; works with a closed stderr, too."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

from hubspot_api.redaction import clean


class _Lines(logging.Handler):
    """Writes to stderr without a buffer, and drops lines that cannot be written."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = clean(self.format(record))
        except Exception:  # a faulty log call ends no sync
            line = f"{record.levelname} {clean(str(record.msg))}"
        write(line + "\n")


def set_up() -> None:
    """Send every log line to stderr, redacted."""
    handler = _Lines()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Silence urllib3's retry warnings: HubspotClient logs each retry itself.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


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
