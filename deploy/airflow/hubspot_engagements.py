"""
An Airflow DAG that loads HubSpot portals into MySQL, a task a portal, every hour.

Put the file into the DAGs folder of Airflow 3. The workers need tap-hubspot-engagements in their
own environment, or the path of its program `hubspot-engagements` in HUBSPOT_ENGAGEMENTS. The DAG
reads:

- the variable `hubspot_portals`: the path of a JSON file, or a SELECT for the connection
  `hubspot_portals`. Each portal has a `portal_id`, and may have a `database` (hubspot_<portal_id>),
  a `connection` (hubspot_<portal_id>), a `time_zone` (the portal's, an IANA name) and a `base_url`;
- a connection for each portal, whose password is the portal's access token;
- the connection `hubspot_mysql`: host, port, login and password of the MySQL server;
- the pool `hubspot_mysql`: its slots are the portals that are loaded at a time.

The DAG keeps no state: that of a portal is in the table _sdc_state of its database.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import DAG, BaseHook, BaseOperator, Connection, Context, Variable, task
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)

MYSQL = "hubspot_mysql"  # the connection, and the pool
PORTALS = "hubspot_portals"  # the variable, and the connection for a SELECT
EVERY = timedelta(hours=1)
WRONG_CONFIGURATION, DAILY_LIMIT = 2, 3  # exit codes
STOP_TIMEOUT_S = 60

Portal = dict[str, Any]


def read_portals(source: str) -> list[Portal]:
    """Return the portals of a JSON file, or of a SELECT for the connection `hubspot_portals`."""
    if source.lstrip().upper().startswith("SELECT"):
        portals = BaseHook.get_hook(PORTALS).run(source, handler=_to_dicts)
    else:
        portals = json.loads(Path(source).read_text())
    if not all(portal.get("portal_id") for portal in portals):
        raise AirflowFailException(f"{source}: each portal needs a portal_id")
    return portals


def _to_dicts(cursor: Any) -> list[Portal]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def when_limit_ends(time_zone: str, now: datetime) -> datetime:
    """Return when the daily limit of a portal ends: at midnight in its time zone."""
    day = now.astimezone(ZoneInfo(time_zone)).date() + timedelta(days=1)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone))
    return midnight.astimezone(timezone.utc)


def to_environment(portal: Portal, token: str, mysql: Connection) -> dict[str, str]:
    """Return the settings of tap and target for `portal` as environment variables."""
    name = f"hubspot_{portal['portal_id']}"
    settings = {
        "TAP_HUBSPOT_ENGAGEMENTS_ACCESS_TOKEN": token,
        "TAP_HUBSPOT_ENGAGEMENTS_BASE_URL": portal.get("base_url"),
        "TARGET_MYSQL_HOST": mysql.host,
        "TARGET_MYSQL_PORT": mysql.port,
        "TARGET_MYSQL_USER": mysql.login,
        "TARGET_MYSQL_PASSWORD": mysql.password,
        "TARGET_MYSQL_DATABASE": portal.get("database") or name,
        "TARGET_MYSQL_STATE_ID": name,
    }
    return {key: str(value) for key, value in settings.items() if value}


class SyncPortal(BaseOperator):
    """
    Loads the changes of one portal.

    A wrong configuration fails at once, any other failure is retried. At the daily limit the task
    is deferred until the limit ends, which takes no slot of the pool. It is skipped if the next run
    comes first: a deferred task would keep all portals from that run.
    """

    template_fields: Sequence[str] = ("portal",)

    def __init__(self, *, portal: Portal, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.portal = portal
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Context, event: Any = None) -> Any:
        """Return the summary of the run."""
        name = self.portal.get("connection") or f"hubspot_{self.portal['portal_id']}"
        token = BaseHook.get_connection(name).password or ""
        settings = to_environment(self.portal, token, BaseHook.get_connection(MYSQL))
        code, output = self._run({**os.environ, **settings})
        if code == DAILY_LIMIT:
            self._wait_for_next_day()
        if code == WRONG_CONFIGURATION:
            raise AirflowFailException("wrong configuration: see the log")
        if code:
            raise AirflowException(f"exit code {code}: see the log")
        return json.loads(output)

    def on_kill(self) -> None:
        """Stop the run. It commits or rolls back what it is loading."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=STOP_TIMEOUT_S)

    def _wait_for_next_day(self) -> NoReturn:
        now = datetime.now(timezone.utc)
        zone = self.portal.get("time_zone")
        end = when_limit_ends(zone, now) if zone else None
        if end is None or end - now > EVERY:
            raise AirflowSkipException("the daily limit is reached: the next run tries again")
        self.log.warning("the daily limit is reached: the next attempt is at %s", end)
        self.defer(trigger=DateTimeTrigger(moment=end), method_name="execute")

    def _run(self, environment: dict[str, str]) -> tuple[int, str]:
        """Return the exit code and the output; the log of the run goes to the task's log."""
        program = os.environ.get("HUBSPOT_ENGAGEMENTS", "hubspot-engagements")
        with subprocess.Popen(
            [program, "sync"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as self._process:
            assert self._process.stdout and self._process.stderr, "both are piped"
            for line in self._process.stderr:
                self.log.info("%s", line.rstrip())
            # The single line of the summary fits into the pipe's buffer.
            output = self._process.stdout.read()
        return self._process.returncode, output


with DAG(
    "hubspot_engagements",
    description="Loads the engagements of HubSpot portals into MySQL",
    schedule=EVERY,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
):

    @task
    def list_portals() -> list[Portal]:
        return read_portals(Variable.get(PORTALS))

    SyncPortal.partial(
        task_id="sync",
        pool=MYSQL,
        retries=3,
        retry_exponential_backoff=True,
        map_index_template="{{ task.portal['portal_id'] }}",
    ).expand(portal=list_portals())
