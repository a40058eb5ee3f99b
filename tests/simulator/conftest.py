"""The fixtures of every simulator test: a served portal, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator

NOW_MS = 1_795_161_600_000  # 2026-11-20T08:00:00Z
ENGAGEMENTS = "/engagements/v1/engagements"
PAGED = f"{ENGAGEMENTS}/paged"
RECENT = f"{ENGAGEMENTS}/recent/modified"
CHANGED = f"{ENGAGEMENTS}/modified/after"
# Real responses of HubSpot's demo portal, beside a development checkout; absent elsewhere.
RECORDINGS = Path(__file__).parents[3] / "shared" / "hubspot" / "recordings"

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recorded responses are not beside this checkout"
)


class Clock:
    """A portal's clock, which tests move by `now_ms`."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


class Hubspot:
    """A served portal, and a session that sends the right token."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {simulator.token}"

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.simulator.url + path, timeout=60, **options)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.request("GET", path, params=params)

    def json(self, path: str, **params: Any) -> Any:
        response = self.get(path, **params)
        assert response.status_code == 200, response.text
        return response.json()


Serve = Callable[..., Hubspot]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def portal(clock: Clock) -> Portal:
    """An empty portal whose clock stands still."""
    return Portal(clock)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a portal until the test ends: `serve(portal, **options)`."""
    with ExitStack() as stack:

        def start(portal: Portal, **options: Any) -> Hubspot:
            hubspot = Hubspot(stack.enter_context(Simulator(portal, **options)))
            stack.callback(hubspot.session.close)
            return hubspot

        yield start


def note(record_id: int, **inner: Any) -> dict[str, Any]:
    """Return a small note for `Portal.create`."""
    return {
        "engagement": {"id": record_id, "type": "NOTE", **inner},
        "associations": {"contactIds": []},
        "attachments": [],
        "metadata": {"body": f"note {record_id}"},
    }


def ids(body: dict[str, Any]) -> list[int]:
    """Return the ids on a page."""
    return [record["engagement"]["id"] for record in body["results"]]
