"""The files of deploy/ are valid for the programs that read them, and name settings that exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from mysql_settings.declarations import declared
from private_servers.shell import run_steps
from tap_hubspot_engagements.config import defaults
from target_mysql.config import Config
from tests.conftest import PROGRAMS, REPOSITORY, TestDatabase, clean_environment
from tests.pipeline import TOKEN

DEPLOY = REPOSITORY / "deploy"
INSTALLED = "/opt/hubspot-engagements"  # where the service and the image have the programs
# The programs of a venv of its own, which `make test-deploy` makes.
TOOLS = os.environ.get("DEPLOY_TOOLS", "")
with_tools = pytest.mark.skipif(not TOOLS, reason="needs schemas of 100 MB: make test-deploy")
# Variables and their values in compose.yaml and cronjob.yaml.
VARIABLE = re.compile(r"^\s+(?:- \{name: )?(T[A-Z_]+)(?:, value)?: ([^}\n]+?)\}?$", re.MULTILINE)
CONTAINERS = ("docker/compose.yaml", "kubernetes/cronjob.yaml")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_the_units_of_systemd(tmp_path: Path) -> None:
    """
    systemd accepts every line of the service and the timer.
    """
    units = []
    for path in sorted((DEPLOY / "systemd").iterdir()):
        units.append(tmp_path / path.name)
        units[-1].write_text(path.read_text().replace(f"{INSTALLED}/bin", str(PROGRAMS)))
    assert len(units) == 2
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_loads(name: str, database: TestDatabase, tmp_path: Path) -> None:
    """
    The command of the image, with the variables and secrets of the file, loads a portal: every
    variable is a setting.
    """
    variables = dict(VARIABLE.findall((DEPLOY / name).read_text()))
    names = {f"TARGET_MYSQL_{key.upper()}" for key in declared(Config)}
    names |= {f"TAP_HUBSPOT_ENGAGEMENTS_{key.upper()}" for key in defaults()}
    assert {variable.removesuffix("_FILE") for variable in variables} <= names
    secrets = {"access_token": TOKEN, "password": database.server.password}
    for secret, value in secrets.items():
        (tmp_path / secret).write_text(f"{value}\n")
    for variable, value in variables.items():
        if variable.endswith("_FILE"):
            variables[variable] = str(tmp_path / Path(value).name)
    assert len([v for v in variables if v.endswith("_FILE")]) == 2
    here = {
        "TARGET_MYSQL_HOST": "127.0.0.1",
        "TARGET_MYSQL_PORT": str(database.server.port),
        "TARGET_MYSQL_USER": "root",
        "TARGET_MYSQL_DATABASE": database.name,
    }
    with Simulator(Portal.june_2018(), token=TOKEN) as simulator:
        url = {"TAP_HUBSPOT_ENGAGEMENTS_BASE_URL": simulator.url}
        done = subprocess.run(
            image_command(),
            capture_output=True,
            env=clean_environment() | variables | here | url,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["target"]["rows_inserted"]["engagements"] == 64


def image_command() -> list[str]:
    """Return what the image runs, with the program of this checkout."""
    text = (DEPLOY / "docker" / "Dockerfile").read_text()
    parts = re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", text, re.MULTILINE)
    program, *arguments = [word for part in parts for word in json.loads(part)]
    return [str(PROGRAMS / program), *arguments]


@with_tools
@pytest.mark.parametrize(
    "command",
    [
        ["kubernetes-validate", "--strict", "deploy/kubernetes/cronjob.yaml"],
        *(
            ["check-jsonschema", "--builtin-schema", f"vendor.{schema}", name]
            for schema, name in {
                "compose-spec": "deploy/docker/compose.yaml",
                "meltano": "deploy/meltano/meltano.yml",
                "github-workflows": ".github/workflows/ci.yml",
            }.items()
        ),
    ],
    ids=lambda command: command[-1],
)
def test_schemas(command: list[str]) -> None:
    """
    Kubernetes', Compose's, Meltano's and GitHub's own schemas accept the files.
    """
    program, *arguments = command
    run_steps([Path(TOOLS) / program, *arguments], folder=REPOSITORY)


@with_tools
def test_the_steps_of_the_image(tmp_path: Path) -> None:
    """
    The build's steps, run here in folders of their own, install programs that start.
    """
    text = (DEPLOY / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
    (step,) = re.findall(r"^RUN (.*)$", text, re.MULTILINE)
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")
    shutil.copytree(REPOSITORY, tmp_path / "src", ignore=ignored)
    installed = tmp_path / "installed"
    run_steps(["sh", "-ec", step.replace(INSTALLED, str(installed))], folder=tmp_path / "src")
    for program in ("hubspot-engagements", "tap-hubspot-engagements", "target-mysql"):
        assert program in run_steps([installed / "bin" / program, "--version"])
