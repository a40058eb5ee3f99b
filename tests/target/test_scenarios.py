"""Faulty streams, each named for its fault, and their outcomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import TestDatabase, run_program

SCENARIOS = Path(__file__).parent / "scenarios"
# Each has a good record and its state on lines 2 and 3, the trouble on line 4, and more after it.
REFUSED = {
    "line_is_not_json": "line 4: not JSON",
    "line_is_cut": "line 4, stream things: not JSON",
    "line_is_no_object": "line 4: not a JSON object",
    "unknown_message_type": "line 4: unknown message type 'BATCH'",
    "record_before_schema": "line 4, stream others: RECORD before SCHEMA",
    "record_without_record": "line 4, stream things: not a RECORD message with a record",
    "state_without_value": "line 4: STATE message: needs a value",
    "missing_key": "line 4, stream things: key property id is missing or null",
    "null_key": "line 4, stream things: key property id is missing or null",
    "schema_without_properties": "line 4, stream others: SCHEMA without properties",
    "key_not_in_schema": "line 4, stream others: key property id is not among the properties",
    "stream_without_key": "line 4, stream others: no key_properties",
    "text_in_integer": "line 4, stream things, key id=2, column number: not an integer: 'many'",
    "no_date_time": "line 4, stream things, key id=2, column at: not a date-time: 'yesterday'",
    "year_that_mysql_lacks": "line 4, stream things, key id=2, column at: not a date-time that",
    "no_boolean": "line 4, stream things, key id=2, column yes: not a boolean: 'perhaps'",
    "activate_version_before_schema": "line 4, stream others: ACTIVATE_VERSION before SCHEMA",
}
LOADED = {
    "blank_lines_and_no_end": [(1, "gööd")],
    "empty": None,
}


def read(name: str) -> bytes:
    return (SCENARIOS / f"{name}.singer").read_bytes()


def test_every_scenario_has_an_outcome() -> None:
    """
    No scenario file is without an expectation, and none is missing.
    """
    assert {path.stem for path in SCENARIOS.iterdir()} == REFUSED.keys() | LOADED.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_line_is_refused(name: str, database: TestDatabase) -> None:
    """
    Exit code 1 and a line with the place; earlier records are loaded and claimed, later ones are
    not.
    """
    done = run_program("target-mysql", stdin=read(name), environment=database.environment)
    errors = [line for line in done.err.splitlines() if not line.startswith("INFO")]
    assert done.code == 1
    assert len(errors) == 1, done.err
    assert errors[0].startswith(f"ERROR {REFUSED[name]}"), errors[0]
    assert done.out == '{"reached":1}\n'
    assert database.query("SELECT id, name FROM things") == [(1, "good")]


@pytest.mark.parametrize("name", LOADED)
def test_what_only_looks_like_trouble_is_loaded(name: str, database: TestDatabase) -> None:
    """
    Blank lines, a last line without an end, and an empty input are no errors.
    """
    done = run_program("target-mysql", stdin=read(name), environment=database.environment)
    assert done.code == 0, done.err
    expected = LOADED[name]
    assert done.out == ('{"reached": 1}\n' if expected else "")
    if expected:
        assert database.query("SELECT id, name FROM things") == expected
