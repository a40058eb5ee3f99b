"""Measures a run of target-hubspot-engagements that has nothing to do, with a large ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.measure import Run, Usage
from hubspot_simulator.portal import PORTAL_ID, Portal
from hubspot_simulator.server import Simulator
from private_servers.shell import PROGRAMS
from target_hubspot_engagements.config import Config
from target_hubspot_engagements.ledger import DONE, Entry, open_ledger
from target_hubspot_engagements.messages import SchemaMessage
from target_hubspot_engagements.source_streams import SourceStream

WRITE_BACK = PROGRAMS / "target-hubspot-engagements"
KEYS = 1_000_000
MOST_S, MOST_MB = 15, 80
ENTRIES = 10_000  # of the ledger that are written at a time
SCHEMA = (
    b'{"type": "SCHEMA", "stream": "calls", "schema": {"properties": {"id": {}}},'
    b' "key_properties": ["id"]}\n'
)


def measure(bench: Bench) -> list[Contest]:
    """Send a million records, all as they were written last."""
    with Simulator(Portal()) as hubspot:
        config = _write_files(bench.folder, hubspot)

        def run() -> Usage:
            with (bench.folder / "calls.singer").open("rb") as lines:
                return Run([WRITE_BACK, "--config", config], {}, stdin=lines).usage()

        name = f"{KEYS:,} unchanged records"
        contenders = [Contender(name, run, records=KEYS)]
        goals = [Goal("wall_s", name, MOST_S), Goal("peak_mb", name, MOST_MB)]
        return [hold("The write-back with nothing to do", KEYS, contenders, goals)]


def _write_files(folder: Path, hubspot: Simulator) -> Path:
    """Write ledger, input and configuration, and return the configuration's path."""
    ledger_path, path = folder / "ledger.sqlite", folder / "write_back.json"
    settings = {
        "access_token": hubspot.token,
        "base_url": hubspot.url,
        "ledger": str(ledger_path),
    }
    path.write_text(json.dumps(settings))
    stream = SourceStream(
        SchemaMessage("calls", ("id",), ("id",)), "calls", Config.from_dict(settings, {})
    )
    ledger = open_ledger(str(ledger_path), is_new=True)
    ledger.set_facts({"portal": str(PORTAL_ID)})
    entries = _entries(stream)
    while some := list(islice(entries, ENTRIES)):
        ledger.put(some)
    ledger.close()
    with (folder / "calls.singer").open("wb") as lines:
        lines.write(SCHEMA)
        for record in _records():
            lines.write(b'{"type": "RECORD", "stream": "calls", "record": %b}\n' % record)
        lines.write(b'{"type": "STATE", "value": {"done": true}}\n')
    return path


def _records() -> Iterator[bytes]:
    """Yield the records as JSON, each of some 250 bytes."""
    for key in range(KEYS):
        yield (
            b'{"id": %d, "hs_timestamp": "2026-11-20T08:00:00.%03dZ", "hs_call_title": "Call %d",'
            b' "hs_call_body": "Spoke to the buyer about the renewal; a quote by Friday.",'
            b' "hs_call_duration": %d, "contactIds": [%d]}'
        ) % (key, key % 1000, key, key, key % 5000)


def _entries(stream: SourceStream) -> Iterator[Entry]:
    for number, record in enumerate(_records(), start=1):
        key, source_hash = stream.identify(record)
        yield Entry(
            "calls",
            key,
            "calls",
            DONE,
            hubspot_id=29_090_000_000 + number,
            source_hash=source_hash,
            payload_hash=b"0123456789abcdef",
            partners={"contacts": [str(number % 5000)]},
        )
