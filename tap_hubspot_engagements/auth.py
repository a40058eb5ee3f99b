"""
The token that each question bears: a static one, or OAuth's, refreshed before it runs out.

OAuth: HubSpot's token endpoint of 2026-03; the one before it ends on 2027-02-16.
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

from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.exceptions import (
    AuthError,
    ConfigError,
    ContactError,
    ServerError,
    TransientError,
)
from tap_hubspot_engagements.json_text import parse_json
from tap_hubspot_engagements.redaction import add_secret, clean
from tap_hubspot_engagements.transport import (
    BodyInterrupted,
    DeadlinePassed,
    ResponseTooLarge,
    Transport,
)

if TYPE_CHECKING:
    from typing import TypeGuard

LOGGER = logging.getLogger(__name__)

TOKEN_PATH = "/oauth/2026-03/token"
MAX_SHOWN_LENGTH = 300  # characters of HubSpot's message in an error
MAX_BYTES = 1_000_000  # of an answer, which has some hundred
REFRESH_BEFORE_S = 60.0  # the end that HubSpot names


class Tokens:
    """
    Gives the token to ask with, one for all threads; `clock` gives seconds that only grow.

    `get` and `renew` raise AuthError where HubSpot refuses the refresh token for good, and
    TransientError where it may answer later.
    """

    def __init__(self, config: Config, transport: Transport, clock: Callable[[], float]) -> None:
        self._config = config
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._token = config.access_token
        self._refresh_token = config.refresh_token
        for secret in (config.access_token, config.client_secret, config.refresh_token):
            add_secret(secret)
        self._ends_at = float("inf") if config.access_token else 0.0

    @property
    def renewable(self) -> bool:
        """Whether there is a refresh token to get another with."""
        return self._config.refresh_token is not None

    def get(self) -> str:
        """Return the token, a new one where the old is about to run out."""
        with self._lock:
            if self._token is None or self._clock() > self._ends_at - REFRESH_BEFORE_S:
                self._refresh()
            assert self._token is not None, "a refresh gives a token or raises"
            return self._token

    def renew(self, refused: str) -> None:
        """Get a new token, unless another thread has done so since `refused` was refused."""
        with self._lock:
            if self._token == refused:
                self._refresh()

    def _refresh(self) -> None:
        config = self._config
        _check_writable(config.refresh_token_file)
        form = {
            "grant_type": "refresh_token",
            "client_id": config.client_id,
            "client_secret": config.client_secret,
            "refresh_token": self._refresh_token,
        }
        timeout_s = config.request_timeout
        try:
            # A redirect would take the form, which is all secrets, to whatever host it names.
            answer, text = self._transport.send(
                "POST", TOKEN_PATH, timeout_s=timeout_s, max_bytes=MAX_BYTES, data=form
            )
        except (requests.Timeout, DeadlinePassed):
            raise ServerError(f"{TOKEN_PATH}: no answer in {timeout_s:g} s") from None
        except ResponseTooLarge:
            raise ServerError(f"{TOKEN_PATH}: more than {MAX_BYTES} bytes") from None
        except (
            BodyInterrupted,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
        ) as error:
            raise ContactError(f"{TOKEN_PATH}: {type(error).__name__}") from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise ServerError(f"{TOKEN_PATH}: {answer.status_code}")
        self._token, expires_in_s, refresh_token = _read(answer, text)
        add_secret(self._token)
        self._ends_at = self._clock() + expires_in_s
        if refresh_token and refresh_token != self._refresh_token:
            self._keep(refresh_token)
        LOGGER.info("access token renewed, for %d s", expires_in_s)

    def _keep(self, refresh_token: str) -> None:
        """Go on with another refresh token, and write it where the configuration says."""
        add_secret(refresh_token)
        self._refresh_token = refresh_token
        path = self._config.refresh_token_file
        if path is None:
            LOGGER.warning(
                "HubSpot has given another refresh token, which is lost with this run:"
                " set refresh_token_file, and authorize the app anew if the old one is refused"
            )
            return
        _write_secret(Path(path), refresh_token)
        LOGGER.info("HubSpot has given another refresh token: kept in refresh_token_file")


def _check_writable(path: str | None) -> None:
    """Raise ConfigError where another refresh token could not be kept: it would be lost."""
    if path is not None and not os.access(Path(path).absolute().parent, os.W_OK):
        raise ConfigError("refresh_token_file: its folder cannot be written to")


def _write_secret(path: Path, secret: str) -> None:
    """Put a secret into a file that only its owner reads, whole or not at all; ConfigError."""
    beside = path.with_name(f".{path.name}.new")
    try:
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(number, secret.encode() + b"\n")
        finally:
            os.close(number)
        beside.replace(path)
    except OSError as error:
        raise ConfigError(f"refresh_token_file: cannot be written: {error.strerror}") from error


def _read(answer: requests.Response, text: bytes) -> tuple[str, float, str | None]:
    """Return the token, its seconds, and the refresh token; AuthError for a refusal says why."""
    try:
        body = parse_json(text)
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    if answer.status_code != 200:
        reason = body.get("message") or body.get("error_description") or answer.reason
        status = body.get("status", answer.status_code)
        if 300 <= answer.status_code < 400:
            reason = "redirects are not followed"
        said = clean(f"{TOKEN_PATH}: {status}: {reason}")[:MAX_SHOWN_LENGTH]
        raise AuthError(f"{said}: check client_id, client_secret and refresh_token")
    token, expires_in_s = body.get("access_token"), body.get("expires_in")
    if not _is_token(token) or not isinstance(expires_in_s, (int, float)):
        raise TransientError(f"{TOKEN_PATH}: not a whole answer")
    refresh_token = body.get("refresh_token")
    return token, float(expires_in_s), refresh_token if _is_token(refresh_token) else None


def _is_token(value: object) -> TypeGuard[str]:
    # What else there is in a header would end it, or cannot stand in one.
    return isinstance(value, str) and re.fullmatch(r"[!-~]+", value) is not None
