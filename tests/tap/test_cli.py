"""The program as a user runs it: options, files, exit codes, and outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import Response, error_response
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements.config import Config, defaults
from tap_hubspot_engagements.streams import STREAMS
from tests.conftest import REPOSITORY
from tests.tap.conftest import TOKEN, Run, Serve, Tap, last_state, mark, paths, records


def errors(run: Run) -> list[str]:
    """Return the errors and warnings of a run's log, every line of which must have a level."""
    lines = run.err.splitlines()
    assert all(re.match(r"(INFO|WARNING|ERROR) \S", line) for line in lines), run.err
    return [line for line in lines if line.startswith("ERROR ")]


def test_version_and_help(tmp_path: Path) -> None:
    """
    Both are printed without a config, and end with 0; the help names every option.
    """
    tap = Tap(tmp_path)
    version = tap.bare("--version")
    assert version.code == 0
    assert re.fullmatch(r"tap-hubspot-engagements \d+\.\d+\.\d+\n", version.out)
    shown = tap.bare("--help")
    assert shown.code == 0
    for option in (
        "--config --catalog --properties --state --discover --check --full-refresh --version"
    ).split():
        assert option in shown.out


def test_about_is_the_configuration(tmp_path: Path) -> None:
    """
    --about prints every key as JSON Schema that accepts the defaults and refuses what the tap does.
    """
    shown = Tap(tmp_path).bare("--about")
    assert (shown.code, shown.err) == (0, "")
    about = json.loads(shown.out)
    assert about["name"] == "tap-hubspot-engagements"
    settings = about["settings"]
    assert list(settings["properties"]) == list(defaults())
    for name, one in settings["properties"].items():
        assert one["description"] == defaults()[name][1]
        if "default" in one:
            jsonschema.validate({name: one["default"]}, settings)
    for name, value in (("page_size", 0), ("request_timeout", "x"), ("user_agent", 1)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({name: value}, settings)
    assert settings["properties"]["access_token"]["writeOnly"]
    assert settings["properties"]["lookback_seconds"]["x-unit"] == "seconds"


def test_about_as_markdown(tmp_path: Path) -> None:
    """
    --about --format markdown has a row for each key; an unknown format ends with 2.
    """
    shown = Tap(tmp_path).bare("--about", "--format", "markdown")
    assert shown.code == 0
    rows = [line.split(" | ") for line in shown.out.splitlines() if line.startswith("| ")]
    assert [row[0][2:] for row in rows[1:]] == list(defaults())
    assert ["| page_size", "integer", "", "engagements"] in [row[:4] for row in rows]
    assert Tap(tmp_path).bare("--about", "--format", "xml").code == 2


def test_an_unknown_option(tmp_path: Path) -> None:
    """
    A wrong option ends with 2.
    """
    run = Tap(tmp_path).bare("--everything")
    assert (run.code, run.out) == (2, "")


def test_a_run(run_tap: Tap) -> None:
    """
    Messages go to stdout and nothing else does; the log goes to stderr, a level on each line.
    """
    run = run_tap()
    assert run.code == 0
    kinds = {message["type"] for message in run.messages}
    assert kinds == {"SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION"}
    assert errors(run) == []
    assert "INFO reading all engagements\n" in run.err
    assert re.search(r"^INFO engagements of type NOTE: \d+$", run.err, re.M)
    assert re.search(r"^INFO done: \d+ engagements in .* 4 requests, 0 retried, ", run.err, re.M)


def test_misfits_and_u0000_are_counted(serve: Serve, tmp_path: Path) -> None:
    """
    The summary counts type mismatches by column, and removals of U+0000.
    """
    portal = Portal()
    for owner in ("70", 71, "72"):
        inner = {"type": "NOTE", "ownerId": owner}
        portal.create({"engagement": inner, "metadata": {"body": "\x00"}})
    run = Tap(tmp_path, serve(portal))(start_date="2018-01-01", lookback_seconds=0)
    mismatches = "WARNING 4 values of engagements.ownerId do not have its type: kept in extra\n"
    assert mismatches in run.err
    assert "WARNING U+0000 removed from the texts of 6 engagements\n" in run.err


def test_a_second_run(run_tap: Tap, hubspot: Simulator) -> None:
    """
    The state of the first run makes the second one request; --full-refresh reads all again.
    """
    state = last_state(run_tap().messages)
    hubspot.requests.clear()
    assert run_tap(state=state).code == 0
    assert paths(hubspot) == ["after"]
    hubspot.requests.clear()
    run = run_tap("--full-refresh", state=state)
    assert paths(hubspot) == ["paged", "modified", "after"]
    assert len({record["id"] for record in records(run.messages)}) == 60


def test_a_state_that_requests_a_full_refresh(run_tap: Tap, hubspot: Simulator) -> None:
    """
    `full_refresh` in a state reads all again, as the option does, and only once.
    """
    state = last_state(run_tap().messages)
    hubspot.requests.clear()
    run = run_tap(state={**state, "full_refresh": True})
    assert paths(hubspot) == ["paged", "modified", "after"]
    states = [message["value"] for message in run.messages if message["type"] == "STATE"]
    assert not any(value["full_refresh"] for value in states)
    hubspot.requests.clear()
    assert run_tap(state=states[-1]).code == 0
    assert paths(hubspot) == ["after"]


def test_the_example_of_a_state(run_tap: Tap) -> None:
    """
    state.json.example is a state that a run goes on from.
    """
    run = run_tap(state=json.loads((REPOSITORY / "state.json.example").read_text()))
    assert run.code == 0
    assert "lastUpdated" in mark(last_state(run.messages))


def test_the_sample_config(hubspot: Simulator, tmp_path: Path) -> None:
    """
    sample_config.json is accepted unchanged.
    """
    sample = json.loads((REPOSITORY / "sample_config.json").read_text())
    assert Config.from_dict(sample, {})
    hubspot.token = sample["access_token"]
    run = Tap(tmp_path, hubspot)(config={**sample, "base_url": hubspot.url})
    assert run.code == 0
    assert "unknown config key" not in run.err


def test_the_token_of_the_environment(run_tap: Tap, hubspot: Simulator) -> None:
    """
    With the token in the environment, the config needs none.
    """
    environment = {"HUBSPOT_ACCESS_TOKEN": TOKEN}
    assert run_tap(config={"base_url": hubspot.url}, environment=environment).code == 0


@pytest.mark.parametrize("text", ["", "\n", "{}", '{"bookmarks": null}', '{"bookmarks": {}}'])
def test_a_file_without_a_state(text: str, run_tap: Tap) -> None:
    """
    The empty file of a first, failed run is no state; a line says so.
    """
    run = run_tap(state=text)
    assert run.code == 0, run.err
    assert "state.json holds no state: everything is read from the beginning" in run.err


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "a config that is not there": ({}, "config.json: cannot be read: No such file or directory"),
    "a config that is no JSON": (
        {"config": '{"access_token": "pat-secret'},
        "config.json: not JSON",
    ),
    "a config that is a list": ({"config": "[]"}, "config.json: must hold a JSON object"),
    "a config with faults": (
        {"config": {"hapikey": "pat-secret", "page_size": 0}},
        "hapikey: HubSpot ended API keys on 2022-11-30; use access_token; page_size: must be",
    ),
    "a state that is not there": (
        {"config": {"access_token": "pat-secret"}, "state": None},
        "state.json: cannot be read: No such file or directory",
    ),
    "a state nested too deeply": (
        {"config": {"access_token": "pat-secret"}, "state": 100_000 * "[" + 100_000 * "]"},
        "state.json: nested too deeply",
    ),
    "a state that is a list": (
        {"config": {"access_token": "pat-secret"}, "state": "[1]"},
        "state.json: must hold a JSON object",
    ),
    "a state that makes no sense": (
        {
            "config": {"access_token": "pat-secret"},
            "state": {"bookmarks": {"engagements": {"lastUpdated": "soon"}}},
        },
        "state: bookmarks.engagements cannot be read",
    ),
    "a catalog that is no JSON": (
        {"config": {"access_token": "pat-secret"}, "catalog": "{"},
        "catalog.json: not JSON",
    ),
    "a catalog that selects nothing": (
        {"config": {"access_token": "pat-secret"}, "catalog": {"streams": []}},
        "catalog: selects no stream",
    ),
}


@pytest.mark.parametrize(("files", "text"), FAULTY.values(), ids=FAULTY)
def test_faulty_files(files: dict[str, Any], text: str, tmp_path: Path) -> None:
    """
    A faulty file ends the run with 2, a line with the reason, and no messages.
    """
    tap = Tap(tmp_path)
    arguments: list[object] = ["--config", tmp_path / "config.json"]
    for name, value in files.items():
        path = tmp_path / f"{name}.json"
        if value is not None:
            tap.write(path.name, value)
        if name != "config":
            arguments += [f"--{name}", path]
    run = tap.bare(*arguments)
    assert run.code == 2
    assert len(errors(run)) == 1
    assert text in errors(run)[0]
    assert "pat-secret" not in run.err + run.out
    assert "RECORD" not in run.out


ENDS = {
    "401": (faults.UNDECODABLE_TOKEN, 1, "check access_token"),
    "403": (faults.MISSING_SCOPES, 1, "grant the token crm.objects.contacts.read"),
    "403 with the token": (
        Fault(
            response=error_response(403, f"This oauth-token ({TOKEN}) does not have permissions!")
        ),
        1,
        "This oauth-token (***) does not have permissions!",
    ),
    "400": (faults.BAD_PARAMETER, 1, "Unable to parse value for query parameter"),
    "404": (faults.NOT_FOUND, 1, "resource not found"),
    "477 for a day": (
        Fault(response=Response(477, headers={"Retry-After": "86400"})),
        1,
        "477",
    ),
    "429 of the day": (faults.DAILY_LIMIT_REACHED, 3, "ends at midnight"),
}


@pytest.mark.parametrize(("fault", "code", "text"), ENDS.values(), ids=ENDS)
def test_how_a_refused_run_ends(
    fault: Fault, code: int, text: str, run_tap: Tap, hubspot: Simulator
) -> None:
    """
    A refusal ends the run with a single line; all earlier records are written, with a state.
    """
    hubspot.faults.add(fault.at(4, times=None))
    run = run_tap(page_size=20)
    assert run.code == code
    assert len(errors(run)) == 1
    assert text in errors(run)[0]
    assert len(records(run.messages)) == 40
    assert run.messages[-1]["type"] == "STATE"
    assert mark(last_state(run.messages))["backfill"]
    assert TOKEN not in run.out + run.err


def test_a_fault_that_passes(run_tap: Tap, hubspot: Simulator) -> None:
    """
    A fault that passes is a warning with the wait, and the run succeeds.
    """
    hubspot.faults.add(faults.RATE_LIMITED_WITH_RETRY_AFTER.at(2))
    run = run_tap()
    assert run.code == 0
    assert re.search(r"^WARNING .*429 You have reached .*: retrying in 1.0 s$", run.err, re.M)
    assert "1 retried, 1.0 s waited" in run.err
    assert TOKEN not in run.out + run.err


def test_check(run_tap: Tap, hubspot: Simulator) -> None:
    """
    --check says whether the token serves: 0 with the portal, 1 with the reason; 2 without a token.
    """
    run = run_tap("--check")
    assert (run.code, run.err) == (0, "")
    streams = [name for name, stream in STREAMS.items() if not stream.parent]
    readable = "".join(f"{stream}: can be read\n" for stream in streams)
    assert run.out == f"token accepted, portal 62515\n{readable}"

    hubspot.faults.add(faults.MISSING_SCOPES.at(path="paged"))
    run = run_tap("--check")
    assert run.code == 1
    assert "crm.objects.contacts.read" in errors(run)[0]

    assert run_tap("--check", config={}).code == 2


def test_check_of_an_empty_portal(serve: Serve, tmp_path: Path) -> None:
    """
    A portal without engagements is no failure.
    """
    assert Tap(tmp_path, serve(Portal()))("--check").code == 0
