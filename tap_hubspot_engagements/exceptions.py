"""
Every error that the tap raises on purpose; the tree tells the caller's next step.

TapError
  + ConfigError         fix config, catalog or state and run again
  + PagingError         responses contradict each other; to continue would lose records
  + DeletionsError      a full pass misses too much to be plausible; see `max_deletions`
  + ResultLimitError    a list does not go back far enough; the source falls back to another
  + OutOfOrderError     a list's ids do not ascend; the source reads one page after the other
  + SkippedError        some records cannot be read; all others were
  + OutputError         the reader of the messages is gone

Stopped                 a signal asks the run to end

ApiError                errors of requests: see hubspot_api.exceptions; one more of them here:
  x StuckError          a TransientError: HubSpot fails even at a page of a single record
"""

from __future__ import annotations

import signal

from hubspot_api.exceptions import ApiError, ServerError


class TapError(Exception):
    """The run cannot go on; the text is a single line with the remedy."""


class ConfigError(TapError):
    """Config, catalog or state have faults; the text names all of them."""


class PagingError(TapError):
    """Following the pages would never end or leave records out."""


class DeletionsError(TapError):
    """So many records are missing that a fault is likelier than deletions."""


class ResultLimitError(TapError):
    """A list holds fewer changes than there were; another endpoint has to be read."""


class OutOfOrderError(TapError):
    """The ids of a page do not ascend from the page's offset."""


class SkippedError(TapError):
    """The run left out records that cannot be read; the next run requests them again."""


class OutputError(TapError):
    """A message cannot be written."""


class StuckError(ServerError):
    """HubSpot fails even at a page of a single record: at that record, or altogether."""


class Stopped(BaseException):
    """A signal asked for the end of the run; `exit_code` follows the shell's convention."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


ERRORS = (TapError, ApiError)
