"""The DAG of deploy/airflow/ in a real Airflow, over portals on loopback and a real server."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator import faults
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from private_servers.shell import PROGRAMS
from tests.conftest import TestDatabase

REPOSITORY = Path(__file__).parents[1]
AIRFLOW = REPOSITORY / ".venv-airflow" / "bin" / "airflow"
DAG_FOLDER = REPOSITORY / "deploy" / "airflow"
DAG = "hubspot_engagements"
TIMEOUT_S = 600.0
DAY_S = 24 * 3600
DEFERRED_FOR_S = 60  # longer than the portals before the deferred one take
GOOD, REVOKED, LIMITED, LIMITED_LONG, UNSET = PORTALS = "101", "102", "103", "104", "105"

pytestmark = pytest.mark.skipif(not AIRFLOW.exists(), reason="needs Airflow: make test-airflow")


@dataclass(frozen=True)
class Airflow:
    """Airflow's command line with a home, connections and variables of its own."""

    environment: Mapping[str, str]

    def run(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [AIRFLOW, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def states(self) -> dict[str, str]:
        """Return the state of each portal's task in the newest run of the DAG."""
        (run, *_) = self._json("dags", "list-runs", DAG)
        tasks = self._json("tasks", "states-for-dag-run", DAG, run["run_id"])
        by_index = {one["map_index"]: one["state"] for one in tasks if one["task_id"] == "sync"}
        return {PORTALS[int(index)]: state for index, state in by_index.items()}

    def _json(self, *arguments: str) -> list[dict[str, Any]]:
        lines = self.run(*arguments, "--output", "json").splitlines()
        rows: list[dict[str, Any]] = json.loads(next(x for x in lines if x.startswith("[{")))
        return rows


@pytest.fixture
def portals() -> Iterator[dict[str, Simulator]]:
    """Portals of the same kind; their tokens and limits differ."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                Simulator(Portal.generate(30, seed=int(name)), token=f"pat-{name}")
            )
            for name in PORTALS
        }


@pytest.fixture
def airflow(database: TestDatabase, portals: dict[str, Simulator], tmp_path: Path) -> Airflow:
    listed = [
        {
            "portal_id": name,
            "database": f"{database.name}_{name}",
            "base_url": portal.url,
            "time_zone": {LIMITED: "Test/Soon", LIMITED_LONG: "Test/Later"}.get(name),
        }
        for name, portal in portals.items()
    ]
    (tmp_path / "portals.json").write_text(json.dumps(listed))
    tokens = {name: f"pat-{name}" for name in portals} | {REVOKED: "pat-old", UNSET: ""}
    mysql = database.environment
    connections = {f"hubspot_{name}": {"password": token} for name, token in tokens.items()}
    connections["hubspot_mysql"] = {
        "host": mysql["TARGET_MYSQL_HOST"],
        "port": int(mysql["TARGET_MYSQL_PORT"]),
        "login": mysql["TARGET_MYSQL_USER"],
        "password": mysql["TARGET_MYSQL_PASSWORD"],
    }
    connections["hubspot_portals"] = {"conn_type": "sqlite", "host": str(tmp_path / "portals.db")}
    airflow = Airflow(
        {
            **os.environ,
            "HOME": str(tmp_path),
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAG_FOLDER),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            "AIRFLOW_VAR_HUBSPOT_PORTALS": str(tmp_path / "portals.json"),
            "HUBSPOT_ENGAGEMENTS": str(PROGRAMS / "hubspot-engagements"),
            "PYTHONTZPATH": f"{tmp_path / 'zones'}{os.pathsep}/usr/share/zoneinfo",
            **{
                f"AIRFLOW_CONN_{name.upper()}": json.dumps({"conn_type": "generic", **connection})
                for name, connection in connections.items()
            },
        }
    )
    airflow.run("db", "migrate")
    airflow.run("pools", "set", "hubspot_mysql", "2", "portals at a time")
    return airflow


def test_one_failure_and_one_daily_limit_among_portals(
    airflow: Airflow,
    portals: dict[str, Simulator],
    database: TestDatabase,
    tmp_path: Path,
) -> None:
    """
    A portal fails after its retries, one at once, one waits for its midnight, and the others load.

    The next run reads the states of the databases, and asks for changes alone.
    """
    for name in (LIMITED, LIMITED_LONG):
        portals[name].faults.add(faults.DAILY_LIMIT_REACHED.at(1))
    write_zone(tmp_path / "zones" / "Test" / "Soon", midnight_in_s=DEFERRED_FOR_S)
    write_zone(tmp_path / "zones" / "Test" / "Later", midnight_in_s=DAY_S // 2)

    log = airflow.run("dags", "test", DAG, code=1)

    assert airflow.states() == {
        GOOD: "success",
        REVOKED: "failed",
        LIMITED: "success",
        LIMITED_LONG: "skipped",
        UNSET: "failed",
    }
    assert "the daily limit is reached: the next attempt is at" in log
    assert "Pausing task as DEFERRED" in log
    assert "pat-" not in log
    counts = {name: count_rows(database, name) for name in (GOOD, LIMITED)}
    assert counts == {GOOD: 30, LIMITED: 30}
    # The revoked token was tried four times, the missing one not at all.
    assert len(portals[REVOKED].requests) == 4
    assert not portals[UNSET].requests

    requests_before = len(portals[GOOD].requests)
    airflow.run("dags", "test", DAG, code=1)
    states = airflow.states()
    assert [states[name] for name in (GOOD, LIMITED_LONG)] == ["success"] * 2
    assert len(portals[GOOD].requests) - requests_before <= 3


def test_portals_of_a_table(
    airflow: Airflow, portals: dict[str, Simulator], database: TestDatabase, tmp_path: Path
) -> None:
    """A SELECT lists the portals, by the connection `hubspot_portals`."""
    import sqlite3

    with sqlite3.connect(tmp_path / "portals.db") as connection:
        connection.execute("CREATE TABLE portals (portal_id, database, base_url, time_zone)")
        row = (GOOD, f"{database.name}_{GOOD}", portals[GOOD].url, None)
        connection.execute("INSERT INTO portals VALUES (?, ?, ?, ?)", row)
    select = {"AIRFLOW_VAR_HUBSPOT_PORTALS": "SELECT * FROM portals"}

    Airflow({**airflow.environment, **select}).run("dags", "test", DAG)

    assert count_rows(database, GOOD) == 30


def count_rows(database: TestDatabase, portal: str) -> int:
    ((count,),) = database.query(f"SELECT COUNT(*) FROM {database.name}_{portal}.engagements")
    return int(count)


def write_zone(path: Path, midnight_in_s: int) -> None:
    """Write a time zone (TZif, RFC 8536) whose next midnight is `midnight_in_s` seconds away."""
    now = datetime.now(timezone.utc)
    second_of_day = now.hour * 3600 + now.minute * 60 + now.second
    offset_s = (DAY_S - midnight_in_s - second_of_day) % DAY_S
    if offset_s > DAY_S // 2:
        offset_s -= DAY_S
    header = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + struct.pack(">lbb", offset_s, 0, 0) + b"SOO\0")
