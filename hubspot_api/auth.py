"""
The token of each request: a static one, or OAuth's, renewed before it expires.

OAuth uses HubSpot's token endpoint of 2026-03; the endpoint before ends on 2027-02-16.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import requests
import urllib3

from hubspot_api.exceptions import (
    AuthError,
    BodyInterrupted,
    BusyError,
    DeadlinePassed,
    ResponseTooLarge,
    SettingsError,
    UnreachableError,
)
from hubspot_api.json_codec import parse_json
from hubspot_api.redaction import add_secret, clean
from hubspot_api.responses import TRANSIENT_WAITS_S, retry_after_s
from hubspot_api.settings import ApiSettings
from hubspot_api.transport import Transport

if TYPE_CHECKING:
    from typing import TypeGuard

LOGGER = logging.getLogger(__name__)

TOKEN_PATH = "/oauth/2026-03/token"
MAX_SHOWN_LENGTH = 300  # characters of HubSpot's message in an error
MAX_BYTES = 1_000_000  # of a response, which has some hundred
RENEW_BEFORE_S = 60.0  # seconds before the token expires


class Tokens:
    """
    Provides the current token, the same for all threads.

    `clock` returns seconds that only grow. `get` raises AuthError if HubSpot refuses the refresh
    token for good, and BusyError or UnreachableError if a later request may succeed.
    """

    def __init__(
        self, settings: ApiSettings, transport: Transport, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._token = settings.access_token
        self._refresh_token = settings.refresh_token
        for secret in (settings.access_token, settings.client_secret, settings.refresh_token):
            add_secret(secret)
        self._expires_at_s = float("inf") if settings.access_token else 0.0

    @property
    def renewable(self) -> bool:
        """Whether a refresh token can get another token."""
        return self._settings.refresh_token is not None

    def get(self) -> str:
        """Return the token, renewed if the token expires within RENEW_BEFORE_S."""
        with self._lock:
            if self._token is None or self._clock() > self._expires_at_s - RENEW_BEFORE_S:
                self._renew()
            assert self._token is not None, "_renew sets the token or raises"
            return self._token

    def expire(self, token: str) -> None:
        """Have the next `get` renew `token`, unless another thread already did."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _renew(self) -> None:
        """Request another access token with the refresh token, and use that from now on."""
        _check_writable(self._settings.refresh_token_file)
        response, text = self._request_token()
        status = response.status_code
        if status >= 500 or status == 429 or status in TRANSIENT_WAITS_S:
            wait_s = retry_after_s(response) or TRANSIENT_WAITS_S.get(status)
            raise BusyError(f"{TOKEN_PATH}: {status}", wait_s)
        self._token, lifetime_s, refresh_token = _read_tokens(response, text)
        add_secret(self._token)
        self._expires_at_s = self._clock() + lifetime_s
        if refresh_token and refresh_token != self._refresh_token:
            self._keep(refresh_token)
        LOGGER.info("access token renewed, for %d s", lifetime_s)

    def _request_token(self) -> tuple[requests.Response, bytes]:
        settings = self._settings
        form = {
            "grant_type": "refresh_token",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "refresh_token": self._refresh_token,
        }
        timeout_s = settings.request_timeout
        try:
            return self._transport.send(
                "POST", TOKEN_PATH, timeout_s=timeout_s, max_bytes=MAX_BYTES, data=form
            )
        except (requests.Timeout, DeadlinePassed):
            raise BusyError(f"{TOKEN_PATH}: no response in {timeout_s:g} s") from None
        except ResponseTooLarge:
            raise BusyError(f"{TOKEN_PATH}: more than {MAX_BYTES} bytes") from None
        except BodyInterrupted:
            raise BusyError(f"{TOKEN_PATH}: the response broke off") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(f"{TOKEN_PATH}: {type(error).__name__}") from None

    def _keep(self, refresh_token: str) -> None:
        """Use another refresh token from now on, and write that to the configured file."""
        add_secret(refresh_token)
        self._refresh_token = refresh_token
        path = self._settings.refresh_token_file
        if path is None:
            LOGGER.warning(
                "HubSpot has issued another refresh token, which is lost with this run:"
                " set refresh_token_file, and authorize the app anew if HubSpot refuses the old one"
            )
            return
        _write_secret(Path(path), refresh_token)
        LOGGER.info("HubSpot has issued another refresh token: written to refresh_token_file")


def _check_writable(path: str | None) -> None:
    """Raise SettingsError if another refresh token could not be written, and would be lost."""
    if path is not None and not os.access(Path(path).absolute().parent, os.W_OK):
        raise SettingsError("refresh_token_file: its folder cannot be written to")


def _write_secret(path: Path, secret: str) -> None:
    """Write a secret to a file that only the owner can read, whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(number, secret.encode() + b"\n")
        finally:
            os.close(number)
        temporary.replace(path)
    except OSError as error:
        raise SettingsError(f"refresh_token_file: cannot be written: {error.strerror}") from error


def _read_tokens(response: requests.Response, text: bytes) -> tuple[str, float, str | None]:
    """
    Return the token, the lifetime in seconds, and the refresh token if there is another.

    Raises AuthError with HubSpot's reason for a refusal.
    """
    try:
        body = parse_json(text)
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    if response.status_code != 200:
        reason = body.get("message") or body.get("error_description") or response.reason
        status = body.get("status", response.status_code)
        if 300 <= response.status_code < 400:
            reason = "redirects are not followed"
        message = clean(f"{TOKEN_PATH}: {status}: {reason}")[:MAX_SHOWN_LENGTH]
        raise AuthError(f"{message}: check client_id, client_secret and refresh_token")
    token, lifetime_s = body.get("access_token"), body.get("expires_in")
    if not _is_token(token) or not isinstance(lifetime_s, (int, float)):
        raise BusyError(f"{TOKEN_PATH}: incomplete response")
    refresh_token = body.get("refresh_token")
    return token, float(lifetime_s), refresh_token if _is_token(refresh_token) else None


def _is_token(value: object) -> TypeGuard[str]:
    # Any other character would end the header, or cannot be in one.
    return isinstance(value, str) and re.fullmatch(r"[!-~]+", value) is not None
