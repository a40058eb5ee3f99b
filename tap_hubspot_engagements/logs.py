"""What is said on stderr: one clean line an event, and no end to the sync where nobody listens."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

from tap_hubspot_engagements.redaction import clean


class _Lines(logging.Handler):
    """Writes to stderr without a buffer: what cannot be written is dropped."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = clean(self.format(record))
        except Exception:  # what is said ends no sync
            line = f"{record.levelname} {clean(str(record.msg))}"
        write(line + "\n")


def set_up() -> None:
    """Have every line of the log go to stderr, cleaned."""
    handler = _Lines()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # What is asked again is said by the client, in one line.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def on_terminal() -> bool:
    """Tell whether a person is looking at stderr."""
    # It is None where it was closed from the start: its number may be another file's by now.
    with contextlib.suppress(OSError, ValueError):
        return sys.stderr is not None and sys.stderr.isatty()
    return False


def write(text: str) -> None:
    """Write to stderr as it is, if that can be done."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.write(sys.stderr.fileno(), text.encode("utf-8", "backslashreplace"))
