"""
Every error raised on purpose; the tree answers what the caller does next.

TapError
  + ConfigError         fix config, catalog or state and run again
  + HubspotError        refused for good; do not retry
      x AuthError       401: the token
          x ExpiredError  401 for its age; with OAuth the client gets another
      x RefusedError    403
          x ScopeError    403 for the token's scopes
      x QuestionError   400: a parameter, such as a cursor that is not known any more
      x NotFoundError   404: no such endpoint or record
  + DailyLimitError     429 DAILY: run again when the day is over
  + PagingError         answers that contradict each other; to go on would lose records
  + DeletionsError      a full pass that misses too much to be believed; see `max_deletions`
  + WindowError         a list does not go back far enough; ask in another way
  + TransientError      429, 5xx, lost connection, cut body; the client asks again
  + SkippedError        records that cannot be read; all others were
  + OutputError         whoever reads our messages is gone
"""

from __future__ import annotations


class TapError(Exception):
    """What is raised on purpose; its text is one line that says what to do."""


class ConfigError(TapError):
    """Config, catalog or state have faults; all of them are named."""


class HubspotError(TapError):
    """HubSpot refuses, and would refuse again."""


class AuthError(HubspotError):
    """HubSpot does not know the token."""


class ExpiredError(AuthError):
    """HubSpot calls the token expired, as it does any that it cannot read."""

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message)
        self.token = token


class RefusedError(HubspotError):
    """HubSpot, or a proxy on the way to it, lets nobody like us in."""


class ScopeError(RefusedError):
    """HubSpot knows the token, which may not ask for this."""


class QuestionError(HubspotError):
    """HubSpot does not understand what is asked."""


class NotFoundError(HubspotError):
    """There is nothing at this path."""


class DailyLimitError(TapError):
    """The portal's requests of this day are used up."""


class PagingError(TapError):
    """Following the pages would never end or leave records out."""


class DeletionsError(TapError):
    """So much is missing that HubSpot's answer is less likely than a fault."""


class WindowError(TapError):
    """A list holds fewer changes than there were; another endpoint has to be asked."""


class TransientError(TapError):
    """A request failed in a way that may pass; `retry_after_s` is HubSpot's wish, if it has one."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ContactError(TransientError):
    """HubSpot is not reached; at the first request that is soon given up."""


class RateLimitError(TransientError):
    """429 for the window of seconds that is running; not a sign of trouble at HubSpot."""


class ServerError(TransientError):
    """5xx, or no answer in time: a smaller question may be answered."""


class StuckError(ServerError):
    """Not even a page of one record is answered: HubSpot fails at that record, or altogether."""


class SkippedError(TapError):
    """Records that cannot be read were left out; they are asked for again in the next run."""


class OutputError(TapError):
    """A message cannot be written."""
