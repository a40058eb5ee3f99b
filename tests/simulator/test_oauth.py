"""OAuth: access tokens for a refresh token, and their expiry."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from hubspot_simulator.oauth import PATH, OAuthApp
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.simulator.conftest import PAGED, Clock

FORM = {
    "grant_type": "refresh_token",
    "client_id": "app",
    "client_secret": "secret",
    "refresh_token": "refresh",
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Any:
    app = OAuthApp("app", "secret", "refresh", clock, expires_in_s=60)
    with Simulator(Portal(clock), oauth_app=app) as simulator:
        yield simulator


def token(simulator: Simulator) -> str:
    response = requests.post(simulator.url + PATH, data=FORM, timeout=60)
    assert response.status_code == 200
    assert response.json()["expires_in"] == 60
    return str(response.json()["access_token"])


def status(simulator: Simulator, token: str) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {token}"}
    response = requests.get(simulator.url + PAGED, headers=headers, timeout=60)
    return response.status_code, response.json().get("category")


def test_a_token_is_valid_until_it_expires(simulator: Simulator, clock: Clock) -> None:
    """
    A token is valid for `expires_in` seconds; then the 401 says that the token expired.
    """
    first = token(simulator)
    assert status(simulator, first) == (200, None)
    clock.now_ms += 60_000
    assert status(simulator, first) == (401, "EXPIRED_AUTHENTICATION")
    assert status(simulator, token(simulator)) == (200, None)
    assert status(simulator, "of-another-app") == (401, "EXPIRED_AUTHENTICATION")


@pytest.mark.parametrize(
    ("field", "category"),
    [
        ("grant_type", "BAD_GRANT_TYPE"),
        ("client_id", "BAD_CLIENT_ID"),
        ("client_secret", "BAD_CLIENT_SECRET"),
        ("refresh_token", "BAD_REFRESH_TOKEN"),
    ],
)
def test_a_wrong_form_is_rejected(simulator: Simulator, field: str, category: str) -> None:
    """
    Each wrong field is a 400 with a different status.
    """
    response = requests.post(simulator.url + PATH, data={**FORM, field: "wrong"}, timeout=60)
    assert (response.status_code, response.json()["status"]) == (400, category)
