"""Taps to be timed: a portal that all of them can read, ours, and other people's."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

from benchmarks.bench import Tap, keep_state
from benchmarks.contest import Contender
from benchmarks.measure import Run, Usage
from benchmarks.programs import even_portal, v3
from demo.portal import ServedPortal

REDIRECT = Path(__file__).parent / "programs" / "redirect"
TIMEOUT_S = 10.0
V3_STREAMS = tuple(dict.fromkeys(v3.KINDS.values()))
# What is one record an engagement, of any tap. Airbyte puts the stream's name inside the record.
STREAMS = "|".join(("engagements", *V3_STREAMS)).encode()
RECORD = re.compile(
    rb'\{"type": ?"RECORD", ?(?:"stream": ?"|"record":\{"stream":"(?:engagements_)?)(?:%b)"'
    % STREAMS
)

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Peer:
    """
    Another tap: its program, its configuration, and the streams that it is to select.

    `takes_catalog` is the option by which it is told so.
    """

    name: str
    program: Path
    config: Mapping[str, Any]
    streams: Sequence[str]
    takes_catalog: str = "--catalog"

    def with_config(self, name: str, **config: Any) -> Peer:
        """Return the same tap, configured otherwise."""
        return replace(self, name=name, config={**self.config, **config})


@dataclass(frozen=True)
class Track:
    """A portal for the taps, and a folder for their files."""

    portal: ServedPortal
    folder: Path

    def contender(self, name: str, command: Callable[[], Command], records: range) -> Contender:
        """Return a tap; how many engagements it writes is to be one of `records`."""

        def run() -> Usage:
            usage = self.run(command())
            written = self._engagements()
            if written not in records:
                raise RuntimeError(f"{name} wrote {written} engagements, not one of {records}")
            return usage

        return Contender(name, run)

    def run(self, command: Command) -> Usage:
        """Run a tap to its end; it is the portal that counts the requests."""
        before = self._asked()
        with (
            self._messages.open("wb") as stdout,
            (self.folder / "taps.log").open("wb") as stderr,
        ):
            usage = Run(command, {}, stdout=stdout, stderr=stderr, server=self.portal.pid).usage()
        return replace(usage, requests=self._asked() - before - 1)

    def state_after(self, name: str, command: Command) -> Path:
        """Run a tap; returns a file of its last state."""
        self.run(command)
        return keep_state(self._messages.rename(self.folder / f"{name}.jsonl"))

    def ours(self, **options: Any) -> Tap:
        """Return our tap with the options that Tap has."""
        return Tap(self.folder, self.portal, **options)

    def command(self, peer: Peer, *arguments: str | Path) -> Command:
        """Return the command line of another tap, and write the configuration that it names."""
        config = self.file(f"{peer.name}.json", peer.config)
        return self.redirected(peer.program, "--config", config, *arguments)

    def redirected(self, *command: str | Path) -> Command:
        """Return the command line of a program whose requests to HubSpot go to the portal."""
        return ["env", f"PYTHONPATH={REDIRECT}", f"HUBSPOT_URL={self.portal.url}", *command]

    def file(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write a file of JSON into the folder."""
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def sync(self, peer: Peer, state: Path | None = None) -> Command:
        """Return the command line of another tap's sync, from a state where one is given."""
        from_state = ("--state", state) if state else ()
        return self.command(peer, peer.takes_catalog, self._catalog(peer), *from_state)

    def _catalog(self, peer: Peer) -> Path:
        """Return a file of what a tap discovers: its streams selected, all others left out."""
        path = self.folder / f"{peer.name}.catalog.json"
        if not path.exists():
            discover = self.command(peer, "--discover")
            found = subprocess.run(discover, capture_output=True, check=True).stdout
            chosen = [
                one for one in json.loads(found)["streams"] if one["tap_stream_id"] in peer.streams
            ]
            for entry in (entry for one in chosen for entry in one["metadata"]):
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = True
            path.write_text(json.dumps({"streams": chosen}))
        return path

    @property
    def _messages(self) -> Path:
        return self.folder / "taps.jsonl"

    def _asked(self) -> int:
        """Return how often the portal was asked, this time included."""
        answer = requests.get(self.portal.url + even_portal.COUNT, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return int(answer.json())

    def _engagements(self) -> int:
        with self._messages.open("rb") as lines:
            return sum(RECORD.match(line) is not None for line in lines)
