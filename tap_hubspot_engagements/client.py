"""
One way to ask HubSpot: authorised, timed out, retried, paced, with typed errors.

What each status means: HubSpot's error handling page, and answers seen in the wild.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

import requests
import urllib3

from tap_hubspot_engagements.auth import Tokens
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.exceptions import (
    AuthError,
    ConfigError,
    ContactError,
    DailyLimitError,
    ExpiredError,
    HubspotError,
    NotFoundError,
    QuestionError,
    RateLimitError,
    RefusedError,
    ScopeError,
    ServerError,
    TapError,
    TransientError,
)
from tap_hubspot_engagements.json_text import parse_json
from tap_hubspot_engagements.pace import WINDOW_S, Pace
from tap_hubspot_engagements.redaction import clean
from tap_hubspot_engagements.transport import (
    BodyInterrupted,
    DeadlinePassed,
    ResponseTooLarge,
    Transport,
)

LOGGER = logging.getLogger(__name__)

RETRY_LIMIT_S = 600.0  # one question is asked again for this long, waits included
TIMEOUTS_TO_BEAR = 4  # if longer: two for a page, and two for half of it
RETRY_WAIT_MAX_S = 60.0
HINT_TIMEOUT_S = 10.0
FIRST_CONTACT_S = 15.0  # what is wrong at the first request is a setting more often than a fault
SECONDLY_WAIT_S = 1.0
# May pass, by HubSpot's own words: 423 is locked, and wants two seconds at least; 477 is a portal
# that moves to another data centre, and says for how long.
TRANSIENT_WAITS_S: Mapping[int, float | None] = {408: None, 423: 2.0, 477: None}
MAX_HEADER_DIGITS = 15
MAX_SHOWN_SCOPES = 20
MAX_SHOWN_LENGTH = 300  # characters of HubSpot's message in an error

T = TypeVar("T")
Params = Mapping[str, object]
OnFailure = Callable[[TransientError], bool]


@dataclass(frozen=True)
class Answer(Generic[T]):
    """
    What HubSpot answered: the parsed body, its text's bytes, when we got it, and its own clock.

    `hubspot_at` is when HubSpot was asked, a second too late at most; both are UTC.
    """

    body: T
    text: bytes
    received_at: datetime
    hubspot_at: datetime


class HubspotClient:
    """
    Asks one portal.

    Raises, from every question: AuthError, ScopeError, QuestionError, NotFoundError, other
    HubspotError, DailyLimitError, and TransientError when asking again has not helped for
    RETRY_LIMIT_S, or TIMEOUTS_TO_BEAR time-outs where that is longer.
    """

    def __init__(
        self, config: Config, pace: Pace | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.requests = 0
        self.retries = 0
        self.page_sizes: dict[str, int] = {}  # those that work where the whole did not, by path
        self.page_good: dict[str, int] = {}  # the sizes that were answered last
        self.page_tries: dict[str, tuple[int, int]] = {}  # that failed, and answers until the next
        self.asking_s = 0.0  # of all threads, until the answers were there
        self.pace = pace or Pace(config.requests_per_10_seconds)
        self._clock = clock
        self._config = config
        self._transport = Transport(config.base_url, config.user_agent)
        self._tokens = Tokens(config, self._transport, clock)
        self._contacted = False
        self._lock = threading.Lock()  # for the counts

    def get(
        self,
        path: str,
        params: Params,
        parse: Callable[[bytes], T],
        on_failure: OnFailure | None = None,
        *,
        hint: bool = False,
        began_s: float | None = None,
    ) -> Answer[T]:
        """
        Return the answer to GET `path`, its text made into what `parse` returns.

        A ValueError of `parse` counts as half an answer: asked again. `params` is read at each
        try, so that `on_failure`, called between tries, may ask for less: it returns whether it
        does, and then the waits begin anew. A `hint`, which the run can do without, is asked for
        once, in HINT_TIMEOUT_S at most, and holds up nobody else. `began_s` is when asking began,
        by now_s, where that was before this call.
        """
        waits = _iter_waits_s()
        timeout_s = self._config.request_timeout
        patience_s = max(RETRY_LIMIT_S, TIMEOUTS_TO_BEAR * timeout_s)
        if hint:
            timeout_s, patience_s = min(timeout_s, HINT_TIMEOUT_S), 0.0
        began = self._clock() if began_s is None else began_s
        renewed = False
        while True:
            try:
                with self.pace.turn():
                    return self._ask(path, params, parse, timeout_s)
            except ExpiredError as error:
                # Once: a token that is refused when it is new will not do later either.
                if renewed or not self._tokens.renewable:
                    raise AuthError(str(error)) from error
                renewed = True
                self._tokens.renew(error.token)
            except TransientError as error:
                if on_failure and on_failure(error):
                    waits = _iter_waits_s()
                wait_s = error.retry_after_s
                if wait_s is None:
                    wait_s = next(waits)
                if hint:
                    raise
                if self._clock() + wait_s > self._give_up_at(error, began, patience_s):
                    if error.retry_after_s is None:
                        raise
                    raise type(error)(f"{error}: run again in {wait_s:.0f} s", wait_s) from error
                with self._lock:
                    self.retries += 1
                LOGGER.warning("%s: asking again in %.1f s", error, wait_s)
                self.pace.pause(wait_s)

    def now_s(self) -> float:
        """Return the client's clock, in seconds that only grow."""
        return self._clock()

    def _give_up_at(self, error: TransientError, began: float, patience_s: float) -> float:
        """Return when to end asking: soon where nothing of HubSpot's has ever been reached."""
        first = isinstance(error, ContactError) and not self._contacted
        return began + (min(patience_s, FIRST_CONTACT_S) if first else patience_s)

    def _ask(
        self, path: str, params: Params, parse: Callable[[bytes], T], timeout_s: float
    ) -> Answer[T]:
        token = self._tokens.get()
        response, text = self._fetch(path, params, token, timeout_s)
        self._heed_limits(response)
        if response.status_code != 200:
            error = to_error(path, response, text, token)
            self._contacted = self._contacted or not isinstance(error, ContactError)
            raise error
        try:
            body = parse(text)
        except ValueError as half:
            raise _half(path, text, half) from half
        self._contacted = True
        now = datetime.now(timezone.utc)
        return Answer(body, text, now, _hubspot_time(response, now))

    def _fetch(
        self, path: str, params: Params, token: str, timeout_s: float
    ) -> tuple[requests.Response, bytes]:
        """Return a response and the whole text of its body."""
        began = self._clock()
        most = self._config.max_response_bytes
        try:
            return self._transport.send(
                "GET",
                path,
                timeout_s=timeout_s,
                max_bytes=most,
                params={name: str(value) for name, value in params.items()},
                headers={"Authorization": f"Bearer {token}"},
            )
        except DeadlinePassed as error:
            raise ServerError(f"{path}: no whole answer in {timeout_s:g} s") from error
        except ResponseTooLarge as error:
            raise ServerError(f"{path}: more than {most} bytes, see max_response_bytes") from error
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise ServerError(f"{path}: no answer in {timeout_s:g} s") from error
        except BodyInterrupted as error:
            raise TransientError(clean(f"{path}: {_innermost(error)}")) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise to_contact_error(path, error) from error
        finally:
            with self._lock:
                self.requests += 1
                self.asking_s += self._clock() - began

    def _heed_limits(self, response: requests.Response) -> None:
        """Tell the pace what HubSpot says of its limit; requests ignores the case of headers."""
        interval_ms = _number(response, "X-HubSpot-RateLimit-Interval-Milliseconds")
        if interval_ms == WINDOW_S * 1000:
            allowed = _number(response, "X-HubSpot-RateLimit-Max")
            self.pace.heed(allowed, _number(response, "X-HubSpot-RateLimit-Remaining"))


def _iter_waits_s() -> Iterator[float]:
    """Yield how long to wait, longer each time and by chance."""
    # Imported here: it brings asyncio, and most syncs never wait.
    import backoff

    longest = backoff.expo(base=2, factor=1, max_value=RETRY_WAIT_MAX_S)
    next(longest)  # backoff's generators want to be started
    for wait_s in longest:
        yield backoff.full_jitter(wait_s)


def to_error(path: str, response: requests.Response, text: bytes, token: str) -> TapError:
    """Return the error for an answer of `text` that is not a 200."""
    status = response.status_code
    body = _error_body(text)
    said = f"{path}: {status} {_message(body, response)}"
    if status == 429:
        return _rate_limit(said, body, response)
    if status in TRANSIENT_WAITS_S:
        return TransientError(said, _retry_after_s(response) or TRANSIENT_WAITS_S[status])
    if status == 401 and body.get("category") == "EXPIRED_AUTHENTICATION":
        return ExpiredError(f"{said}: check access_token", token)
    if status == 401:
        return AuthError(f"{said}: check access_token")
    if status == 403:
        return _refusal(said, body)
    if status == 400:
        return QuestionError(said)
    if status == 404:
        return NotFoundError(said)
    if status == 530:
        return ContactError(
            f"{said}: Cloudflare does not reach HubSpot, which may pass; some tokens of a wrong"
            " form are answered so, too"
        )
    if status >= 500:
        return ServerError(said, _retry_after_s(response))
    if 300 <= status < 400:
        return HubspotError(f"{said}: redirects are not followed; check base_url and the network")
    return HubspotError(said)


def to_contact_error(path: str, error: Exception) -> TapError:
    """Return the error for a request that got no answer, or half of one."""
    said = clean(f"{path}: {_innermost(error)}")
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return ContactError(f"{said}: trust its authority by the variable REQUESTS_CA_BUNDLE")
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidProxyURL)):
        return ConfigError(f"{said}: check base_url, and the variables for proxies")
    if isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError)):
        return ContactError(said)
    return ConfigError(f"{said}: check REQUESTS_CA_BUNDLE and the other variables of the network")


def _half(path: str, text: bytes, error: ValueError) -> TransientError:
    """Return the error for a 200 that is not what was asked for."""
    message = _error_body(text).get("message")
    if message:
        return TransientError(clean(f"{path}: 200, and yet an error: {message}"[:MAX_SHOWN_LENGTH]))
    if text.lstrip()[:1] == b"<":
        return ContactError(f"{path}: a page in HTML, as of a sign-in or a proxy, and no answer")
    return TransientError(clean(f"{path}: not a whole answer: {error}"[:MAX_SHOWN_LENGTH]))


def _refusal(said: str, body: Mapping[str, Any]) -> HubspotError:
    """Return the error for a 403: a proxy, or an account's list of addresses, is no scope."""
    scopes = ", ".join(_scopes(body))
    words = str(body.get("message")).lower()
    if scopes or body.get("category") == "MISSING_SCOPES" or re.search("scope|permission", words):
        return ScopeError(f"{said}: grant the token {scopes or 'the scopes of engagements'}")
    return RefusedError(
        f"{said}: refused by HubSpot or by a proxy; where the account allows certain IP addresses"
        " alone, this one must be among them"
    )


def _rate_limit(said: str, body: Mapping[str, Any], response: requests.Response) -> TapError:
    # Without the name of the policy, HubSpot's message has it.
    policy = str(body.get("policyName") or body.get("message")).upper()
    if "DAILY" in policy:
        return DailyLimitError(f"{said}: it ends at midnight in the portal's time zone")
    secondly = "SECONDLY" in policy and "TEN_SECONDLY" not in policy
    window_s = SECONDLY_WAIT_S if secondly else WINDOW_S
    return RateLimitError(said, _retry_after_s(response) or window_s)


def _error_body(text: bytes) -> Mapping[str, Any]:
    """Return an error's JSON; every field of it is optional, and proxies answer with HTML."""
    with contextlib.suppress(ValueError):
        body = parse_json(text)
        if isinstance(body, dict):
            return body
    return {}


def _message(body: Mapping[str, Any], response: requests.Response) -> str:
    # Cleaned first: what is cut may be half of a secret.
    message = clean(" ".join(str(body.get("message") or response.reason or "").split()))
    correlation = clean(str(body.get("correlationId", "")))[:MAX_SHOWN_LENGTH]
    shown = f" (correlationId {correlation})" if correlation else ""
    return message[:MAX_SHOWN_LENGTH] + shown


def _scopes(body: Mapping[str, Any]) -> list[str]:
    """Return the scopes that a MISSING_SCOPES body names."""
    found: list[str] = []
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        context = error.get("context") if isinstance(error, dict) else None
        for scopes in context.values() if isinstance(context, dict) else []:
            found += [clean(str(scope)) for scope in scopes] if isinstance(scopes, list) else []
    return [scope[:MAX_SHOWN_LENGTH] for scope in found[:MAX_SHOWN_SCOPES]]


def _number(response: requests.Response, header: str) -> int | None:
    """Return a header's whole number; None without one."""
    text = response.headers.get(header, "")
    return int(text) if text.isdecimal() and len(text) <= MAX_HEADER_DIGITS else None


def _retry_after_s(response: requests.Response) -> float | None:
    """Return the seconds of Retry-After, which may be a date; None where it is neither."""
    text = response.headers.get("Retry-After", "")
    try:
        wait_s = float(text)
    except ValueError:
        until, now = _date(text), datetime.now(timezone.utc)
        if until is None:
            return None
        wait_s = (until - (_date(response.headers.get("Date", "")) or now)).total_seconds()
    return wait_s if wait_s > 0 else None


def _date(text: str) -> datetime | None:
    """Return the moment of an HTTP header; None where it has none."""
    try:
        return parsedate_to_datetime(text).astimezone(timezone.utc)
    except (ValueError, TypeError, OverflowError):
        return None


def _hubspot_time(response: requests.Response, now: datetime) -> datetime:
    """Return HubSpot's clock at the question by the Date header, or ours where there is none."""
    # An answer may be as old as the question: what changed meanwhile is not in it.
    return (_date(response.headers.get("Date", "")) or now) - response.elapsed


def _innermost(error: BaseException) -> str:
    """Return what went wrong at the bottom, without the URL and the objects around it."""
    if isinstance(error, BodyInterrupted) and error.__cause__:
        error = error.__cause__
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    return _innermost(reason) if isinstance(reason, BaseException) else str(error)
