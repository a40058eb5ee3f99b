"""The resources of every benchmark: a server, a folder, and the tap with a portal."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.measure import Run, Usage
from demo.portal import TOKEN, ServedPortal
from private_servers.server import PrivateServer
from private_servers.shell import PROGRAMS

TAP = PROGRAMS / "tap-hubspot-engagements"
TARGET = PROGRAMS / "target-mysql"
# The buffer pool holds all rows: no benchmark measures the disk.
SERVER_OPTIONS = ("--innodb-buffer-pool-size=4G", "--innodb-log-file-size=1G")
NO_LIMIT = 10_000  # requests in ten seconds: benchmarks measure the tap, not HubSpot's limit
CATALOG = Path(__file__).parents[1] / "catalog.json"


@dataclass(frozen=True)
class Bench:
    """A server, and a folder for files."""

    server: PrivateServer
    folder: Path


@dataclass(frozen=True)
class Tap:
    """
    The tap, reading from `portal`; `settings` are added to the configuration.

    `streams` are the streams to select, empty for all; `state` is the file of a state to start at.
    """

    folder: Path
    portal: ServedPortal
    settings: dict[str, Any] = field(default_factory=dict)
    streams: Sequence[str] = ()
    state: Path | None = None

    def command(self) -> list[str | Path]:
        """Return the command line, and write the configuration and the catalog."""
        config = self._file("config", self._config())
        command: list[str | Path] = [
            TAP,
            "--config",
            config,
            "--catalog",
            self._file("catalog", self._catalog()),
        ]
        return [*command, "--state", self.state] if self.state else command

    def run(self, out: Path | None = None) -> Usage:
        """Run the tap to the end, messages into `out`; the usage includes the requests."""
        log = self.folder / "tap.log"
        with log.open("w") as stderr, (out or Path("/dev/null")).open("wb") as stdout:
            run = Run(self.command(), {}, stdout=stdout, stderr=stderr, server=self.portal.pid)
            usage = run.usage()
        return replace(usage, requests=requests_of(log))

    def sync(self, name: str) -> Path:
        """Run the tap once; returns the file of the last state."""
        out = self.folder / f"{name}.jsonl"
        self.run(out)
        state = keep_state(out)
        out.unlink()
        return state

    def _config(self) -> dict[str, Any]:
        settings = {"requests_per_10_seconds": NO_LIMIT, **self.settings}
        return {"access_token": TOKEN, "base_url": self.portal.url, **settings}

    def _catalog(self) -> dict[str, Any]:
        catalog: dict[str, Any] = json.loads(CATALOG.read_text(encoding="utf-8"))
        entries = [
            entry
            for entry in catalog["streams"]
            if not self.streams or entry["tap_stream_id"] in self.streams
        ]
        return {"streams": entries}

    def _file(self, name: str, content: dict[str, Any]) -> Path:
        path = self.folder / f"tap_{name}.json"
        path.write_text(json.dumps(content))
        return path


@dataclass(frozen=True)
class Pipe:
    """`tap | target-mysql`, into a database of `server`."""

    tap: Tap
    server: PrivateServer
    database: str

    def run(self) -> Usage:
        """
        Run both programs to the end.

        Returns the wall time of both, the sums of CPU time and peak memory, and the requests.
        """
        log = self.tap.folder / "pipe.log"
        environment = {**self.server.environment(), "TARGET_MYSQL_DATABASE": self.database}
        began_s = time.monotonic()
        with log.open("wb") as stderr:
            tap = Run(self.tap.command(), {}, stdout=subprocess.PIPE, stderr=stderr)
        assert tap.process.stdout is not None  # PIPE
        with tap.process.stdout as stdin, self._states.open("wb") as stdout:
            target = Run([TARGET], environment, stdin, stdout, server=self.server.pid)
        ours, theirs = tap.usage(), target.usage()
        return Usage(
            time.monotonic() - began_s,
            ours.cpu_s + theirs.cpu_s,
            ours.peak_mb + theirs.peak_mb,
            theirs.server_cpu_s,
            requests_of(log),
        )

    def last_state(self) -> Path:
        """Return the file of the last state that the target wrote."""
        state = self._states.with_suffix(".json")
        state.write_bytes(self._states.read_bytes().splitlines()[-1])
        return state

    @property
    def _states(self) -> Path:
        return self.tap.folder / "pipe.states"


def size_of(default: int) -> int:
    """Return the number of engagements of a large benchmark: ENGAGEMENTS, or the default."""
    return int(os.environ.get("ENGAGEMENTS", default))


def keep_state(messages: Path) -> Path:
    """Write the last state of a tap's messages to a file; returns the path."""
    last = subprocess.run(
        ["tail", "-n", "1", messages], capture_output=True, check=True, text=True
    ).stdout
    state = messages.with_suffix(".state.json")
    state.write_text(json.dumps(json.loads(last)["value"]))
    return state


def requests_of(log: Path) -> int:
    """Return the number of requests in a tap's log."""
    lines = log.read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if '"http_request_count"' in line)
    return int(json.loads(line.partition("METRIC: ")[2])["value"])
