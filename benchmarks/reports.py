"""Measures each report over 500,000 engagements of three years, and of the last 60 days."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.measure import Run, Usage
from private_servers.shell import PROGRAMS

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
REPORTS = (
    "daily rolling owners calls meetings hours first-response quality changes teams tasks outcomes"
    " response touches measures"
).split()
SCHEMAS = Path(__file__).parents[1] / "tap_hubspot_engagements" / "schemas"
KEYS = {
    "engagements": ["id"],
    "engagement_associations": ["engagementId", "objectType", "objectId"],
    "call_dispositions": ["id"],
    "owners": ["id"],
    **dict.fromkeys([*DETAILS.values(), "engagement_other"], ["engagementId"]),
}
ZONE = ("--tz", "America/New_York")  # changing offsets are the slowest case
CSV = ("--format", "csv")
LAST_WEEK = ("--from", str(LAST_DAY - timedelta(days=6)), "--to", str(LAST_DAY))
LAST_90 = ("--from", str(LAST_DAY - timedelta(days=89)), "--to", str(LAST_DAY))
LAST_60 = ("--from", str(LAST_DAY - timedelta(days=59)), "--to", str(LAST_DAY))
PERIODS = (("all days", 10.0, ()), ("the last 60 days", 0.5, LAST_60))  # and most seconds


def measure(bench: Bench) -> list[Contest]:
    """Run each report, first without and then with the indexes that `index` creates."""
    environment = {**bench.server.environment(), "TARGET_MYSQL_DATABASE": "reports"}
    load(environment, ENGAGEMENTS, DAYS)
    contests = [_hold(environment, "", *period) for period in PERIODS]
    _run(environment, "index")
    contests += [_hold(environment, ", with the indexes", *period) for period in PERIODS]
    file = bench.folder / "report.html"

    def page(name: str, days: Sequence[str]) -> Contender:
        return Contender(name, lambda: _run(environment, "html", str(file), *ZONE, *days))

    pages = [page("a week", LAST_WEEK), page("90 days", LAST_90)]
    return [
        *contests,
        hold("The page of the last week, and of the last 90 days", 1, pages, compared=False),
    ]


def _hold(
    environment: Mapping[str, str], how: str, period: str, most_s: float, arguments: Sequence[str]
) -> Contest:
    def contender(report: str) -> Contender:
        return Contender(report, lambda: _run(environment, report, *CSV, *ZONE, *arguments))

    question = f"Reports on {period}, of {ENGAGEMENTS:,} engagements of {DAYS:,} days{how}"
    # Without the indexes, the only promise is the time of all days.
    goals = [Goal("wall_s", one, most_s) for one in REPORTS] if how or not arguments else []
    return hold(question, 1, [contender(one) for one in REPORTS], goals, compared=False)


def _run(environment: Mapping[str, str], *arguments: str) -> Usage:
    command: list[str | Path] = [PROGRAMS / "engagements-report", *arguments]
    return Run(command, environment).usage()


def load(environment: Mapping[str, str], engagements: int, days: int) -> None:
    """Load engagements of the `days` up to LAST_DAY, with their children and owners."""
    run = Run([PROGRAMS / "target-mysql"], environment, stdin=subprocess.PIPE)
    assert run.process.stdin is not None  # PIPE
    run.process.stdin.writelines(_lines(engagements, days))
    run.process.stdin.close()
    run.usage()


def _lines(engagements: int, days: int) -> Iterator[bytes]:
    """Yield a portal's messages: the fields that reports read, and texts of usual length."""
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
    span_ms = days * DAY_MS
    for number in range(engagements):
        kind = rng.choice(KINDS)
        at_ms = END_MS - span_ms + int(span_ms * (number + rng.random()) / engagements)
        yield from _engagement(rng, number, kind, at_ms)


def _engagement(rng: random.Random, number: int, kind: str, at_ms: int) -> Iterator[bytes]:
    contacts = sorted({rng.randrange(CONTACTS) for _ in range(rng.choice((0, 1, 1, 2)))})
    inner = {"id": 10**10 + number, "active": True, "createdAt": at_ms, "lastUpdated": at_ms}
    text = {"bodyPreview": "x" * 200, "associations": {"contactIds": contacts}}
    owner = {"ownerId": rng.randrange(OWNERS + 1)}
    yield _record("engagements", {**inner, "timestamp": at_ms, "type": kind, **owner, **text})
    yield _record(DETAILS[kind], {"engagementId": 10**10 + number, **_details(rng, kind, at_ms)})
    for contact in contacts:
        partner = {"objectType": "contact", "objectId": contact}
        yield _record("engagement_associations", {"engagementId": 10**10 + number, **partner})


def _details(rng: random.Random, kind: str, at_ms: int) -> dict[str, Any]:
    body = "x" * rng.randrange(100, 900)
    if kind == "CALL":
        disposition = f"disposition-{rng.randrange(6)}"
        return {"disposition": disposition, "durationMilliseconds": rng.randrange(10**6)}
    if kind == "MEETING":
        outcome = rng.choice(("COMPLETED", "NO_SHOW", "CANCELED", None))
        return {"meetingOutcome": outcome, "startTime": at_ms, "endTime": at_ms + 1_800_000}
    if kind == "TASK":
        if rng.random() < 0.5:
            return {"status": "NOT_STARTED", "body": body}
        done_ms = at_ms + rng.randrange(10 * DAY_MS)
        return {"status": "COMPLETED", "completionDate": done_ms, "body": body}
    return {"body": body} if kind == "NOTE" else {"html": body, "text": body}


def _record(stream: str, record: dict[str, Any]) -> bytes:
    return json.dumps({"type": "RECORD", "stream": stream, "record": record}).encode() + b"\n"
