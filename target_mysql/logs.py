"""Sends the log to stderr in one of two formats, an event a line."""

from __future__ import annotations

import logging
import sys

from command_line.log_format import to_formatter
from mysql_settings.visible import visible

PROGRAM = "target-mysql"


def set_up(log_format: str) -> None:
    """Log to stderr in `text` or `json`; names of streams and errors of servers are escaped."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(to_formatter(log_format, PROGRAM, visible))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
