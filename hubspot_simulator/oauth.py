"""
OAuth: access tokens that expire, and their renewal by a refresh token.

As on HubSpot's OAuth pages: form fields in, JSON out, 30 minutes a token, one refresh token.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from hubspot_simulator import responses
from hubspot_simulator.responses import Response, json_response

PATH = "/oauth/2026-03/token"
EXPIRES_IN_S = 1800


@dataclass
class OAuthApp:
    """
    An app with one refresh token; `clock` returns Unix ms.

    `tokens` has the end of each access token, in Unix ms. Tokens of other apps are unknown.
    """

    client_id: str
    client_secret: str
    refresh_token: str
    clock: Callable[[], int]
    expires_in_s: float = EXPIRES_IN_S
    tokens: dict[str, int] = field(default_factory=dict)

    def refresh(self, form: Mapping[str, str]) -> Response:
        """Return a response with a new access token, or the 400 that names the wrong field."""
        if form.get("grant_type") != "refresh_token":
            return _bad_request("BAD_GRANT_TYPE", "grant_type must be refresh_token")
        if form.get("client_id") != self.client_id:
            return _bad_request("BAD_CLIENT_ID", "missing or unknown client id")
        if form.get("client_secret") != self.client_secret:
            return _bad_request("BAD_CLIENT_SECRET", "missing or invalid client secret")
        if form.get("refresh_token") != self.refresh_token:
            message = "refresh token is invalid, expired or revoked"
            return _bad_request("BAD_REFRESH_TOKEN", message, error="invalid_grant")
        token = f"access-{secrets.token_hex(16)}"
        self.tokens[token] = self.clock() + int(self.expires_in_s * 1000)
        return json_response(
            {
                "token_type": "bearer",
                "refresh_token": self.refresh_token,
                "access_token": token,
                "expires_in": int(self.expires_in_s),
            }
        )

    def expire(self) -> None:
        """Expire every access token now."""
        self.tokens = dict.fromkeys(self.tokens, self.clock() - 1000)

    def reject_token(self, token: str) -> Response | None:
        """Return the 401 for an unknown or expired token, None for a valid token."""
        if token not in self.tokens:
            return responses.undecodable_token()
        late_ms = self.clock() - self.tokens[token]
        if late_ms < 0:
            return None
        at = datetime.fromtimestamp(self.tokens[token] / 1000, tz=timezone.utc)
        return responses.expired(f"{late_ms // 1000} second(s)", f"{at:%Y-%m-%dT%H:%M:%S}.000Z")


def _bad_request(status: str, message: str, error: str = "invalid_request") -> Response:
    """Return HubSpot's 400, whose body repeats the message under two keys."""
    body = {"error": error, "error_description": message, "status": status, "message": message}
    return json_response(body, 400)
