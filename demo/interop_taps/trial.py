"""A trial: two runs of a tap and target-mysql, and the differences afterwards."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.interop_taps.replay import DELETED_AT, Replay
from demo.interop_taps.sources import (
    REMOVED,
    TABLE,
    PostgresSource,
    Rows,
    Source,
    SqlSource,
    connect,
    read_table,
)
from demo.interop_taps.taps import Mode, Tap, TapFailed
from demo.interop_taps.values import is_stored_as_sent, normalize
from private_servers.server import PrivateServer
from private_servers.shell import PROGRAMS

DATABASE = "loaded"
SHOWN = 60  # characters of a value
METADATA = "_sdc_"
ROWS = "rows"  # among the columns of a verdict
UNTOLD = f"missing [], extra {[str(REMOVED)]}"


class TargetFailed(RuntimeError):
    """target-mysql ended with another exit code than 0."""


@dataclass
class Verdict:
    """
    The result of a trial; differences are by column, with an example.

    `target_faults` are differences between MySQL and the RECORDs, `tap_faults` those between the
    RECORDs and the source, `omissions` the columns that the tap does not send.
    """

    rows: int = 0
    values: int = 0
    target_faults: dict[str, str] = field(default_factory=dict)
    tap_faults: dict[str, str] = field(default_factory=dict)
    omissions: list[str] = field(default_factory=list)


def run_trial(tap: Tap, mode: Mode, source: Source, target: PrivateServer, folder: Path) -> Verdict:
    """Load the source; change and load a table once more. Raises TapFailed or TargetFailed."""
    source.fill()
    (folder / "tap.json").write_text(json.dumps(tap.configure(source)))
    _run_sql(target, f"DROP DATABASE IF EXISTS {DATABASE}")
    replay = Replay()
    with _replication_slot(source, tap.slot if mode is Mode.LOG_BASED else ""):
        _load(tap, mode, replay, target, folder)
        if isinstance(source, SqlSource):
            source.change()
            _load(tap, mode, replay, target, folder)
    if not replay.rows:
        raise TapFailed("the tap sends no records")
    verdict = compare(source, replay, _read_target(target))
    has_versions = any(replay.versions.values())
    if mode is Mode.INCREMENTAL or (mode is Mode.FULL_TABLE and not has_versions):
        # Neither mode tells of a deletion: the row stays.
        verdict.tap_faults = {
            key: what for key, what in verdict.tap_faults.items() if what != UNTOLD
        }
    return verdict


@contextmanager
def _replication_slot(source: Source, slot: str) -> Iterator[None]:
    """Create a replication slot, which keeps all later changes, and drop the slot in the end."""
    if not slot or not isinstance(source, PostgresSource):
        yield
        return
    source.run(f"SELECT pg_create_logical_replication_slot('{slot}', 'wal2json')")
    try:
        yield
    finally:
        source.run(f"SELECT pg_drop_replication_slot('{slot}')")


def compare(source: Source, replay: Replay, cells: Rows) -> Verdict:
    """Compare MySQL's live rows with the messages, and the messages with the source."""
    records, source_rows = replay.live, source.read()
    verdict = Verdict(len(records))
    verdict.target_faults |= _key_difference(records, cells)
    verdict.tap_faults |= _key_difference(source_rows, records)
    for key, record in records.items():
        for name, value in record.items():
            if name.startswith(METADATA) or key not in cells:
                continue
            verdict.values += 1
            cell = cells[key].get(name)
            if not is_stored_as_sent(replay.schema.get(name, {}), value, cell):
                verdict.target_faults.setdefault(name, f"{_show(cell)} for {_show(value)}")
    for name, value, own in _pairs(source, records, source_rows):
        if normalize(source.kinds[name], value) != normalize(source.kinds[name], own):
            verdict.tap_faults.setdefault(name, f"{_show(value)} for {_show(own)}")
    properties = {name for record in records.values() for name in record}
    verdict.omissions = sorted(source.kinds.keys() - properties)
    return verdict


def _pairs(source: Source, records: Rows, source_rows: Rows) -> Iterator[tuple[str, Any, Any]]:
    """Yield each value that both the RECORDs and the source have: column, sent, original."""
    for key in records.keys() & source_rows.keys():
        for name in source.kinds.keys() & records[key].keys():
            yield name, records[key][name], source_rows[key][name]


def _key_difference(wanted_rows: Rows, actual_rows: Rows) -> dict[str, str]:
    missing = wanted_rows.keys() - actual_rows.keys()
    extra = actual_rows.keys() - wanted_rows.keys()
    if not missing and not extra:
        return {}
    return {ROWS: f"missing {sorted(missing)}, extra {sorted(extra)}"}


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


def _load(tap: Tap, mode: Mode, replay: Replay, target: PrivateServer, folder: Path) -> None:
    lines = tap.run(folder, mode, replay.state)
    (folder / "lines").write_text("".join(f"{line}\n" for line in lines))
    environment = target.environment() | {
        "TARGET_MYSQL_DATABASE": DATABASE,
        "TARGET_MYSQL_PRIMARY_KEY_REQUIRED": "false",
        "TARGET_MYSQL_INVALID_DATES": "null",
        "TARGET_MYSQL_SSL_MODE": "DISABLED",
    }
    with (folder / "lines").open("rb") as file:
        done = subprocess.run(
            [PROGRAMS / "target-mysql"],
            stdin=file,
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            check=False,
        )
    if done.returncode:
        raise TargetFailed(done.stderr.strip().splitlines()[-1])
    replay.read(lines)
    last_state = json.loads((done.stdout.splitlines() or ["null"])[-1])
    if last_state != replay.state:
        raise TargetFailed(f"the last state is {last_state}, not {replay.state}")


def _read_target(target: PrivateServer) -> Rows:
    connection = connect(target, DATABASE)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SHOW TABLES LIKE '%{TABLE}'")
        ((table,),) = cursor.fetchall()
        cursor.execute(f"SHOW COLUMNS FROM `{table}` LIKE '{DELETED_AT}'")
        live = f"{DELETED_AT} IS NULL" if cursor.fetchall() else "TRUE"
    return read_table(target, DATABASE, table, live)


def _run_sql(target: PrivateServer, sql: str) -> None:
    connection = connect(target, "")
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
