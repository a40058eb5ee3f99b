"""deploy/meltano/ works with Meltano: installs, loads, resumes, selects, hashes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest

from demo.meltano_definition import TAP, TARGET, read_about, to_definition
from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import REPOSITORY, TestDatabase, clean_environment, run_program
from tests.pipeline import TOKEN
from tests.sync.conftest import held
from tests.target.feeding import END_S, until

FOLDER = REPOSITORY / "deploy" / "meltano"
# The program of a venv of its own, which `make test-meltano` makes.
MELTANO = os.environ.get("MELTANO", "")
with_meltano = pytest.mark.skipif(not MELTANO, reason="needs Meltano: make test-meltano")
STATE_ID = f"prod:{TAP}-to-{TARGET}"
INSTALL_S = 1200
PEPPER = "pepper"


def test_the_definition_is_that_of_the_programs() -> None:
    """
    Every setting, kind and capability in meltano.yml is what --about of both programs says.
    """
    text = (FOLDER / "meltano.yml").read_text(encoding="utf-8")
    assert text == to_definition(read_about(TAP), read_about(TARGET))


@dataclass(frozen=True)
class Project:
    """A Meltano project whose plugins are installed; `run` uses a portal and a database."""

    folder: Path

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [MELTANO, *arguments],
            cwd=self.folder,
            env=clean_environment()
            | {"MELTANO_CLI_DISABLE_VERSION_CHECK": "true", "HUBSPOT_PEPPER": PEPPER}
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Run Meltano to its end; return the exit code, standard output and the log."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=INSTALL_S)
        return process.returncode, out, err


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project of deploy/meltano, installed from a copy of this checkout."""
    folder = tmp_path_factory.mktemp("meltano")
    # pip leaves its build in the folder that it installs from.
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")
    shutil.copytree(REPOSITORY, folder / "checkout", ignore=ignored)
    project = Project(folder / "checkout" / "deploy" / "meltano")
    code, _, err = project.run("install")
    assert code == 0, err
    return project


@dataclass(frozen=True)
class Portals:
    """Runs of the project for one portal and one database, with a state of their own."""

    project: Project
    simulator: Simulator
    database: TestDatabase

    @property
    def environment(self) -> dict[str, str]:
        return self.database.environment | {
            "TAP_HUBSPOT_ENGAGEMENTS_ACCESS_TOKEN": TOKEN,
            "TAP_HUBSPOT_ENGAGEMENTS_BASE_URL": self.simulator.url,
        }

    @property
    def arguments(self) -> Sequence[str]:
        return ("run", "--state-id-suffix", self.database.name)

    @property
    def state_id(self) -> str:
        return f"{STATE_ID}:{self.database.name}"

    def load(self, *options: str, **environment: str) -> str:
        """Run tap and target; return the log of a run that succeeds."""
        blocks = [one for one in options if not one.startswith("--")]
        flags = [one for one in options if one.startswith("--")]
        code, _, err = self.project.run(
            *self.arguments, *flags, TAP, *blocks, TARGET, **self.environment | environment
        )
        assert code == 0, err
        return err

    def rows(self, where: str = "TRUE") -> int:
        sql = f"SELECT COUNT(*) FROM engagements WHERE {where}"
        return int(self.database.query(sql)[0][0])

    def requests(self, path: str) -> int:
        return sum(path in request.path for request in self.simulator.requests)


@pytest.fixture
def portals(installed: Project, database: TestDatabase) -> Iterator[Portals]:
    with Simulator(Portal.june_2018(), latency_s=0.02) as simulator:
        yield Portals(installed, simulator, database)


@with_meltano
def test_a_first_load_an_increment_and_a_full_refresh(portals: Portals) -> None:
    """
    Meltano keeps the state: the second run reads only changes, and --full-refresh everything. The
    log has the programs' levels.
    """
    log = portals.load()
    assert portals.rows() == 64
    assert "[info" in log and '"level"' not in log
    note = portals.simulator.portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})
    portals.simulator.requests.clear()
    portals.load()
    assert portals.requests("paged") == 0
    assert portals.rows() == 65
    portals.simulator.portal.delete(note["engagement"]["id"])
    portals.load("--full-refresh")
    assert portals.requests("paged") > 0
    assert (portals.rows(), portals.rows("_sdc_deleted_at IS NULL")) == (65, 64)


@with_meltano
def test_selection(portals: Portals) -> None:
    """
    `select` of the environment decides over streams and fields.
    """
    select = json.dumps(["engagements.*", "!engagements.bodyPreview"])
    portals.load(TAP_HUBSPOT_ENGAGEMENTS__SELECT=select)
    tables = {str(name) for (name,) in portals.database.query("SHOW TABLES")}
    assert tables == {"engagements", "_sdc_tables", "_sdc_versions"}
    columns = [str(row[0]) for row in portals.database.query("SHOW COLUMNS FROM engagements")]
    assert "ownerId" in columns and "bodyPreview" not in columns


@with_meltano
def test_a_killed_run_is_resumed(installed: Project, database: TestDatabase) -> None:
    """
    After kill -9 of the tap in mid-load Meltano fails, keeps the last state, and the next run goes
    on from there.
    """
    with Simulator(Portal.generate(500, seed=11)) as simulator:
        portals = Portals(installed, simulator, database)
        small = {
            "TAP_HUBSPOT_ENGAGEMENTS_PAGE_SIZE": "25",
            "TAP_HUBSPOT_ENGAGEMENTS_BACKFILL_WORKERS": "1",
            "TARGET_MYSQL_BATCH_SIZE_ROWS": "50",
        }
        environment = portals.environment | small
        with held(simulator):
            process = installed.start(*portals.arguments, TAP, TARGET, **environment)
            until(lambda: database.query("SHOW TABLES LIKE 'engagements'") and portals.rows() > 100)
            for child in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.ZombieProcess):
                    if TAP in " ".join(child.cmdline()):
                        child.kill()
            _, err = process.communicate(timeout=END_S)
        assert process.returncode != 0, err
        assert portals.rows() < 500
        simulator.requests.clear()
        portals.load(**small)
        assert portals.rows() == 500
        assert portals.requests("paged") < 500 / 25


@with_meltano
def test_the_state_of_the_database(portals: Portals) -> None:
    """
    With state_id the database has the state, too. If Meltano's is lost, or the database was
    restored, the stored one is put in its place by the commands of the documentation.
    """
    target = {"TARGET_MYSQL_STATE_ID": "portal"}
    portals.load(**target)
    code, out, err = portals.project.run("state", "get", portals.state_id)
    assert code == 0, err
    environment = portals.database.environment | target
    stored = run_program(TARGET, "--print-state", environment=environment).out
    assert without_empty(json.loads(out)["singer_state"]) == without_empty(json.loads(stored))

    code, _, err = portals.project.run("state", "clear", "--force", portals.state_id)
    assert code == 0, err
    singer_state = json.dumps({"singer_state": json.loads(stored)})
    code, _, err = portals.project.run("state", "set", "--force", portals.state_id, singer_state)
    assert code == 0, err
    portals.simulator.requests.clear()
    portals.load(**target)
    assert portals.requests("paged") == 0


def without_empty(value: Any) -> Any:
    """Return a state without nulls, which Meltano's merging of states leaves or drops."""
    if isinstance(value, dict):
        return {key: without_empty(one) for key, one in value.items() if one is not None}
    return value


@with_meltano
def test_personal_data_is_hashed_on_the_way(portals: Portals) -> None:
    """
    With the mapper between, addresses arrive as hashes with the pepper, and names not at all.
    """
    address = "jo@example.com"
    recipients = {"to": [{"email": address, "firstName": "Jo", "lastName": "Doe"}]}
    portals.simulator.portal.create({"engagement": {"type": "EMAIL"}, "metadata": recipients})
    portals.load("hash-email-recipients")
    rows = portals.database.query("SELECT * FROM engagement_email_recipients")
    described = portals.database.query("SHOW COLUMNS FROM engagement_email_recipients")
    columns = [str(row[0]) for row in described]
    assert not {"firstName", "lastName", "raw"} & set(columns)
    at = columns.index("email")
    assert sha256((PEPPER + address).encode()).hexdigest() in {row[at] for row in rows}
    assert address not in str(rows) and portals.rows() == 65
