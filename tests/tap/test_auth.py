"""OAuth: tokens that run out, in one thread or many, and secrets that are shown nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubspot_api.client import HubspotClient
from hubspot_api.exceptions import AuthError
from hubspot_api.rate_limit import RateLimiter
from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.oauth import PATH, OAuthApp
from hubspot_simulator.portal import Portal, system_clock
from hubspot_simulator.responses import rate_limited
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.v1.endpoints import ENGAGEMENTS, PAGED, iter_paged
from tap_hubspot_engagements.v1.page_size import PageSizes
from tests.conftest import run_program
from tests.tap.conftest import Waits

SECRETS = {"client_secret": "the-client-secret", "refresh_token": "the-refresh-token"}


@pytest.fixture
def app() -> OAuthApp:
    return OAuthApp("app", SECRETS["client_secret"], SECRETS["refresh_token"], system_clock)


@pytest.fixture
def simulator(app: OAuthApp) -> Iterator[Simulator]:
    with Simulator(Portal.generate(600, seed=1), oauth_app=app) as simulator:
        yield simulator


def run_tap(simulator: Simulator, tmp_path: Path, *arguments: str, **changed: object) -> Any:
    path = tmp_path / "config.json"
    settings = {"base_url": simulator.url, "client_id": "app", **SECRETS, "page_size": 50}
    path.write_text(json.dumps({**settings, **changed}))
    return run_program("tap-hubspot-engagements", "--config", path, *arguments)


def refreshes(simulator: Simulator) -> int:
    return sum(request.path == PATH for request in simulator.requests)


def test_one_token_for_all_workers(simulator: Simulator, tmp_path: Path) -> None:
    """
    A token is asked for once, and serves every thread.
    """
    done = run_tap(simulator, tmp_path)
    assert done.code == 0, done.err
    assert refreshes(simulator) == 1


def test_an_expired_token_is_renewed_once(
    simulator: Simulator, app: OAuthApp, tmp_path: Path
) -> None:
    """
    Tokens that end early, under all workers at once, cost a single refresh, and no engagement.
    """
    simulator.faults.add(Fault(on=4, path="paged", before=lambda _: app.expire()))
    done = run_tap(simulator, tmp_path)
    assert done.code == 0, done.err
    assert refreshes(simulator) == 2
    assert any(request.status == 401 for request in simulator.requests)


def build_client(simulator: Simulator, waits: Waits) -> HubspotClient:
    settings = {"base_url": simulator.url, "client_id": "app", **SECRETS}
    rate_limiter = RateLimiter(10_000, waits.clock, waits.sleep)
    return HubspotClient(Config.from_dict(settings, {}), rate_limiter, waits.clock)


@pytest.mark.parametrize(
    "name",
    ["SERVER_ERROR", "UNAVAILABLE", "RATE_LIMITED", "LOCKED", "CUT_SHORT", "DROPPED", "EMPTY_BODY"],
)
def test_a_renewal_is_retried(name: str, simulator: Simulator, app: OAuthApp, waits: Waits) -> None:
    """
    The token endpoint fails after a 401: it is retried, and no page becomes smaller for that.
    """
    simulator.faults.add(Fault(on=2, path="paged", before=lambda _: app.expire()))
    simulator.faults.add(faults.BY_NAME[name].at(2, path=PATH, times=6))
    pages = list(iter_paged(build_client(simulator, waits), PageSizes(), 0))
    assert sum(len(page.engagements) for page in pages) == 600
    statuses = [request.status for request in simulator.requests if request.path == PAGED]
    assert statuses == [200, 401, 200, 200]
    assert refreshes(simulator) == 1 + 6 + 1
    assert len(waits.slept) >= 6


def test_a_renewal_waits_as_long_as_hubspot_asks(
    simulator: Simulator, app: OAuthApp, waits: Waits
) -> None:
    """
    Retry-After of the token endpoint counts.
    """
    limited = replace(rate_limited(), headers={"Retry-After": "7"})
    simulator.faults.add(Fault(path=PATH, response=limited))
    list(iter_paged(build_client(simulator, waits), PageSizes(), 0))
    assert waits.slept == [7.0]


def test_a_refused_renewal_is_not_retried(
    simulator: Simulator, app: OAuthApp, waits: Waits
) -> None:
    """
    A refresh token that was revoked during the run ends it at once, with what to check.
    """

    def revoke(_: Portal) -> None:
        app.expire()
        app.refresh_token = "another"

    simulator.faults.add(Fault(on=2, path="paged", before=revoke))
    with pytest.raises(AuthError, match="check client_id, client_secret and refresh_token"):
        list(iter_paged(build_client(simulator, waits), PageSizes(), 0))
    assert refreshes(simulator) == 2
    assert waits.slept == []


@pytest.mark.parametrize("name", ["UNAVAILABLE", "CUT_SHORT", "DROPPED"])
def test_a_write_without_a_token_was_not_sent(
    name: str, simulator: Simulator, app: OAuthApp, waits: Waits
) -> None:
    """
    If the token endpoint fails, HubSpot has not got the write: it is sent once there is a token.
    """
    client = build_client(simulator, waits)
    list(iter_paged(client, PageSizes(), 0))
    app.expire()
    simulator.faults.add(faults.BY_NAME[name].at(path=PATH, times=2))
    note = {"engagement": {"type": "NOTE"}, "metadata": {"body": "text"}}
    created = client.write("POST", ENGAGEMENTS, note, json.loads, once=True)
    assert created.body["engagement"]["type"] == "NOTE"
    statuses = [one.status for one in simulator.requests if one.path == ENGAGEMENTS]
    assert statuses == [401, 200]


def test_a_token_is_renewed_before_it_ends(
    simulator: Simulator, app: OAuthApp, tmp_path: Path
) -> None:
    """
    With less than a minute left a token is not used any more.
    """
    app.expires_in_s = 50
    done = run_tap(simulator, tmp_path, backfill_workers=1)
    assert done.code == 0, done.err
    assert all(request.status == 200 for request in simulator.requests)
    assert refreshes(simulator) > 5


@pytest.mark.parametrize("name", ["client_id", "client_secret", "refresh_token"])
def test_a_refused_refresh_is_an_error(simulator: Simulator, tmp_path: Path, name: str) -> None:
    """
    Wrong OAuth settings end the run with a line that names them.
    """
    done = run_tap(simulator, tmp_path, **{name: "wrong"})
    assert done.code == 1
    assert "check client_id, client_secret and refresh_token" in done.err


def test_half_a_set_of_credentials_is_named(simulator: Simulator, tmp_path: Path) -> None:
    """
    OAuth needs three keys, and none of them beside an access_token.
    """
    half = run_tap(simulator, tmp_path, refresh_token=None)
    assert half.code == 2
    assert "refresh_token: missing" in half.err
    both = run_tap(simulator, tmp_path, access_token="pat-na1-x")
    assert both.code == 2
    assert "not both" in both.err


def test_secrets_are_shown_nowhere(simulator: Simulator, app: OAuthApp, tmp_path: Path) -> None:
    """
    Neither output, nor log, nor state contains a secret or a token.
    """
    outcomes = [
        run_tap(simulator, tmp_path),
        run_tap(simulator, tmp_path, "--check"),
        run_tap(simulator, tmp_path, refresh_token="wrong-refresh-token"),
    ]
    for secret in (*SECRETS.values(), *app.tokens, "wrong-refresh-token"):
        for done in outcomes:
            assert secret not in done.out + done.err


def test_check_says_what_is_missing(tmp_path: Path) -> None:
    """
    --check names the portal, and for each stream whether the token may read that.
    """
    scopes = ["crm.objects.contacts.read", "sales-email-read"]
    config = tmp_path / "config.json"
    with Simulator(Portal.june_2018(), scopes=scopes) as simulator:
        config.write_text(json.dumps({"base_url": simulator.url, "access_token": "pat-test"}))
        done = run_program("tap-hubspot-engagements", "--check", "--config", config)
        assert done.code == 0, done.err
        assert "portal 62515" in done.out
        assert "engagements: can be read" in done.out
        assert "grant the token crm.objects.owners.read" in done.out
    with Simulator(Portal.june_2018(), scopes=[]) as simulator:
        config.write_text(json.dumps({"base_url": simulator.url, "access_token": "pat-test"}))
        refused = run_program("tap-hubspot-engagements", "--check", "--config", config)
        assert refused.code == 1
