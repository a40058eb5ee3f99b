"""The dbt project on tables that the tap and the target have loaded: `make test-dbt`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from private_servers.server import PrivateServer
from tests.conftest import REPOSITORY, Outcome, TestDatabase, clean_environment, run_program
from tests.pipeline import Pipeline
from tests.servers import CHOSEN

DBT = Path(os.environ.get("DBT", REPOSITORY / ".venv-dbt" / "bin" / "dbt"))
PROJECT = REPOSITORY / "dbt"
# Its tests are queries with WITH, which MySQL before 8 does not know.
ADAPTERS = {"mariadb": "mariadb", "mariadb-11.8": "mariadb", "mysql-9": "mysql"}
OWNERS = ("--vars", "{hubspot_owners: true}")
ENGAGEMENTS = 1_200
TICKS = 636418459634654854

pytestmark = [
    pytest.mark.skipif(not DBT.is_file(), reason="dbt is not installed: make test-dbt"),
    pytest.mark.skipif(CHOSEN not in ADAPTERS, reason="dbt's tests need WITH"),
]


@dataclass(frozen=True)
class Dbt:
    """Runs dbt on the project, with its output in `folder`."""

    folder: Path
    database: TestDatabase
    project: Path = PROJECT

    @property
    def schema(self) -> str:
        return f"{self.database.name}_models"

    def run(self, *arguments: str) -> Outcome:
        """Run a command, such as `build`."""
        places = ("--target-path", self.folder / "target", "--log-path", self.folder / "logs")
        settings = {"DBT_ADAPTER": ADAPTERS[CHOSEN], "DBT_SCHEMA": self.schema}
        done = subprocess.run(
            [DBT, "--no-use-colors", *arguments, *places],
            cwd=self.project,
            env=clean_environment() | self.database.environment | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def results(self, name: str = "run_results") -> list[dict[str, Any]]:
        """Return the results of the last command, by unique_id and status."""
        content = json.loads((self.folder / "target" / f"{name}.json").read_text())
        return list(content["results"])


@pytest.fixture(scope="module")
def dbt(server: PrivateServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dbt]:
    """A sales team at work, and a text message, loaded by tap and target; dbt for its database."""
    folder = tmp_path_factory.mktemp("dbt")
    database = TestDatabase(server, "dbt_source")
    pipeline = Pipeline(folder, database)
    portal = Portal.lifelike(ENGAGEMENTS, seed=7)
    portal.create({"engagement": {"type": "SMS"}, "metadata": {}, "attachments": [{"id": 1}]})
    with Simulator(portal) as simulator:
        pipeline.configure(simulator)
        tap, target = pipeline.run()
    assert (tap.code, target.code) == (0, 0), tap.err + target.err
    dbt = Dbt(folder, database)
    yield dbt
    for name in (database.name, dbt.schema):
        database.query(f"DROP DATABASE IF EXISTS `{name}`")
    database.query(f"DROP DATABASE `{database.name}`")


def models(dbt: Dbt) -> list[str]:
    """Return the models that exist in the database of the models."""
    rows = dbt.database.query(
        "SELECT table_name FROM information_schema.views WHERE table_schema = %s", (dbt.schema,)
    )
    return sorted(name for (name,) in rows)


def test_all_models_and_tests(dbt: Dbt) -> None:
    """
    `dbt build` makes every model, and every test passes on what the tap and the target load; each
    model has as many rows as its table.
    """
    done = dbt.run("build", *OWNERS)
    assert done.code == 0, done.out
    statuses = Counter(result["status"] for result in dbt.results())
    files = [path.stem for path in (PROJECT / "models").rglob("*.sql")]
    assert statuses["success"] == len(files) == 12
    assert set(statuses) == {"success", "pass"} and statuses["pass"] > 45, statuses
    assert models(dbt) == sorted(files)
    for name in files:
        (table,) = source_tables(dbt, name)
        assert count(dbt, f"{dbt.schema}`.`{name}") == count(dbt, table) > 0, name


def source_tables(dbt: Dbt, model: str) -> list[str]:
    """Return the tables that a model reads, of dbt's manifest."""
    manifest = json.loads((dbt.folder / "target" / "manifest.json").read_text())
    (node,) = (one for one in manifest["nodes"].values() if one["name"] == model)
    return [source for _, source in node["sources"]]


def count(dbt: Dbt, table: str) -> int:
    ((number,),) = dbt.database.query(f"SELECT COUNT(*) FROM `{table}`")
    return int(number)


def test_models_show_what_the_views_show(dbt: Dbt) -> None:
    """
    A model's columns have the values of the view for BI tools, and the same names.
    """
    assert dbt.run("run", *OWNERS).code == 0
    environment = dbt.database.environment
    assert run_program("engagements-report", "views", environment=environment).code == 0
    for model in models(dbt):
        view = model.replace("stg_hubspot__", "bi_")
        place = f"`{dbt.schema}`.`{model}`"
        of_view, of_model = (columns(dbt, source) for source in (f"`{view}`", place))
        shared = [f"`{name}`" for name in of_model if name in of_view]
        assert len(shared) > 1
        assert set(of_model) - set(of_view) <= {"engagement_type"}, model
        model_rows, view_rows = (
            Counter(dbt.database.query(f"SELECT {', '.join(shared)} FROM {source}"))
            for source in (place, f"`{view}`")
        )
        assert model_rows == view_rows, model


def columns(dbt: Dbt, table: str) -> list[str]:
    return [name for name, *_ in dbt.database.query(f"SHOW COLUMNS FROM {table}")]


def test_owners_are_left_out_by_default(dbt: Dbt) -> None:
    """
    Without the stream owners the project builds without its model.
    """
    done = dbt.run("build")
    assert done.code == 0, done.out
    ids = [result["unique_id"] for result in dbt.results()]
    assert ids and not [one for one in ids if "owners" in one]


def test_a_stream_that_is_not_loaded(dbt: Dbt) -> None:
    """
    Without a table all other models are built and tested, once its model is excluded.
    """
    table = "engagement_attachments"
    dbt.database.query(f"RENAME TABLE {table} TO kept")
    try:
        done = dbt.run("build", "--exclude", "stg_hubspot__attachments")
    finally:
        dbt.database.query(f"RENAME TABLE kept TO {table}")
    assert done.code == 0, done.out
    assert sum(result["status"] == "success" for result in dbt.results()) == 10


def test_tests_fail_on_wrong_data(dbt: Dbt) -> None:
    """
    A call without an engagement fails the test of its relationship; an absurd time is NULL.
    """
    assert dbt.run("run").code == 0
    connection = dbt.database.connect(database=dbt.database.name)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("INSERT INTO engagement_calls (engagementId) VALUES (-1)")
        cursor.execute("UPDATE engagements SET `timestamp` = %s LIMIT 1", (TICKS,))
        try:
            done = dbt.run("test")
            cursor.execute(
                f"SELECT COUNT(*) FROM `{dbt.schema}`.stg_hubspot__engagements"
                " WHERE occurred_at IS NULL"
            )
            assert cursor.fetchall() == ((1,),)
        finally:
            cursor.execute("DELETE FROM engagement_calls WHERE engagementId = -1")
    assert done.code == 1, done.out
    failed = [one["unique_id"] for one in dbt.results() if one["status"] not in ("pass", "warn")]
    assert len(failed) == 1
    assert "relationships_stg_hubspot__calls_engagement_id" in failed[0]


def test_tables_in_place_of_views(dbt: Dbt, tmp_path: Path) -> None:
    """
    Models may be tables, an absurd time included, which is an error for a bare conversion.
    """
    project = tmp_path / "dbt"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    settings = (project / "dbt_project.yml").read_text()
    assert "+materialized: view" in settings
    (project / "dbt_project.yml").write_text(
        settings.replace("+materialized: view", "+materialized: table")
    )
    dbt.database.query("UPDATE engagements SET `timestamp` = %s LIMIT 1", (TICKS,))
    before = len(models(dbt))
    done = replace(dbt, project=project).run("run")
    assert done.code == 0, done.out
    assert before > len(models(dbt)) == 1, "owners, which is not built, is still a view"
    table = f"{dbt.schema}`.`stg_hubspot__engagements"
    assert count(dbt, table) == count(dbt, "engagements")


@pytest.mark.parametrize(
    ("age_hours", "status", "code"), [(0, "pass", 0), (30, "warn", 0), (100, "error", 1)]
)
def test_freshness(dbt: Dbt, age_hours: int, status: str, code: int) -> None:
    """
    `dbt source freshness` takes the age of the newest row, on a server of any time zone.
    """
    database = dbt.database
    ((before,),) = database.query("SELECT @@GLOBAL.time_zone")
    database.query("SET GLOBAL time_zone = '-12:00'")
    try:
        database.query(
            "UPDATE engagements SET _sdc_batched_at = UTC_TIMESTAMP(6) - INTERVAL %s HOUR",
            (age_hours,),
        )
        done = dbt.run("source", "freshness")
    finally:
        database.query("SET GLOBAL time_zone = %s", (before,))
    assert done.code == code, done.out
    (result,) = dbt.results("sources")
    assert result["status"] == status
