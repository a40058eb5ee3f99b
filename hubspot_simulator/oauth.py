"""
OAuth: access tokens that run out, and how a refresh token gets a new one.

HubSpot's OAuth pages: form fields in, JSON out, 30 minutes a token; the refresh token stays.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from hubspot_simulator import answers
from hubspot_simulator.answers import Answer, json_answer

PATH = "/oauth/2026-03/token"
EXPIRES_IN_S = 1800


@dataclass
class OAuthApp:
    """
    An app with one refresh token; `clock` returns Unix ms, `tokens` when each token runs out.

    Tokens of other portals' apps are unknown here: they are answered as HubSpot does.
    """

    client_id: str
    client_secret: str
    refresh_token: str
    clock: Callable[[], int]
    expires_in_s: float = EXPIRES_IN_S
    tokens: dict[str, int] = field(default_factory=dict)

    def refresh(self, form: Mapping[str, str]) -> Answer:
        """Return a new access token, or the 400 for what is wrong with the form."""
        if form.get("grant_type") != "refresh_token":
            return _refused("BAD_GRANT_TYPE", "grant_type must be refresh_token")
        if form.get("client_id") != self.client_id:
            return _refused("BAD_CLIENT_ID", "missing or unknown client id")
        if form.get("client_secret") != self.client_secret:
            return _refused("BAD_CLIENT_SECRET", "missing or invalid client secret")
        if form.get("refresh_token") != self.refresh_token:
            message = "refresh token is invalid, expired or revoked"
            return _refused("BAD_REFRESH_TOKEN", message, error="invalid_grant")
        token = f"access-{secrets.token_hex(16)}"
        self.tokens[token] = self.clock() + int(self.expires_in_s * 1000)
        return json_answer(
            {
                "token_type": "bearer",
                "refresh_token": self.refresh_token,
                "access_token": token,
                "expires_in": int(self.expires_in_s),
            }
        )

    def expire(self) -> None:
        """End every token that was given out, whatever its time."""
        self.tokens = dict.fromkeys(self.tokens, self.clock() - 1000)

    def refusal(self, token: str) -> Answer | None:
        """Return the 401 for a token that is unknown or has run out, None for a good one."""
        if token not in self.tokens:
            return answers.undecodable_token()
        late_ms = self.clock() - self.tokens[token]
        if late_ms < 0:
            return None
        at = datetime.fromtimestamp(self.tokens[token] / 1000, tz=timezone.utc)
        return answers.expired(f"{late_ms // 1000} second(s)", f"{at:%Y-%m-%dT%H:%M:%S}.000Z")


def _refused(status: str, message: str, error: str = "invalid_request") -> Answer:
    """Return HubSpot's 400, which says the same thing in two ways."""
    body = {"error": error, "error_description": message, "status": status, "message": message}
    return json_answer(body, 400)
