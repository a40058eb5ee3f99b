"""
The meaning of a response: the error for each status, and the facts in the headers.

Sources: HubSpot's page on error handling, and responses seen in the wild.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3

from hubspot_api.exceptions import (
    ApiError,
    AuthError,
    BadRequestError,
    BusyError,
    ConflictError,
    ContactError,
    DailyLimitError,
    HubspotError,
    NotFoundError,
    RateLimitError,
    RefusedError,
    ScopeError,
    ServerError,
    SettingsError,
    TokenExpiredError,
    TransientError,
    UnreachableError,
)
from hubspot_api.json_codec import parse_json
from hubspot_api.rate_limit import WINDOW_S
from hubspot_api.redaction import clean

SECONDLY_WAIT_S = 1.0
# Statuses that may pass, by HubSpot's own words. 423: locked, wait two seconds at least. 477: the
# portal is migrating to another data centre; `Retry-After` gives the wait.
TRANSIENT_WAITS_S: Mapping[int, float | None] = {408: None, 423: 2.0, 477: None}
MAX_HEADER_DIGITS = 15
MAX_SHOWN_SCOPES = 20
MAX_SHOWN_LENGTH = 300  # characters of HubSpot's message in an error


def to_error(path: str, response: requests.Response, text: bytes, token: str) -> ApiError:
    """Return the error for a response other than 200; `text` is the body."""
    status = response.status_code
    body = _error_body(text)
    message = f"{path}: {status} {_message(body, response)}"
    if status == 429:
        return _rate_limit_error(message, body, response)
    if status in TRANSIENT_WAITS_S:
        kind = TransientError if status == 408 else BusyError
        return kind(message, retry_after_s(response) or TRANSIENT_WAITS_S[status])
    if status == 401 and body.get("category") == "EXPIRED_AUTHENTICATION":
        return TokenExpiredError(f"{message}: check access_token", token)
    if status == 403:
        return _refused_error(message, body)
    if status >= 500 and status != 530:
        return ServerError(message, retry_after_s(response))
    if 300 <= status < 400:
        return HubspotError(
            f"{message}: redirects are not followed; check base_url and the network"
        )
    return _permanent_error(status, message, body)


def _permanent_error(status: int, message: str, body: Mapping[str, Any]) -> ApiError:
    if status == 401:
        return AuthError(f"{message}: check access_token")
    if status == 400:
        return BadRequestError(message, body)
    if status == 404:
        return NotFoundError(message, body)
    if status == 409:
        return ConflictError(message, body)
    if status == 530:
        return ContactError(
            f"{message}: Cloudflare does not reach HubSpot, which may pass; HubSpot also answers"
            " 530 to some malformed tokens"
        )
    return HubspotError(message)


def to_contact_error(path: str, error: Exception) -> ApiError:
    """Return the error for a request that got no response, or headers that broke off."""
    message = clean(f"{path}: {innermost_reason(error)}")
    if "CERTIFICATE_VERIFY_FAILED" in message:
        return ContactError(f"{message}: trust its authority by the variable REQUESTS_CA_BUNDLE")
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidProxyURL)):
        return SettingsError(f"{message}: check base_url, and the variables for proxies")
    if isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError)):
        return UnreachableError(message) if _has_no_connection(error) else ContactError(message)
    return SettingsError(
        f"{message}: check REQUESTS_CA_BUNDLE and the other variables of the network"
    )


def _has_no_connection(error: BaseException) -> bool:
    """Tell whether an error says that no connection was made, so that no request was sent."""
    causes = [*error.args, getattr(error, "reason", None)]
    return isinstance(error, urllib3.exceptions.NewConnectionError) or any(
        _has_no_connection(cause) for cause in causes if isinstance(cause, BaseException)
    )


def to_incomplete_error(path: str, text: bytes, error: ValueError) -> TransientError:
    """Return the error for a 200 whose body `text` is truncated or otherwise unexpected."""
    message = _error_body(text).get("message")
    if message:
        return TransientError(clean(f"{path}: 200 with an error: {message}"[:MAX_SHOWN_LENGTH]))
    if text.lstrip()[:1] == b"<":
        return ContactError(f"{path}: an HTML page, as of a sign-in or a proxy, instead of JSON")
    return TransientError(clean(f"{path}: incomplete response: {error}"[:MAX_SHOWN_LENGTH]))


def header_number(response: requests.Response, header: str) -> int | None:
    """Return a header's whole number, or None."""
    text = response.headers.get(header, "")
    return int(text) if text.isdecimal() and len(text) <= MAX_HEADER_DIGITS else None


def retry_after_s(response: requests.Response) -> float | None:
    """Return the seconds of Retry-After, which may also be a date; None without either."""
    text = response.headers.get("Retry-After", "")
    try:
        wait_s = float(text)
    except ValueError:
        until, now = _parse_date(text), datetime.now(timezone.utc)
        if until is None:
            return None
        sent_at = _parse_date(response.headers.get("Date", "")) or now
        wait_s = (until - sent_at).total_seconds()
    return wait_s if wait_s > 0 else None


def hubspot_time(response: requests.Response, now: datetime) -> datetime:
    """
    Return HubSpot's clock when the request was sent, by the Date header, else by `now`.

    A response may be as old as the request, without later changes.
    """
    return (_parse_date(response.headers.get("Date", "")) or now) - response.elapsed


def innermost_reason(error: BaseException) -> str:
    """Return the root cause of an error, without the URL and the objects around it."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    return innermost_reason(reason) if isinstance(reason, BaseException) else str(error)


def _refused_error(message: str, body: Mapping[str, Any]) -> HubspotError:
    """Return the error for a 403: a missing scope, else a proxy or the account's IP addresses."""
    scopes = ", ".join(_scopes(body))
    words = str(body.get("message")).lower()
    if scopes or body.get("category") == "MISSING_SCOPES" or re.search("scope|permission", words):
        return ScopeError(f"{message}: grant the token {scopes or 'the scopes of engagements'}")
    return RefusedError(
        f"{message}: refused by HubSpot or by a proxy; if the account allows certain IP addresses"
        " alone, add this one"
    )


def _rate_limit_error(
    message: str, body: Mapping[str, Any], response: requests.Response
) -> ApiError:
    # Without the name of the policy, HubSpot's message has it.
    policy = str(body.get("policyName") or body.get("message")).upper()
    if "DAILY" in policy:
        return DailyLimitError(f"{message}: the limit ends at midnight in the portal's time zone")
    secondly = "SECONDLY" in policy and "TEN_SECONDLY" not in policy
    window_s = SECONDLY_WAIT_S if secondly else WINDOW_S
    return RateLimitError(message, retry_after_s(response) or window_s)


def _error_body(text: bytes) -> Mapping[str, Any]:
    """Return an error's JSON object, else {}; all fields are optional, and proxies send HTML."""
    with contextlib.suppress(ValueError):
        body = parse_json(text)
        if isinstance(body, dict):
            return body
    return {}


def _message(body: Mapping[str, Any], response: requests.Response) -> str:
    # Redact before cutting: the cut may leave half of a secret.
    message = clean(" ".join(str(body.get("message") or response.reason or "").split()))
    correlation = clean(str(body.get("correlationId", "")))[:MAX_SHOWN_LENGTH]
    suffix = f" (correlationId {correlation})" if correlation else ""
    return message[:MAX_SHOWN_LENGTH] + suffix


def _scopes(body: Mapping[str, Any]) -> list[str]:
    """Return the scopes that a MISSING_SCOPES body names, at most MAX_SHOWN_SCOPES."""
    names: list[str] = []
    errors = body.get("errors")
    # v1 names them in each of its errors, the objects API beside them.
    for error in [body, *(errors if isinstance(errors, list) else [])]:
        context = error.get("context") if isinstance(error, dict) else None
        for key, scopes in context.items() if isinstance(context, dict) else []:
            if isinstance(scopes, list) and key != "links":
                names += [clean(str(scope)) for scope in scopes]
    return [name[:MAX_SHOWN_LENGTH] for name in names[:MAX_SHOWN_SCOPES]]


def _parse_date(text: str) -> datetime | None:
    """Return the moment of an HTTP header, or None."""
    try:
        return parsedate_to_datetime(text).astimezone(timezone.utc)
    except (ValueError, TypeError, OverflowError):
        return None
