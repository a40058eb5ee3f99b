"""The shipped files agree with the code: catalog, samples, versions, dependencies."""

from __future__ import annotations

import json
import re
import sys
from itertools import chain

from tap_hubspot_engagements.config import Config as TapConfig
from tap_hubspot_engagements.state import read_position
from target_hubspot_engagements.config import Config as WriteBackConfig
from target_mysql.config import Config as TargetConfig
from tests.conftest import REPOSITORY, run_program

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # which pytest brings


def test_catalog() -> None:
    """
    catalog.json is the output of --discover.
    """
    output = run_program("tap-hubspot-engagements", "--discover").out
    assert output == (REPOSITORY / "catalog.json").read_text()


def test_sample_configs() -> None:
    """
    The sample configurations are valid.
    """
    tap = json.loads((REPOSITORY / "sample_config.json").read_text())
    target = json.loads((REPOSITORY / "sample_target_config.json").read_text())
    assert TapConfig.from_dict(tap, {}).access_token == tap["access_token"]
    assert TargetConfig.from_sources(target, {}, ()).user == target["user"]
    both = json.loads((REPOSITORY / "sample_sync_config.json").read_text())
    assert both == {"tap": tap, "target": target, "catalog": "catalog.json"}
    write_back = json.loads((REPOSITORY / "sample_write_back_config.json").read_text())
    assert WriteBackConfig.from_dict(write_back, {}).ledger == write_back["ledger"]


def test_state_example() -> None:
    """
    state.json.example is a state from which the tap can continue.
    """
    state = json.loads((REPOSITORY / "state.json.example").read_text())
    assert read_position(state).bookmark is not None


def test_every_dependency_is_justified() -> None:
    """
    docs/decisions.md has a reason for each package that pyproject.toml requires.
    """
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[^\w-]", requirement)[0].lower() for requirement in requirements}
    decisions = (REPOSITORY / "docs" / "decisions.md").read_text().lower()
    assert len(names) > 20
    for name in names - {project["name"]}:
        if not name.startswith("types-"):
            assert re.search(rf"\b{re.escape(name)}\b", decisions), name


def test_one_version() -> None:
    """
    All three programs print the package's version.
    """
    for program in ("tap-hubspot-engagements", "target-mysql", "engagements-report"):
        assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", run_program(program, "--version").out)


def test_nothing_speaks_of_a_machine() -> None:
    """
    No shipped file contains a path of a developer's machine.
    """
    for name in (
        "README.md",
        "CHANGELOG.md",
        "Makefile",
        "setup.py",
        "pyproject.toml",
        "catalog.json",
    ):
        assert not re.search(r"/(home|root|work)/", (REPOSITORY / name).read_text()), name
