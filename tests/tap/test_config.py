"""The configuration: every fault named, all at once; typed from then on."""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_hubspot_engagements.config import Config, defaults
from tap_hubspot_engagements.exceptions import ConfigError
from tap_hubspot_engagements.times import parse_moment
from tests.tap.conftest import TOKEN


def read(environment: dict[str, str] | None = None, **settings: Any) -> Config:
    return Config.from_dict(settings, environment or {})


def test_defaults() -> None:
    """
    A token is enough.
    """
    config = read(access_token=TOKEN)
    assert config == Config(
        access_token=TOKEN,
        start_date=None,
        user_agent="tap-hubspot-engagements",
        base_url="https://api.hubapi.com",
        request_timeout=300.0,
        page_size=None,
        lookback_seconds=3600.0,
        requests_per_10_seconds=100,
    )
    shown = {name: default for name, (default, _) in defaults().items()}
    assert shown.pop("access_token") is None
    assert shown == {name: getattr(config, name) for name in shown}


def test_all_faults_at_once() -> None:
    """
    Every fault of a file is named in a single error, key by key.
    """
    with pytest.raises(ConfigError) as excinfo:
        read(
            hapikey="abc",
            start_date="yesterday",
            user_agent="",
            base_url="hubapi.com",
            request_timeout=0,
            page_size=1.5,
            lookback_seconds=-1,
            requests_per_10_seconds="many",
        )
    text = str(excinfo.value)
    for fault in (
        "hapikey: HubSpot ended API keys on 2022-11-30; use access_token",
        "access_token: missing, in the config and in $HUBSPOT_ACCESS_TOKEN",
        "start_date: must be an RFC 3339 date-time",
        "user_agent: must be a non-empty ASCII string on one line",
        "base_url: must be a URL such as https://api.hubapi.com",
        "request_timeout: must be a number of seconds from 0.1 to 86400",
        "page_size: must be a whole number of engagements from 1 to 1000",
        "lookback_seconds: must be a number of seconds from 0 to 2.592e+06",
        "requests_per_10_seconds: must be a whole number of requests from 1 to 10000",
    ):
        assert fault in text
    assert "\n" not in text


@pytest.mark.parametrize("value", [True, [], {}, "x", "", float("nan"), float("inf"), 10**400, -5])
@pytest.mark.parametrize(
    "name", ["request_timeout", "page_size", "lookback_seconds", "requests_per_10_seconds"]
)
def test_what_is_no_number(name: str, value: object) -> None:
    """
    Whatever is no number of the right size is refused by name.
    """
    with pytest.raises(ConfigError, match=f"configuration: {name}: must be"):
        Config.from_dict({"access_token": TOKEN, name: value}, {})


def test_numbers_as_text() -> None:
    """
    A number may be given as text, as settings from environments are.
    """
    config = read(access_token=TOKEN, page_size="100", request_timeout="1.5")
    assert (config.page_size, config.request_timeout) == (100, 1.5)


@pytest.mark.parametrize(
    "token", ["", "  ", 5, True, ["x"], "two words", "pat\nna1", "pät", "a\x00b", "a\tb"]
)
def test_what_is_no_token(token: object) -> None:
    """
    Values that no header can hold are refused, and not shown.
    """
    with pytest.raises(ConfigError) as excinfo:
        read(access_token=token)
    assert str(excinfo.value) == (
        "configuration: access_token: must be the token of a private app, or a service key"
    )


def test_the_token_of_the_environment() -> None:
    """
    Without access_token in the config, the environment's is used; the config's goes first.
    """
    environment = {"HUBSPOT_ACCESS_TOKEN": f"{TOKEN}\n"}
    assert read(environment).access_token == TOKEN
    assert read(environment, access_token=None).access_token == TOKEN
    assert read(environment, access_token="other").access_token == "other"
    with pytest.raises(ConfigError, match="access_token: missing"):
        read({"HUBSPOT_ACCESS_TOKEN": ""})


def test_the_token_is_not_in_the_repr() -> None:
    """
    A configuration may be shown.
    """
    assert TOKEN not in repr(read(access_token=TOKEN))


@pytest.mark.parametrize("agent", ["", " ", 5, "a\nb", "Ünicode", "\x7f"])
def test_what_is_no_user_agent(agent: object) -> None:
    """
    Values that no header can hold are refused before any request.
    """
    with pytest.raises(ConfigError, match="user_agent"):
        read(access_token=TOKEN, user_agent=agent)
    assert read(access_token=TOKEN, user_agent=" me <me@x.example> ").user_agent[:2] == "me"


@pytest.mark.parametrize(
    "url",
    [
        *("api.hubapi.com", "ftp://api.hubapi.com", "https://", "https://:80", "http://x:port"),
        *("http://[::1", "https://api.hubapi.com?hapikey=x", "https://x/#y", 5, None or []),
    ],
)
def test_what_is_no_base_url(url: object) -> None:
    """
    An impossible request is refused at once, without ten minutes of retries.
    """
    with pytest.raises(ConfigError, match="base_url: must be a URL"):
        read(access_token=TOKEN, base_url=url)


def test_base_url() -> None:
    """
    Slashes at the end do not count.
    """
    for url in ("http://127.0.0.1:8080", "https://api.hubapi.com", "https://proxy.example/hubspot"):
        assert read(access_token=TOKEN, base_url=f"{url}//").base_url == url


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T00:00:00Z", datetime(2026, 1, 31, tzinfo=timezone.utc)),
        ("2026-01-31T00:00:00z", datetime(2026, 1, 31, tzinfo=timezone.utc)),
        ("2026-01-31T01:00:00.250000+01:00", datetime(2026, 1, 31, 0, 0, 0, 250000, timezone.utc)),
        ("2026-01-31T00:00:00", datetime(2026, 1, 31, tzinfo=timezone.utc)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=timezone.utc)),
    ],
)
def test_start_date(text: str, moment: datetime) -> None:
    """
    A date-time with a zone, or without one in UTC, or a day from midnight on.
    """
    assert read(access_token=TOKEN, start_date=text).start_date == moment


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "",
        "2026",
        "2026-13-01",
        1795161600,
        True,
        "0001-01-01T00:00:00+14:00",
        "Z" * 20,
    ],
)
def test_what_is_no_start_date(text: object) -> None:
    """
    Anything else is refused, moments that no calendar holds included.
    """
    with pytest.raises(ConfigError, match="start_date: must be an RFC 3339 date-time"):
        read(access_token=TOKEN, start_date=text)


def test_a_start_date_in_the_future() -> None:
    """
    Nothing would ever be replicated: that is a mistake.
    """
    later = datetime.now(timezone.utc) + timedelta(days=2)
    with pytest.raises(ConfigError, match="start_date: lies in the future"):
        read(access_token=TOKEN, start_date=later.isoformat())
    today = datetime.now(timezone.utc) + timedelta(hours=1)
    assert read(access_token=TOKEN, start_date=today.isoformat()).start_date == today


def test_unknown_keys(caplog: pytest.LogCaptureFixture) -> None:
    """
    An unknown key is a warning that names the nearest known key.
    """
    with caplog.at_level(logging.WARNING):
        read(access_token=TOKEN, page_sice=5, zzz=1, disable_collection=True)
    assert caplog.messages == [
        "unknown config key page_sice: did you mean page_size?",
        "unknown config key zzz",
        "unknown config key disable_collection",
    ]


def test_null_is_not_given() -> None:
    """
    A null is the default.
    """
    assert read(access_token=TOKEN, page_size=None, start_date=None, hapikey=None).page_size is None


@given(value=st.text())
def test_any_text_is_a_moment_or_a_value_error(value: str) -> None:
    """
    Nothing else is ever raised for a text that is no date-time.
    """
    with contextlib.suppress(ValueError):
        assert parse_moment(value).tzinfo is timezone.utc
