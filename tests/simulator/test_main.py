"""The command line, run like a user runs commands."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hubspot_simulator.objects.behaviour import switch_lines
from tests.conftest import REPOSITORY
from tests.simulator.conftest import PAGED, RECORDINGS, needs_recordings

COMMAND = [sys.executable, "-m", "hubspot_simulator"]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the program on a free port; processes that still run at the end are killed."""
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, "--port", "0", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def read_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def page(url: str, token: str = "pat-test") -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(url + PAGED, params={"limit": 250}, headers=headers, timeout=60).json()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program(start: Start, number: int) -> None:
    """The only output is the URL; a signal ends the program with exit code 0."""
    process = start("--engagements", 30, "--seed", 3)
    assert len(page(read_url(process))["results"]) == 30

    process.send_signal(number)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_options_reach_the_portal(start: Start, tmp_path: Path) -> None:
    """Built-in portal, token, rate limit, latency and faults follow the options."""
    faults = tmp_path / "faults.json"
    faults.write_text('[{"fault": "SERVER_ERROR", "on": 2}]')
    process = start(
        *("--portal", "june-2018", "--token", "mine", "--rate-limit", 2, "--latency-ms", 1),
        *("--faults", faults),
    )
    url = read_url(process)

    assert len(page(url, "mine")["results"]) == 64
    assert page(url, "mine")["message"] == "internal error"
    assert page(url)["category"] == "EXPIRED_AUTHENTICATION"
    assert page(url, "mine")["policyName"] == "TEN_SECONDLY_ROLLING"


@needs_recordings
def test_a_recording_is_served(start: Start) -> None:
    """--recording serves a folder of recorded responses."""
    assert len(page(read_url(start("--recording", RECORDINGS)))["results"]) == 120


def test_a_failed_start_is_explained(start: Start, tmp_path: Path) -> None:
    """A missing folder or an invalid file gives one line and exit code 1; a wrong option 2."""
    (tmp_path / "faults.json").write_text("[1]")
    for arguments, code, words in (
        (("--recording", tmp_path / "none"), 1, "none"),
        (("--faults", tmp_path / "faults.json"), 1, "fault 1"),
        (("--faults", tmp_path / "none.json"), 1, "none.json"),
        (("--portal", "atlantis"), 2, "june-2018"),
        (("--rate-limit", "-1"), 2, "--rate-limit"),
    ):
        process = start(*arguments)
        out, err = process.communicate(timeout=60)
        assert ("", code) == (out, process.returncode)
        assert words in err


def test_help_and_version() -> None:
    """--help names every option, --version the version; both exit with 0."""
    for option, words in (("--help", "--recording"), ("--version", "hubspot_simulator ")):
        outcome = subprocess.run([*COMMAND, option], stdout=subprocess.PIPE, text=True, check=True)
        assert words in outcome.stdout


def test_a_sales_team_at_work(start: Start) -> None:
    """With --lifelike the made-up portal is that of a team."""
    results = page(read_url(start("--lifelike", "--engagements", 40)))["results"]
    assert len(results) == 40
    assert all(record["engagement"]["teamId"] for record in results)


def test_switches_of_the_objects_api(start: Start) -> None:
    """Behaviour, scopes and the limit of searches can be set; a wrong one ends it with a line."""
    process = start(
        *("--engagements", 30, "--search-limit", 1, "--scopes", "crm.objects.contacts.read"),
        *("--objects", "forbidden_types=calls", "--objects", "last_paging=null"),
    )
    url, headers = read_url(process), {"Authorization": "Bearer pat-test"}

    def get(path: str) -> requests.Response:
        return requests.get(f"{url}/crm/objects/2026-09/{path}", headers=headers, timeout=60)

    assert get("postal_mail?limit=100").json()["paging"] is None
    assert [get(name).status_code for name in ("notes", "calls", "emails")] == [200, 403, 403]
    wrong = start("--objects", "no_such=1")
    _, error = wrong.communicate(timeout=60)
    assert wrong.returncode == 1
    assert "no switch 'no_such'" in error


def test_help_and_documentation_have_every_switch(start: Start) -> None:
    """The switches of --help and of docs/simulator.md are those of the code."""
    text = (REPOSITORY / "docs" / "simulator.md").read_text(encoding="utf-8")
    table = [
        line for line in text.partition("| switch |")[2].splitlines() if line.startswith("| `")
    ]
    rows = [tuple(cell.strip("` ") for cell in row.strip("| ").split(" | ")) for row in table]
    assert [(name, default) for name, default, _ in rows] == [
        (name, default) for name, default, _ in switch_lines()
    ]
    output, _ = start("--help").communicate(timeout=60)
    for name, default, meaning in switch_lines():
        assert f"{name}={default}\n      {meaning}" in output
        assert f"| {meaning} |" in text
