"""Sends requests to one portal: authorised, timed out, retried, rate limited, with typed errors."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Generic, TypeVar
from urllib.parse import urlencode

import requests
import urllib3

from hubspot_api.auth import Tokens
from hubspot_api.exceptions import (
    AuthError,
    BodyInterrupted,
    BusyError,
    ContactError,
    DeadlinePassed,
    OutcomeUnknownError,
    RateLimitError,
    ResponseTooLarge,
    ServerError,
    TokenExpiredError,
    TransientError,
    UnreachableError,
)
from hubspot_api.json_codec import to_json
from hubspot_api.rate_limit import WINDOW_S, RateLimiter
from hubspot_api.redaction import clean
from hubspot_api.responses import (
    header_number,
    hubspot_time,
    innermost_reason,
    to_contact_error,
    to_error,
    to_incomplete_error,
)
from hubspot_api.settings import ApiSettings
from hubspot_api.transport import Transport

LOGGER = logging.getLogger(__name__)

RETRY_LIMIT_S = 600.0  # how long the client retries one request, waits included
MIN_TIMEOUTS_BEFORE_GIVING_UP = 4  # two for a page, and two for half of it; if longer
RETRY_WAIT_MAX_S = 60.0
SUCCESSES = (200, 207)  # 207: a batch whose body names errors of some of its inputs
WRITE_SUCCESSES = (*SUCCESSES, 201, 204)
# HubSpot has not carried out the request, and says so, or never got it.
NOT_DONE = (RateLimitError, BusyError, UnreachableError)
HINT_TIMEOUT_S = 10.0
FIRST_CONTACT_S = 15.0  # at the first request a wrong setting is likelier than an outage

T = TypeVar("T")
Params = Mapping[str, object]
ParamsFor = Callable[[tuple[TransientError, ...]], Params]
"""From the failures of a request so far, oldest first, to the parameters of its next attempt."""


@dataclass(frozen=True)
class Response(Generic[T]):
    """
    A response of HubSpot: the parsed body, the body's bytes, and two clocks in UTC.

    `received_at` is this machine's clock after the response, `hubspot_at` HubSpot's clock when the
    request was sent, at most a second late.
    """

    body: T
    text: bytes
    received_at: datetime
    hubspot_at: datetime


@dataclass(frozen=True)
class _Attempts:
    """
    How to send one request, and how long to retry it.

    Each attempt takes `timeout_s` seconds, all of them `limit_s`. `body` is JSON, for POST. A
    request that is sent `once` is retried only if HubSpot has not carried it out.
    """

    began_s: float
    timeout_s: float
    limit_s: float
    rate_limiter: RateLimiter
    method: str = "GET"
    body: bytes | None = None
    successes: tuple[int, ...] = SUCCESSES
    once: bool = False


class HubspotClient:
    """
    Sends requests with one token; threads may share a client.

    Every request may raise AuthError, ScopeError, BadRequestError, NotFoundError, another
    HubspotError, DailyLimitError or SettingsError. A request raises TransientError when retries
    have not helped for RETRY_LIMIT_S, or for MIN_TIMEOUTS_BEFORE_GIVING_UP time-outs if longer.
    """

    def __init__(
        self,
        settings: ApiSettings,
        rate_limiter: RateLimiter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests = 0
        self.retries = 0
        self.request_s = 0.0  # of all threads together, until their responses were complete
        self.rate_limiter = rate_limiter or RateLimiter(settings.requests_per_10_seconds)
        self._clock = clock
        self._settings = settings
        self._transport = Transport(settings.base_url, settings.user_agent)
        self._tokens = Tokens(settings, self._transport, clock)
        self._has_reached_hubspot = False
        self._lock = threading.Lock()  # for the counts

    def get(
        self,
        path: str,
        params: Params | ParamsFor,
        parse: Callable[[bytes], T],
        *,
        hint: bool = False,
        began_s: float | None = None,
    ) -> Response[T]:
        """
        Return the response to GET `path`, with the body parsed by `parse`.

        A ValueError of `parse` makes the response incomplete: a retry follows. `params` may be a
        function of the failures so far; when the result changes, the waits start anew. A `hint` is
        an optional request: one attempt of at most HINT_TIMEOUT_S, whose failure delays nothing.
        `began_s` is the start of the retries by now_s, if before this call.
        """
        params_for: ParamsFor = params if callable(params) else lambda _: params
        attempts = self._plan_attempts(hint, began_s)
        return self._send_with_retries(path, params_for, parse, attempts, is_hint=hint)

    def post(
        self,
        path: str,
        body: object,
        parse: Callable[[bytes], T],
        *,
        hint: bool = False,
        rate_limiter: RateLimiter | None = None,
    ) -> Response[T]:
        """
        Return the response to POST `path` with a JSON `body`, parsed by `parse`, as `get` does.

        The request must only read: it is retried when its outcome is unknown. A 207 is a response,
        too. `rate_limiter` is the request's own, if HubSpot counts it apart.
        """
        attempts = replace(
            self._plan_attempts(hint, None),
            rate_limiter=rate_limiter or self.rate_limiter,
            method="POST",
            body=to_json(body),
        )
        return self._send_with_retries(path, lambda _: {}, parse, attempts, is_hint=hint)

    def write(
        self,
        method: str,
        path: str,
        body: object,
        parse: Callable[[bytes], T],
        *,
        once: bool,
    ) -> Response[T]:
        """
        Return the response to a request that changes something; `body` None sends no body.

        With `once`, a request without an answer, or with a 5xx, raises OutcomeUnknownError instead
        of a retry, since HubSpot may have carried it out. A request that may be carried out twice
        is retried as `get` is.
        """
        attempts = replace(
            self._plan_attempts(False, None),
            method=method,
            body=None if body is None else to_json(body),
            successes=WRITE_SUCCESSES,
            once=once,
        )
        return self._send_with_retries(path, lambda _: {}, parse, attempts, is_hint=False)

    def _send_with_retries(
        self,
        path: str,
        params_for: ParamsFor,
        parse: Callable[[bytes], T],
        attempts: _Attempts,
        *,
        is_hint: bool,
    ) -> Response[T]:
        waits = _iter_waits_s()
        failures: tuple[TransientError, ...] = ()
        current = params_for(failures)
        is_renewed = False
        while True:
            try:
                with attempts.rate_limiter.slot():
                    return self._request(path, current, parse, attempts)
            except TokenExpiredError as error:
                # Renew once: HubSpot refuses a new token for another reason than its age. The next
                # attempt does so, and is retried if that fails.
                if is_renewed or not self._tokens.renewable:
                    raise AuthError(str(error)) from error
                is_renewed = True
                self._tokens.expire(error.token)
            except TransientError as error:
                if is_hint:
                    raise
                if attempts.once and not isinstance(error, NOT_DONE):
                    raise OutcomeUnknownError(str(error)) from error
                failures = (*failures, error)
                previous, current = current, params_for(failures)
                waits = waits if current == previous else _iter_waits_s()
                self._wait_or_raise(error, waits, attempts)

    def now_s(self) -> float:
        """Return the client's clock, in seconds that only grow."""
        return self._clock()

    def _plan_attempts(self, hint: bool, began_s: float | None) -> _Attempts:
        began_s = self._clock() if began_s is None else began_s
        timeout_s = self._settings.request_timeout
        if hint:
            timeout_s = min(timeout_s, HINT_TIMEOUT_S)
            return _Attempts(began_s, timeout_s, 0.0, self.rate_limiter)
        limit_s = max(RETRY_LIMIT_S, MIN_TIMEOUTS_BEFORE_GIVING_UP * timeout_s)
        return _Attempts(began_s, timeout_s, limit_s, self.rate_limiter)

    def _wait_or_raise(
        self, error: TransientError, waits: Iterator[float], attempts: _Attempts
    ) -> None:
        """Make all requests wait before the next attempt, or raise `error` after the limit."""
        wait_s = next(waits) if error.retry_after_s is None else error.retry_after_s
        is_first_contact = isinstance(error, ContactError) and not self._has_reached_hubspot
        limit_s = min(attempts.limit_s, FIRST_CONTACT_S) if is_first_contact else attempts.limit_s
        if self._clock() + wait_s > attempts.began_s + limit_s:
            if error.retry_after_s is None:
                raise error
            raise type(error)(f"{error}: run again in {wait_s:.0f} s", wait_s) from error
        with self._lock:
            self.retries += 1
        LOGGER.warning("%s: retrying in %.1f s", error, wait_s)
        attempts.rate_limiter.pause(wait_s)

    def _request(
        self, path: str, params: Params, parse: Callable[[bytes], T], attempts: _Attempts
    ) -> Response[T]:
        token = self._tokens.get()
        response, text = self._send(path, params, token, attempts)
        self._update_rate_limit(response)
        if response.status_code not in attempts.successes:
            error = to_error(path, response, text, token)
            reached = not isinstance(error, ContactError)
            self._has_reached_hubspot = self._has_reached_hubspot or reached
            raise error
        try:
            body = parse(text)
        except ValueError as error:
            raise to_incomplete_error(path, text, error) from error
        self._has_reached_hubspot = True
        now = datetime.now(timezone.utc)
        return Response(body, text, now, hubspot_time(response, now))

    def _send(
        self, path: str, params: Params, token: str, attempts: _Attempts
    ) -> tuple[requests.Response, bytes]:
        """Return a response and the whole body."""
        began_s, timeout_s = self._clock(), attempts.timeout_s
        max_bytes = self._settings.max_response_bytes
        headers = {"Authorization": f"Bearer {token}"}
        if attempts.body is not None:
            headers["Content-Type"] = "application/json"
        try:
            return self._transport.send(
                attempts.method,
                path,
                timeout_s=timeout_s,
                max_bytes=max_bytes,
                # Names of a hundred properties: escaped commas would take longer than the rest.
                params=urlencode(params, safe=","),
                data=attempts.body,
                headers=headers,
            )
        except DeadlinePassed as error:
            raise ServerError(f"{path}: no complete response in {timeout_s:g} s") from error
        except ResponseTooLarge as error:
            message = f"{path}: more than {max_bytes} bytes, see max_response_bytes"
            raise ServerError(message) from error
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise ServerError(f"{path}: no response in {timeout_s:g} s") from error
        except BodyInterrupted as error:
            reason = innermost_reason(error.__cause__ or error)
            raise TransientError(clean(f"{path}: {reason}")) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise to_contact_error(path, error) from error
        finally:
            with self._lock:
                self.requests += 1
                self.request_s += self._clock() - began_s

    def _update_rate_limit(self, response: requests.Response) -> None:
        """Pass HubSpot's own limit to the rate limiter."""
        interval_ms = header_number(response, "X-HubSpot-RateLimit-Interval-Milliseconds")
        if interval_ms == WINDOW_S * 1000:
            allowed = header_number(response, "X-HubSpot-RateLimit-Max")
            remaining = header_number(response, "X-HubSpot-RateLimit-Remaining")
            self.rate_limiter.update_from_headers(allowed, remaining)


def _iter_waits_s() -> Iterator[float]:
    """Yield random waits in seconds that grow exponentially, up to RETRY_WAIT_MAX_S."""
    # Imported here: backoff imports asyncio, and most runs never wait.
    import backoff

    longest = backoff.expo(base=2, factor=1, max_value=RETRY_WAIT_MAX_S)
    next(longest)  # backoff's generators have to be started
    for wait_s in longest:
        yield backoff.full_jitter(wait_s)
