"""
Logs the calls of a MySQL table in HubSpot, by taps of PyPI: `make interop-write-back`.

Two runs, with an insertion, an edit and a deletion between them: the second sends these alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from demo.interop_taps.sources import DATABASE, TABLE, MariaDBSource, connect
from demo.interop_taps.taps import TAPS, Mode, Tap, TapFailed
from hubspot_simulator.objects.object_types import CONTACTS
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from private_servers import mariadb
from private_servers.mariadb import PrivateMariaDB
from private_servers.server import PrivateServer
from private_servers.shell import PROGRAMS, CommandFailed, DemoError, exit_code, say

NAMES = ("tap-mysql", "pipelinewise-tap-mysql")
CALLS = 250
CONTACT = 101
COLUMNS = {
    "started": "hs_timestamp",
    "summary": "hs_call_body",
    "millis": "hs_call_duration",
    "contact": "contactIds",
    "changed": None,
}
CREATE = (
    f"DROP DATABASE IF EXISTS {DATABASE}",
    f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4",
    f"CREATE TABLE {DATABASE}.{TABLE} (id BIGINT PRIMARY KEY, started DATETIME(3) NOT NULL,"
    " summary TEXT, millis INT, contact BIGINT, changed TIMESTAMP(6) NOT NULL DEFAULT NOW(6))",
    f"INSERT INTO {DATABASE}.{TABLE} (id, started, summary, millis, contact)"
    f" SELECT seq, '2026-11-20 08:00:00.123' + INTERVAL seq MINUTE, CONCAT('Call ', seq, ' über'),"
    f" seq * 1000, {CONTACT} FROM {DATABASE}.seq_1_to_{CALLS}",
)
CHANGE = (
    f"UPDATE {DATABASE}.{TABLE} SET summary = 'They said yes', changed = NOW(6) WHERE id = 7",
    f"UPDATE {DATABASE}.{TABLE} SET changed = NOW(6) WHERE id = 8",
    f"DELETE FROM {DATABASE}.{TABLE} WHERE id = 9",
    f"INSERT INTO {DATABASE}.{TABLE} (id, started, summary, millis, contact)"
    f" VALUES (1000, '2026-11-21 08:00:00', 'New', 1, {CONTACT})",
)
EXPECTED = (
    f"{CALLS} created, 0 updated, 0 unchanged, 0 archived",
    f"1 created, 1 updated, {CALLS - 2} unchanged, 1 archived",
)


def main() -> None:
    """Run both taps; raises DemoError for a wrong result."""
    mariadb.install()
    with PrivateMariaDB() as server:
        for tap in TAPS:
            if tap.name in NAMES:
                try:
                    version = tap.install()
                except CommandFailed as error:
                    say(f"{tap.name}: not run: {error.message}")
                    continue
                say(f"{tap.name} {version}: {_run_twice(tap, server)}")


def _run_twice(tap: Tap, server: PrivateServer) -> str:
    """Log the calls, change the table, and log the changes; returns what the runs did."""
    portal = Portal()
    portal.objects.put_related(CONTACTS, CONTACT, {})
    with tempfile.TemporaryDirectory() as folder, Simulator(portal) as hubspot:
        place = Path(folder)
        (place / "tap.json").write_text(json.dumps(tap.configure(MariaDBSource(server))))
        _write_config(place, hubspot)
        state = None
        for statements, expected in zip((CREATE, CHANGE), EXPECTED, strict=True):
            _run_sql(server, statements)
            lines = tap.run(place, Mode.FULL_TABLE, state)
            states, log = _write_back(place, lines, is_first=statements is CREATE)
            state = json.loads(states[-1])
            if expected not in log:
                raise DemoError(f"{tap.name}: a run should say: {expected}", log)
        _check(tap, portal)
        writes = [one.path for one in hubspot.requests if "/batch/" in one.path]
    return f"{'; then '.join(EXPECTED)}; {len(writes)} requests wrote"


def _write_config(folder: Path, hubspot: Simulator) -> None:
    streams = (TABLE, f"{DATABASE}-{TABLE}")  # the taps name the stream by table or by both
    config: dict[str, Any] = {
        "access_token": hubspot.token,
        "base_url": hubspot.url,
        "ledger": str(folder / "ledger.sqlite"),
        "hard_delete": True,
        "stream_map": dict.fromkeys(streams, "calls"),
        "property_map": dict.fromkeys(streams, COLUMNS),
    }
    (folder / "write_back.json").write_text(json.dumps(config))


def _write_back(folder: Path, lines: list[str], *, is_first: bool) -> tuple[list[str], str]:
    """Run target-hubspot-engagements on a tap's messages; returns the states and the log."""
    program = PROGRAMS / "target-hubspot-engagements"
    done = subprocess.run(
        [program, "--config", "write_back.json", *(["--new-ledger"] if is_first else [])],
        cwd=folder,
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DemoError(f"target-hubspot-engagements: exit code {done.returncode}", done.stderr)
    return done.stdout.splitlines(), done.stderr


def _check(tap: Tap, portal: Portal) -> None:
    """Check that HubSpot has the calls of the table, each once."""
    texts = sorted(one["metadata"]["body"] for one in portal.records())
    keys = {*range(1, CALLS + 1)} - {7, 9}
    expected = sorted([*(f"Call {key} über" for key in keys), "They said yes", "New"])
    if texts != expected:
        raise DemoError(f"{tap.name}: HubSpot has other calls than the table: {texts[:5]}")
    if any(one["associations"]["contactIds"] != [CONTACT] for one in portal.records()):
        raise DemoError(f"{tap.name}: calls are not associated with their contact")


def _run_sql(server: PrivateServer, statements: tuple[str, ...]) -> None:
    with connect(server, "") as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


if __name__ == "__main__":
    try:
        sys.exit(exit_code("interop-write-back", main))
    except TapFailed as error:
        sys.exit(f"interop-write-back: {error}")
