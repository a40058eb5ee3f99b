"""The command `hubspot-engagements sync` on a simulated portal and a database."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import PROGRAMS, TestDatabase, clean_environment
from tests.pipeline import Pipeline
from tests.target.feeding import END_S

PORTAL_SIZE = 500
PAGE = {"page_size": 25, "backfill_workers": 1}  # many small pages, so that a run takes a while


class SyncProcess(subprocess.Popen[bytes]):
    """A sync that a failing test kills: it may wait for what the test no longer does."""

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, *rest)


@dataclass(frozen=True)
class SyncOutcome:
    """The exit code, the summary line, and standard error of a sync."""

    code: int
    summary: dict[str, Any]
    err: str


@dataclass
class SyncRuns:
    """Starts syncs with the configuration `sync.json` in a folder."""

    pipeline: Pipeline

    @property
    def config_path(self) -> Path:
        return self.pipeline.folder / "sync.json"

    @property
    def database(self) -> TestDatabase:
        return self.pipeline.database

    def configure(
        self, simulator: Simulator, target: dict[str, object] | None = None, **tap: object
    ) -> None:
        """Write sync.json; the server's settings come from the environment."""
        self.pipeline.configure(simulator)
        settings = json.loads((self.pipeline.folder / "config.json").read_text()) | tap
        config = {"tap": settings, "target": target or {}, "catalog": "catalog.json"}
        self.config_path.write_text(json.dumps(config))
        self.config_path.chmod(0o600)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        return SyncProcess(
            [PROGRAMS / "hubspot-engagements", "sync", "--config", self.config_path, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment() | self.database.environment | environment,
        )

    def run(self, *arguments: str, **environment: str) -> SyncOutcome:
        return finish(self.start(*arguments, **environment))


def finish(process: subprocess.Popen[bytes]) -> SyncOutcome:
    """Wait for a sync; its standard output is a single line of JSON."""
    out, err = process.communicate(timeout=2 * END_S)
    (line,) = out.decode().splitlines()
    return SyncOutcome(process.returncode, json.loads(line), err.decode())


@contextmanager
def held(simulator: Simulator) -> Iterator[Callable[[], None]]:
    """
    Have the portal respond to the tenth page only when the yielded function is called, or at the
    end: until then a load has some rows, and cannot end.
    """
    may_respond = threading.Event()
    wait = Fault(on=10, path="paged", before=lambda _: may_respond.wait(END_S))
    simulator.faults.add(wait)
    try:
        yield may_respond.set
    finally:
        may_respond.set()


@pytest.fixture
def runs(tmp_path: Path, database: TestDatabase) -> SyncRuns:
    return SyncRuns(Pipeline(tmp_path, database))


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A portal of twenty pages, with the settings of PAGE."""
    with Simulator(Portal.generate(PORTAL_SIZE, seed=11)) as simulator:
        yield simulator


@pytest.fixture
def small() -> Iterator[Simulator]:
    """A portal of 64 engagements, which is read at once."""
    with Simulator(Portal.june_2018()) as simulator:
        yield simulator
