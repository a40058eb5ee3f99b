"""The consequence of each response: an error with the remedy, or a retry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from hubspot_api.client import RETRY_LIMIT_S, HubspotClient
from hubspot_api.exceptions import (
    ApiError,
    AuthError,
    DailyLimitError,
    HubspotError,
    NotFoundError,
    ScopeError,
    TransientError,
)
from hubspot_api.rate_limit import RateLimiter
from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import Config
from tap_hubspot_engagements.v1.endpoints import iter_paged
from tap_hubspot_engagements.v1.page_size import PageSizes

TOKEN = "pat-na1-very-secret"


@dataclass
class Time:
    """A clock that moves by sleeps alone."""

    now_s: float = 0.0
    sleeps: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now_s += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def hubspot() -> Iterator[Simulator]:
    with Simulator(Portal.generate(600, seed=3), token=TOKEN) as simulator:
        yield simulator


@pytest.fixture
def client(hubspot: Simulator, time: Time) -> HubspotClient:
    return build_client(hubspot, time, timeout_s=60)


def build_client(hubspot: Simulator, time: Time, timeout_s: float) -> HubspotClient:
    settings = {"access_token": TOKEN, "base_url": hubspot.url, "request_timeout": timeout_s}
    rate_limiter = RateLimiter(10_000, time.clock, time.sleep)
    return HubspotClient(Config.from_dict(settings, {}), rate_limiter, time.clock)


def read_all(client: HubspotClient) -> list[int]:
    pages = iter_paged(client, PageSizes(), 0)
    return [one.id for page in pages for one in page.engagements]


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (faults.UNDECODABLE_TOKEN, AuthError, "check access_token"),
        (faults.NO_CREDENTIALS, AuthError, "check access_token"),
        (faults.MISSING_SCOPES, ScopeError, "grant the token crm.objects.contacts.read"),
        (faults.BAD_PARAMETER, HubspotError, "correlationId"),
        (faults.NOT_FOUND, NotFoundError, "404 resource not found"),
        (faults.DAILY_LIMIT_REACHED, DailyLimitError, "midnight in the portal's time zone"),
    ],
)
def test_refusals_are_not_asked_again(
    hubspot: Simulator, client: HubspotClient, fault: Fault, error: type[Exception], said: str
) -> None:
    """
    A permanent refusal is an error at once, with the remedy.
    """
    hubspot.faults.add(fault)
    with pytest.raises(error, match=said):
        read_all(client)
    assert len(hubspot.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        faults.LOCKED,
        faults.MIGRATING,
        faults.SERVER_ERROR,
        faults.BAD_GATEWAY,
        faults.UNAVAILABLE,
        faults.GATEWAY_TIMEOUT,
        faults.ORIGIN_TIMEOUT,
        faults.NOT_JSON,
        faults.BROKEN_JSON,
        faults.EMPTY_BODY,
        faults.CUT_SHORT,
        faults.DROPPED,
        faults.RATE_LIMITED,
        faults.RATE_LIMITED_SECONDLY,
    ],
)
def test_what_may_pass_is_asked_again(
    hubspot: Simulator, client: HubspotClient, time: Time, fault: Fault
) -> None:
    """
    A passing fault on any page costs time and no engagement.
    """
    expected = [record["engagement"]["id"] for record in hubspot.portal.records()]
    hubspot.faults.add(fault.at(2))
    assert read_all(client) == expected
    assert client.retries == 1
    assert len(hubspot.requests) == 4
    assert len(time.sleeps) <= 1


def test_a_page_that_does_not_come_is_asked_again(hubspot: Simulator, time: Time) -> None:
    """
    An answer that is not there in time costs no engagement either.
    """
    expected = [record["engagement"]["id"] for record in hubspot.portal.records()]
    hubspot.faults.add(Fault(delay_s=60).at(2))
    client = build_client(hubspot, time, timeout_s=1)
    assert read_all(client) == expected
    assert client.retries >= 1  # on a slow machine others may be late, too


@pytest.mark.parametrize(
    ("fault", "waited_s"),
    [
        (faults.RATE_LIMITED, 10.0),
        (faults.RATE_LIMITED_SECONDLY, 1.0),
        (faults.RATE_LIMITED_WITH_RETRY_AFTER, 1.0),
        (faults.MIGRATING, 1.0),
    ],
)
def test_waits_as_long_as_hubspot_asks(
    hubspot: Simulator, client: HubspotClient, time: Time, fault: Fault, waited_s: float
) -> None:
    """
    Retry-After is obeyed; without it a rate limit waits until the window has passed.
    """
    hubspot.faults.add(fault)
    read_all(client)
    assert time.sleeps == [waited_s]


def test_retries_end(hubspot: Simulator, client: HubspotClient, time: Time) -> None:
    """
    A fault that does not pass is given up in bounded time, and excinfo.
    """
    hubspot.faults.add(faults.SERVER_ERROR.at(times=None))
    with pytest.raises(TransientError, match="500 internal error"):
        read_all(client)
    assert time.now_s <= RETRY_LIMIT_S
    assert client.retries > 5


def test_pages_shrink_and_grow(hubspot: Simulator, client: HubspotClient) -> None:
    """
    After two failures in a row the page shrinks; responses let the page grow again.
    """
    hubspot.faults.add(faults.SERVER_ERROR.at(1, times=4))
    ids = read_all(client)
    limits = [int(request.params["limit"]) for request in hubspot.requests]
    assert limits[:5] == [250, 250, 125, 62, 31]
    assert limits[5] > 31
    assert ids == [record["engagement"]["id"] for record in hubspot.portal.records()]


def test_at_most_so_many_requests_in_ten_seconds(time: Time) -> None:
    """
    In no window of ten seconds do more requests begin than allowed, and none is held for longer.
    """
    rate_limiter = RateLimiter(5, time.clock, time.sleep)
    began = []
    for number in range(40):
        with rate_limiter.slot():
            began.append(time.now_s)
        time.now_s += (number % 7) * 0.3
    for start in began:
        assert sum(start <= at < start + 10 for at in began) <= 5
    assert began[-1] < 90


def test_the_token_is_shown_nowhere(hubspot: Simulator, client: HubspotClient) -> None:
    """
    Neither the configuration nor any error contains the token.
    """
    config = Config.from_dict({"access_token": TOKEN, "base_url": hubspot.url}, {})
    assert TOKEN not in repr(config)
    for fault in (faults.UNDECODABLE_TOKEN, faults.BAD_PARAMETER, faults.MISSING_SCOPES):
        hubspot.faults.add(fault)
        with pytest.raises(ApiError) as excinfo:
            read_all(client)
        assert TOKEN not in f"{excinfo.value!r} {excinfo.value.__cause__!r}"
