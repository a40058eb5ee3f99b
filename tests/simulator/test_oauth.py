"""OAuth: tokens for a refresh token, and what becomes of them."""

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
    answer = requests.post(simulator.url + PATH, data=FORM, timeout=60)
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 60
    return str(answer.json()["access_token"])


def status(simulator: Simulator, token: str) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(simulator.url + PAGED, headers=headers, timeout=60)
    return answer.status_code, answer.json().get("category")


def test_a_token_serves_until_it_runs_out(simulator: Simulator, clock: Clock) -> None:
    """
    A token is good for as long as its answer said, and then called expired.
    """
    first = token(simulator)
    assert status(simulator, first) == (200, None)
    clock.now_ms += 60_000
    assert status(simulator, first) == (401, "EXPIRED_AUTHENTICATION")
    assert status(simulator, token(simulator)) == (200, None)
    assert status(simulator, "of-another-app") == (401, "EXPIRED_AUTHENTICATION")


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("grant_type", "BAD_GRANT_TYPE"),
        ("client_id", "BAD_CLIENT_ID"),
        ("client_secret", "BAD_CLIENT_SECRET"),
        ("refresh_token", "BAD_REFRESH_TOKEN"),
    ],
)
def test_a_wrong_form_is_refused(simulator: Simulator, field: str, named: str) -> None:
    """
    Each wrong field is a 400 with a status of its own.
    """
    answer = requests.post(simulator.url + PATH, data={**FORM, field: "wrong"}, timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (400, named)
