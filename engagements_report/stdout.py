"""Writes to stdout, which may be closed, full, or of an encoding without most characters."""

from __future__ import annotations

import io
import sys

from command_line.stdout import discard
from engagements_report.exceptions import ReportError


def write(text: str, *, is_for_people: bool = False) -> None:
    """
    Write text as UTF-8, or for people in the encoding of their terminal.

    Raises ReportError if stdout is closed or cannot be written, and BrokenPipeError if the reader
    has stopped reading.
    """
    if sys.stdout is None:
        raise ReportError("stdout is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        if is_for_people:
            sys.stdout.reconfigure(errors="backslashreplace")
        else:
            sys.stdout.reconfigure(encoding="utf-8", errors="strict")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard()
        raise ReportError(f"stdout: {error.strerror}") from error
