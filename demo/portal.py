"""The portal of the demo as a separate process, and edits over the portal's API."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import requests

from private_servers.shell import DemoError

TOKEN = "demo-token"
ENGAGEMENTS = "/engagements/v1/engagements"
STOP_TIMEOUT_S = 60.0
REQUEST_TIMEOUT_S = 60.0


@dataclass
class ServedPortal:
    """
    A portal on a free loopback port; the context manager starts and stops the process.

    `module` is the Python module that serves the portal, with the simulator's options.
    """

    arguments: tuple[str, ...]
    module: str = "hubspot_simulator"
    url: str = ""
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> ServedPortal:
        command = [sys.executable, "-m", self.module, "--port", "0", "--token", TOKEN]
        self._process = subprocess.Popen(
            [*command, *self.arguments], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None  # it was asked for
        self.url = self._process.stdout.readline().strip()
        if not self.url:  # it has ended, and said why on stderr, which is ours
            raise DemoError(f"the portal did not start: exit code {self._process.wait()}")
        return self

    @property
    def pid(self) -> int | None:
        """The process id of a portal that is served."""
        return self._process.pid if self._process else None

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=STOP_TIMEOUT_S)

    def create(self, engagement: dict[str, Any]) -> int:
        """Log an engagement; returns the id."""
        return int(self._ask("POST", ENGAGEMENTS, engagement)["engagement"]["id"])

    def update(self, engagement_id: int, change: dict[str, Any]) -> None:
        self._ask("PATCH", f"{ENGAGEMENTS}/{engagement_id}", change)

    def delete(self, engagement_id: int) -> None:
        self._ask("DELETE", f"{ENGAGEMENTS}/{engagement_id}", None)

    def first(self, kind: str) -> int:
        """Return the id of the first engagement of type `kind`."""
        results = self._ask("GET", f"{ENGAGEMENTS}/paged?limit=250", None)["results"]
        return next(
            int(one["engagement"]["id"]) for one in results if one["engagement"]["type"] == kind
        )

    def contact_of(self, kind: str) -> int:
        """Return a contact of an engagement of type `kind`."""
        results = self._ask("GET", f"{ENGAGEMENTS}/paged?limit=250", None)["results"]
        return next(
            int(one["associations"]["contactIds"][0])
            for one in results
            if one["engagement"]["type"] == kind and one["associations"]["contactIds"]
        )

    def ids(self, most: int) -> list[int]:
        """Return the lowest ids, `most` of them."""
        ids: list[int] = []
        has_more, offset = True, 0
        while has_more and len(ids) < most:
            page = self._ask("GET", f"{ENGAGEMENTS}/paged?limit=250&offset={offset}", None)
            ids += [int(one["engagement"]["id"]) for one in page["results"]]
            has_more, offset = page["hasMore"], page["offset"]
        return ids[:most]

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        answer = requests.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=REQUEST_TIMEOUT_S,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None
