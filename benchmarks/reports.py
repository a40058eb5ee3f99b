"""How long each report takes over 500,000 engagements of three years, and of the last 60 days."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import Run
from demo.private_server import PrivateServer
from demo.shell import PROGRAMS

ENGAGEMENTS = 500_000
DAYS = 3 * 365
LAST_DAY = date(2025, 12, 31)
END_MS = 1_767_225_600_000  # when LAST_DAY is over
DAY_MS = 86_400_000
CONTACTS = 20_000
OWNERS = 40
KINDS = ("CALL", "EMAIL", "EMAIL", "INCOMING_EMAIL", "MEETING", "NOTE", "NOTE", "TASK")
DETAILS = {
    "CALL": "engagement_calls",
    "EMAIL": "engagement_emails",
    "INCOMING_EMAIL": "engagement_emails",
    "MEETING": "engagement_meetings",
    "NOTE": "engagement_notes",
    "TASK": "engagement_tasks",
}
REPORTS = "daily rolling owners calls meetings hours first-response quality".split()
SCHEMAS = Path(__file__).parents[1] / "tap_hubspot_engagements" / "schemas"
KEYS = {
    "engagements": ["id"],
    "engagement_associations": ["engagementId", "objectType", "objectId"],
    "call_dispositions": ["id"],
    "owners": ["id"],
    **dict.fromkeys([*DETAILS.values(), "engagement_other"], ["engagementId"]),
}
ZONE = ("--tz", "America/New_York")  # offsets that change: what costs most
LAST_60 = ("--from", str(LAST_DAY - timedelta(days=59)), "--to", str(LAST_DAY))


def measure(folder: Path, server: PrivateServer) -> None:
    """Print the seconds of each report, with the indexes that `index` makes and without."""
    environment = {**server.environment(), "TARGET_MYSQL_DATABASE": "reports"}
    print(f"\nReports on {ENGAGEMENTS:,} engagements of {DAYS} days, wall s, start included")
    started_s = time.monotonic()
    _load(environment)
    print(f"{'(loaded in':34}{time.monotonic() - started_s:9.1f} s)")
    print(f"{'':34}{'all':>9}{'60 days':>9}{'indexed':>9}{'60 days':>9}")
    without = _times(environment)
    _run(environment, "index")
    for name, indexed in _times(environment).items():
        both = (*without[name], *indexed)
        print(f"{name:34}{''.join(f'{seconds:9.2f}' for seconds in both)}")
    page = str(folder / "report.html")
    print(f"{'a page of the last 90 days':34}{_run(environment, '--html', page, *ZONE):36.2f}")


def _times(environment: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Return each report's seconds over all days, and over the last 60."""
    return {
        name: (_run(environment, name, *ZONE), _run(environment, name, *ZONE, *LAST_60))
        for name in REPORTS
    }


def _run(environment: Mapping[str, str], *arguments: str) -> float:
    command = [PROGRAMS / "engagements-report", *arguments, "--format", "csv"]
    return Run(command, environment, stderr=subprocess.DEVNULL).usage().wall_s


def _load(environment: Mapping[str, str]) -> None:
    run = Run([PROGRAMS / "target-mysql"], environment, stdin=subprocess.PIPE)
    assert run.process.stdin is not None  # it was asked for
    run.process.stdin.writelines(_lines())
    run.process.stdin.close()
    run.usage()


def _lines() -> Iterator[bytes]:
    """Yield a portal's messages: what the reports look at, and texts of a usual length."""
    for stream, keys in KEYS.items():
        schema = json.loads((SCHEMAS / f"{stream}.json").read_text())
        if stream not in ("engagements", "call_dispositions", "owners"):
            schema["x-parent"] = {"stream": "engagements", "keys": {"engagementId": "id"}}
        message = {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": keys}
        yield json.dumps(message).encode() + b"\n"
    for nth in range(6):
        yield _record("call_dispositions", {"id": f"disposition-{nth}", "label": f"Label {nth}"})
    for nth in range(OWNERS):
        yield _record("owners", {"id": nth + 1, "firstName": "Ada", "lastName": f"{nth}"})
    rng = random.Random(7)
    for number in range(ENGAGEMENTS):
        yield from _engagement(rng, number)


def _engagement(rng: random.Random, number: int) -> Iterator[bytes]:
    kind = rng.choice(KINDS)
    at_ms = END_MS - DAYS * DAY_MS + int(DAYS * DAY_MS * (number + rng.random()) / ENGAGEMENTS)
    contacts = sorted({rng.randrange(CONTACTS) for _ in range(rng.choice((0, 1, 1, 2)))})
    inner = {"id": 10**10 + number, "active": True, "createdAt": at_ms, "lastUpdated": at_ms}
    text = {"bodyPreview": "x" * 200, "associations": {"contactIds": contacts}}
    owner = {"ownerId": rng.randrange(OWNERS + 1)}
    yield _record("engagements", {**inner, "timestamp": at_ms, "type": kind, **owner, **text})
    yield _record(DETAILS[kind], {"engagementId": 10**10 + number, **_details(rng, kind, at_ms)})
    for contact in contacts:
        tie = {"objectType": "contact", "objectId": contact}
        yield _record("engagement_associations", {"engagementId": 10**10 + number, **tie})


def _details(rng: random.Random, kind: str, at_ms: int) -> dict[str, Any]:
    body = "x" * rng.randrange(100, 900)
    if kind == "CALL":
        disposition = f"disposition-{rng.randrange(6)}"
        return {"disposition": disposition, "durationMilliseconds": rng.randrange(10**6)}
    if kind == "MEETING":
        outcome = rng.choice(("COMPLETED", "NO_SHOW", "CANCELED", None))
        return {"meetingOutcome": outcome, "startTime": at_ms, "endTime": at_ms + 1_800_000}
    if kind == "TASK":
        return {"status": rng.choice(("COMPLETED", "NOT_STARTED")), "body": body}
    return {"body": body} if kind == "NOTE" else {"html": body, "text": body}


def _record(stream: str, record: dict[str, Any]) -> bytes:
    return json.dumps({"type": "RECORD", "stream": stream, "record": record}).encode() + b"\n"
