"""Logs as text and JSON, and the metrics file."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from hubspot_simulator.portal import Portal
from hubspot_simulator.server import Simulator
from tests.conftest import PROGRAMS, TIME, TestDatabase, clean_environment
from tests.metrics_file import read_metrics
from tests.pipeline import TOKEN
from tests.target.conftest import load, record, schema, settings, state, to_lines
from tests.target.feeding import END_S, THINGS

# The fields that Meltano's parser of the SDK's logs requires, and those that the SDK always has.
SDK_FIELDS = {
    *("level", "pid", "logger_name", "ts", "thread_name", "app_name", "message"),
    *("stream_name", "extra"),
}
TAP, TARGET = "tap-hubspot-engagements", "target-mysql"
HOSTILE = "things\x1b[31m\u2028\u202eforged"


def log_of(program: str, *arguments: str, stdin: bytes = b"", **environment: str) -> list[str]:
    """Run a program, whatever its exit code, and return the lines of its log."""
    done = subprocess.run(
        [PROGRAMS / program, *arguments],
        input=stdin,
        capture_output=True,
        env=clean_environment() | environment,
        timeout=END_S,
        check=False,
    )
    return done.stderr.decode().split("\n")[:-1]


def tap_log(simulator: Simulator, folder: Path, *arguments: str, **config: object) -> list[str]:
    path = folder / "config.json"
    path.write_text(json.dumps({"access_token": TOKEN, "base_url": simulator.url, **config}))
    return log_of(TAP, "--config", str(path), *arguments)


def events(lines: list[str], program: str) -> list[dict[str, Any]]:
    """Return the events of a JSON log, each of which has the SDK's fields."""
    parsed: list[dict[str, Any]] = [json.loads(line) for line in lines]
    for event in parsed:
        assert set(event) - {"metric_info"} == SDK_FIELDS
        assert event["level"] in ("debug", "info", "warning", "error")
        assert event["app_name"] == program
        assert abs(event["ts"] - time.time()) < 10 * END_S
    return parsed


def test_lines_of_text(database: TestDatabase, tmp_path: Path) -> None:
    """
    By default each line of both programs begins with the time in UTC and the level; names from
    data add no line and no control character.
    """
    with Simulator(Portal.june_2018()) as simulator:
        lines = tap_log(simulator, tmp_path)
    stream = schema({}, stream=HOSTILE)
    stdin = to_lines(stream, record({"id": 1}, stream=HOSTILE), state(1))
    lines += log_of(TARGET, stdin=stdin, **database.environment)
    assert len(lines) > 10
    for line in lines:
        assert re.match(f"{TIME}(INFO|WARNING|ERROR) \\S", line), line
        assert not re.search("[\x00-\x1f\x7f\u2028\u202e]", line), line
    assert any("forged" in line for line in lines)
    assert len([line for line in lines if " INFO METRIC: {" in line]) > 5


def test_events_of_json(database: TestDatabase, tmp_path: Path) -> None:
    """
    With log_format json each line of both programs is an object with the SDK's fields; metrics are
    objects, too, and control characters are escaped.
    """
    with Simulator(Portal.june_2018()) as simulator:
        of_tap = events(tap_log(simulator, tmp_path, log_format="json"), TAP)
    stream = schema({}, stream=HOSTILE)
    stdin = to_lines(stream, record({"id": 1}, stream=HOSTILE), state(1))
    environment = database.environment | settings(log_format="json")
    of_target = events(log_of(TARGET, stdin=stdin, **environment), TARGET)
    for log in (of_tap, of_target):
        points = [event["metric_info"] for event in log if "metric_info" in event]
        assert {"counter", "timer"} <= {point["type"] for point in points}
        assert not [e for e in log if re.search("[\x00-\x1f\x7f\u2028\u202e]", e["message"])]
    assert any("forged" in event["message"] for event in of_target)


@pytest.mark.parametrize("program", [TAP, TARGET])
def test_the_option_counts_over_the_configuration(program: str, tmp_path: Path) -> None:
    """
    --log-format counts from the first line on, errors of the configuration included.
    """
    path = tmp_path / "config.json"
    path.write_text('{"log_format": "text", "port": "x", "page_size": "x"}')
    (error,) = events(log_of(program, "--config", str(path), "--log-format", "json"), program)[-1:]
    assert error["level"] == "error" and "configuration: " in error["message"]
    text = log_of(program, "--config", str(path), "--log-format", "text")
    assert " ERROR configuration: " in text[-1]


def test_a_format_that_does_not_exist() -> None:
    """
    An unknown log_format is a fault of the configuration that names the two.
    """
    for program, variable in ((TARGET, "TARGET_MYSQL_LOG_FORMAT"),):
        lines = log_of(program, **{variable: "xml"})
        assert "log_format: must be one of text, json" in lines[-1]


# --- The metrics file -------------------------------------------------------------------------


def test_metrics_of_the_target(database: TestDatabase, tmp_path: Path) -> None:
    """
    The file has rows by stream, sizes, times and success of the last run, and keeps the time of the
    last success when a run fails. Others may read it, and nothing else is left in the folder.
    """
    path = tmp_path / "target.prom"
    config = {"metrics_file": path, "state_id": 'a"b'}
    rows = [record({"id": n}) for n in range(3)]
    assert load(database, THINGS, *rows, state(1), **config).code == 0
    labels = f'database="{database.name}",state_id="a\\"b"'
    first = read_metrics(path)
    assert first[f'target_mysql_last_run_records{{{labels},stream="things"}}'] == 3
    assert first[f'target_mysql_last_run_rows_inserted{{{labels},stream="things"}}'] == 3
    assert first[f"target_mysql_last_run_success{{{labels}}}"] == 1
    assert 0 < first[f"target_mysql_last_run_duration_seconds{{{labels}}}"] < END_S
    at = first[f"target_mysql_last_success_timestamp_seconds{{{labels}}}"]
    assert abs(at - time.time()) < END_S
    assert load(database, "no JSON", **config).code == 1
    second = read_metrics(path)
    assert second[f"target_mysql_last_run_success{{{labels}}}"] == 0
    assert second[f"target_mysql_last_success_timestamp_seconds{{{labels}}}"] == at
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_metrics_of_the_tap(tmp_path: Path) -> None:
    """
    The file has requests, records by stream, and the bookmark as Unix time, labelled by portal.
    """
    path = tmp_path / "tap.prom"
    with Simulator(Portal.june_2018()) as simulator:
        tap_log(simulator, tmp_path, metrics_file=str(path))
        portal = simulator.portal.portal_id
        newest_ms = max(r["engagement"]["lastUpdated"] for r in simulator.portal.records())
    metrics = read_metrics(path)
    labels = f'portal="{portal}"'
    name = f'tap_hubspot_engagements_last_run_records{{{labels},stream="engagements"}}'
    assert metrics[name] >= 64
    assert metrics[f"tap_hubspot_engagements_last_run_requests{{{labels}}}"] > 2
    bookmark = metrics[f"tap_hubspot_engagements_bookmark_timestamp_seconds{{{labels}}}"]
    assert bookmark == pytest.approx(newest_ms / 1000, abs=1)
    assert f"tap_hubspot_engagements_last_success_timestamp_seconds{{{labels}}}" in metrics


def test_a_metrics_file_that_cannot_be_written(database: TestDatabase, tmp_path: Path) -> None:
    """
    Without its folder the metrics file is a warning; the load is done.
    """
    done = load(database, state(1), metrics_file=tmp_path / "missing" / "target.prom")
    assert (done.code, done.out) == (0, "1\n")
    assert "WARNING metrics_file: cannot be written: " in done.err
