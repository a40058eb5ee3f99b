"""The streams that Meltano's SDK tests every target with, and their outcomes here."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from target_mysql.tables.identifiers import quote, to_name
from tests.conftest import Outcome, TestDatabase, run_program
from tests.target.conftest import settings

SDK = "singer-sdk==0.54.9"
FOLDER = "singer_sdk/testing/target_test_streams/"
REFUSED = {
    "invalid_schema": "line 1, stream test_invalid_schema: SCHEMA without properties",
    "record_before_schema": "line 1, stream test_record_before_schema: RECORD before SCHEMA",
    "record_missing_key_property": (
        "line 2, stream test_record_missing_key_property: key property id is missing or null"
    ),
}
LOADED = (
    "array_data camelcase camelcase_complex_schema duplicate_records encoded_string_data"
    " multiple_state_messages no_primary_keys no_primary_keys_append optional_attributes pk_updates"
    " record_missing_fields record_missing_required_property schema_no_properties schema_updates"
    " special_chars_in_attributes user_location_data user_location_upsert_data"
).split()

Record = dict[str, Any]


@pytest.fixture(scope="session")
def streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files by name, from the SDK's wheel, which is not installed."""
    folder = tmp_path_factory.mktemp("sdk")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    done = subprocess.run([*command, SDK], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{SDK} cannot be downloaded: {done.stderr.strip()[-200:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(FOLDER)]
        return {Path(one).stem: archive.read(one) for one in names if one.endswith(".singer")}


def test_each_has_an_outcome(streams: dict[str, bytes]) -> None:
    """
    No file of the SDK is left out.
    """
    assert set(streams) == REFUSED.keys() | set(LOADED)


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_be_refused(streams: dict[str, bytes], name: str, database: TestDatabase) -> None:
    """
    Exit code 1, an error with its place, and no state.
    """
    done = run(database, streams[name])
    assert (done.code, done.out) == (1, "")
    assert f"ERROR {REFUSED[name]}" in done.err
    assert done.err.count("ERROR") == 1


@pytest.mark.parametrize("name", LOADED)
def test_what_must_be_loaded(streams: dict[str, bytes], name: str, database: TestDatabase) -> None:
    """
    Every record is loaded whole, deduplicated by key, and the last state is written.
    """
    done = run(database, streams[name])
    assert done.code == 0, done.err
    assert "WARNING" not in done.err
    messages = [json.loads(line) for line in streams[name].splitlines()]
    states = [one["value"] for one in messages if one["type"] == "STATE"]
    assert [json.loads(line) for line in done.out.splitlines()][-1:] == states[-1:]
    for stream in {one["stream"] for one in messages if one["type"] == "SCHEMA"}:
        assert in_table(database, stream) == expected(messages, stream)


def run(database: TestDatabase, lines: bytes) -> Outcome:
    environment = database.environment | settings(primary_key_required="false")
    return run_program("target-mysql", stdin=lines, environment=environment)


def expected(messages: list[Record], stream: str) -> list[str]:
    """Return the rows that a stream's table must have, as sorted JSON."""
    names: dict[str, None] = {}
    rows: dict[Any, Record] = {}
    key: list[str] = []
    for number, message in enumerate(messages):
        if message.get("stream") != stream:
            continue
        if message["type"] == "SCHEMA":
            names |= dict.fromkeys(message["schema"]["properties"])
            key = message.get("key_properties") or []
        elif message["type"] == "RECORD":
            record = message["record"]
            rows[tuple(record[one] for one in key) if key else number] = record
    return sorted(as_text({name: parsed(row.get(name)) for name in names}) for row in rows.values())


def in_table(database: TestDatabase, stream: str) -> list[str]:
    """Return the rows of the table in the same form, with objects and arrays parsed."""
    table = quote(to_name(stream)) % ()
    names = [row[0] for row in database.query(f"SHOW COLUMNS FROM {table}")]
    actual = []
    for row in database.query(f"SELECT * FROM {table}"):
        values = dict(zip(names, row, strict=True))
        actual.append({name: parsed(values[name]) for name in names if not name.startswith("_sdc")})
    return sorted(map(as_text, actual))


def parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "[{":
        return json.loads(value)
    is_whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_whole else value


def as_text(row: Record) -> str:
    return json.dumps(row, sort_keys=True)
