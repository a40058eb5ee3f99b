"""What the README says is true: its configuration tables, its commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from mysql_settings.declarations import declared
from private_servers.shell import run_steps
from tap_hubspot_engagements import config as tap_config
from target_mysql.config import Config as TargetConfig
from tests.conftest import PROGRAMS, REPOSITORY, TestDatabase, clean_environment

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """Return the text below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", README, re.M | re.S)
    assert found, heading
    return found[1]


def settings_of_target() -> dict[str, tuple[object, str]]:
    """Return (default, meaning) of the target's settings."""
    settings = declared(TargetConfig).items()
    return {name: (setting.written_default, setting.meaning) for name, setting in settings}


@pytest.mark.parametrize(
    ("heading", "defaults"),
    [
        ("The tap's configuration", tap_config.defaults()),
        ("The target's configuration", settings_of_target()),
    ],
)
def test_configuration_tables(heading: str, defaults: dict[str, tuple[object, str]]) -> None:
    """
    Each table has every key of the code, in its order, with its default and its meaning.
    """
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", section(heading), re.M)
    shown = {name: (default.strip("`"), meaning) for name, default, _, meaning in rows}
    assert list(shown.items()) == [
        (name, (written(default), meaning)) for name, (default, meaning) in defaults.items()
    ]


def test_units_of_the_targets_configuration() -> None:
    """
    Each row of the target's table has the unit that the setting declares, or none.
    """
    rows = re.findall(
        r"^\| `(\w+)` \| .*? \| (.*?) \| .*? \|$", section("The target's configuration"), re.M
    )
    assert rows == [(name, setting.unit) for name, setting in declared(TargetConfig).items()]


def written(default: object) -> str:
    """Return a default as the README writes it."""
    if default is None or default in ("", ()):
        return ""
    return json.dumps(default).strip('"')


def test_the_commands_of_an_hourly_run(tmp_path: Path, database: TestDatabase) -> None:
    """
    The two blocks of "Run", word for word in a shell, load a portal and then its changes.
    """
    first, again = re.findall(r"```bash\n(.*?)```", section("Run"), re.S)
    config = json.loads((REPOSITORY / "sample_config.json").read_text())
    (tmp_path / "catalog.json").write_bytes((REPOSITORY / "catalog.json").read_bytes())
    environment = clean_environment() | database.environment
    environment["PATH"] = f"{PROGRAMS}:{environment['PATH']}"
    with Simulator(Portal.june_2018(), token=config["access_token"]) as simulator:
        config["base_url"] = simulator.url
        (tmp_path / "config.json").write_text(json.dumps(config))
        for block in (first, again):
            run_steps(["bash", "-ec", block], folder=tmp_path, environment=environment)
            simulator.portal.create({"engagement": {"type": "NOTE"}, "metadata": {}})
    assert database.query("SELECT COUNT(*) FROM engagements") == [(65,)]


def test_every_target_of_make_is_there() -> None:
    """
    What the README tells to make can be made.
    """
    makefile = (REPOSITORY / "Makefile").read_text()
    named = re.findall(r"(?:`|^\$ )make ([a-z -]+)", README, re.M)
    assert named
    for name in " ".join(named).split():
        assert re.search(rf"^{name}:", makefile, re.M), name


def test_the_demo_is_shown_as_it_is() -> None:
    """
    The session that the README opens with has the known answer in it.
    """
    assert "1.0714" in README
    assert re.search(r"TASK\s+│ 2018-07-13 │\s+4", README)
