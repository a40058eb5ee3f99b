"""
The token that each question bears: a static one, or OAuth's, refreshed before it runs out.

OAuth: HubSpot's token endpoint of 2026-03; the one before it ends on 2027-02-16.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import requests

from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.exceptions import AuthError, ServerError, TransientError
from tap_hubspot_engagements.json_text import parse_json

LOGGER = logging.getLogger(__name__)

TOKEN_PATH = "/oauth/2026-03/token"
REFRESH_BEFORE_S = 60.0  # the end that HubSpot names


class Tokens:
    """
    Gives the token to ask with, one for all threads; `clock` gives seconds that only grow.

    `get` and `renew` raise AuthError where HubSpot refuses the refresh token for good, and
    TransientError where it may answer later.
    """

    def __init__(self, config: Config, clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock
        self._lock = threading.Lock()
        self._token = config.access_token
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

    def secrets(self) -> list[str]:
        """Return everything that no message may show."""
        config = self._config
        known = (self._token, config.access_token, config.client_secret, config.refresh_token)
        return [secret for secret in known if secret]

    def _refresh(self) -> None:
        config = self._config
        form = {
            "grant_type": "refresh_token",
            "client_id": config.client_id,
            "client_secret": config.client_secret,
            "refresh_token": config.refresh_token,
        }
        url, timeout_s = config.base_url + TOKEN_PATH, config.request_timeout
        try:
            answer = requests.post(url, data=form, timeout=timeout_s, auth=_no_netrc)
        except requests.RequestException as error:
            raise TransientError(f"{TOKEN_PATH}: {type(error).__name__}") from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise ServerError(f"{TOKEN_PATH}: {answer.status_code}")
        self._token, expires_in_s = _read(answer)
        self._ends_at = self._clock() + expires_in_s
        LOGGER.info("access token renewed, for %d s", expires_in_s)


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from adding what ~/.netrc has for this host."""
    return request


def _read(answer: requests.Response) -> tuple[str, float]:
    """Return the token and its seconds; AuthError for a refusal, which says why."""
    try:
        body = parse_json(answer.content)
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    if answer.status_code != 200:
        reason = body.get("message") or body.get("error_description") or answer.reason
        status = body.get("status", answer.status_code)
        raise AuthError(
            f"{TOKEN_PATH}: {status}: {reason}: check client_id, client_secret and refresh_token"
        )
    token, expires_in_s = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not isinstance(expires_in_s, (int, float)):
        raise TransientError(f"{TOKEN_PATH}: not a whole answer")
    return token, float(expires_in_s)
