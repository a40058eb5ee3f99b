"""
Every error that this package raises on purpose; the tree tells the caller's next step.

ApiError
  + SettingsError        fix the settings or the network's variables and run again
  + HubspotError         HubSpot refuses for good; do not retry
      x AuthError        401: the token
          x TokenExpiredError  401 because of its age; with OAuth the client gets another
      x RefusedError     403
          x ScopeError   403 because of the token's scopes
      x BadRequestError  400: a parameter, such as a cursor that HubSpot no longer knows
      x NotFoundError    404: no such endpoint or record
      x ConflictError    409: another record has a value that must be unique
  + DailyLimitError      429 DAILY: run again when the day is over
  + TransientError       429, 5xx, lost connection, truncated body; the client retries
      x ContactError     HubSpot cannot be reached
          x UnreachableError  no connection was made
      x RateLimitError   429 for the current window of seconds
      x BusyError        423, 477, or no token: HubSpot takes no requests for now
      x ServerError      5xx, or no response in time; a smaller request may succeed

  + OutcomeUnknownError  no answer to a request that writes: look before sending that again

ExchangeError            raised by Transport alone; the client turns it into a TransientError
  x DeadlinePassed, ResponseTooLarge, BodyInterrupted
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """A request failed; the text is a single line with the remedy."""


class SettingsError(ApiError):
    """A setting, or a variable of the network, is wrong."""


class HubspotError(ApiError):
    """HubSpot refuses the request, and would refuse a retry; `body` is its JSON, {} without any."""

    def __init__(self, message: str, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.body = body or {}


class AuthError(HubspotError):
    """HubSpot does not know the token."""


class TokenExpiredError(AuthError):
    """
    HubSpot calls `token` expired.

    HubSpot says the same of every unreadable token.
    """

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message)
        self.token = token


class RefusedError(HubspotError):
    """HubSpot, or a proxy on the way, does not let this client in."""


class ScopeError(RefusedError):
    """HubSpot knows the token, which lacks a scope for this request."""


class BadRequestError(HubspotError):
    """HubSpot does not understand the request."""


class NotFoundError(HubspotError):
    """Nothing exists at this path."""


class ConflictError(HubspotError):
    """Another record has a value that must be unique; nothing was written."""


class DailyLimitError(ApiError):
    """The portal has used up the requests of the day."""


class TransientError(ApiError):
    """
    A request failed in a way that may pass.

    `retry_after_s` is the wait that HubSpot asks for, in seconds, or None.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ContactError(TransientError):
    """HubSpot cannot be reached; the first request of a run gives up soon."""


class UnreachableError(ContactError):
    """HubSpot did not get the request: no connection was made, or no token could be requested."""


class BusyError(TransientError):
    """
    HubSpot takes no requests for now, and has not carried this one out.

    The record is locked, the portal is migrating, or HubSpot's OAuth issues no token.
    """


class RateLimitError(TransientError):
    """429 for the current window of seconds; no sign of trouble at HubSpot."""


class ServerError(TransientError):
    """5xx, or no response in time: a smaller request may succeed."""


class OutcomeUnknownError(ApiError):
    """A request that writes got no answer, or 5xx: HubSpot may have carried it out, or may yet."""


class ExchangeError(Exception):
    """The response did not arrive whole and in time."""


class DeadlinePassed(ExchangeError):
    """The response was not complete in time."""


class ResponseTooLarge(ExchangeError):
    """The body has more bytes than the limit allows."""


class BodyInterrupted(ExchangeError):
    """The body is truncated or cannot be decompressed; `__cause__` says how."""
