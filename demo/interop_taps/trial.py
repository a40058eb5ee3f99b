"""One tap in one mode: two runs through target-mysql, and what differs afterwards."""

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
    What a trial found.

    `lost` are differences between MySQL and the RECORDs, by column; `missent` those between the
    RECORDs and the source; `unsent` the columns that the tap leaves out.
    """

    rows: int = 0
    values: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    missent: dict[str, str] = field(default_factory=dict)
    unsent: list[str] = field(default_factory=list)


def run_trial(tap: Tap, mode: Mode, source: Source, target: PrivateServer, folder: Path) -> Verdict:
    """Load the source twice, with changes in between if it is a table; raises TapFailed."""
    source.fill()
    (folder / "tap.json").write_text(json.dumps(tap.configure(source)))
    _run_sql(target, f"DROP DATABASE IF EXISTS {DATABASE}")
    replay = Replay()
    with _replication_slot(source, tap.slot if mode is Mode.LOG_BASED else ""):
        _load(tap, mode, replay, target, folder)
        if isinstance(source, SqlSource):
            source.change()
            _load(tap, mode, replay, target, folder)
    verdict = compare(source, replay, _read_target(target))
    has_versions = any(replay.versions.values())
    if mode is Mode.INCREMENTAL or (mode is Mode.FULL_TABLE and not has_versions):
        # Neither mode tells of a deletion: the row stays.
        verdict.missent = {key: what for key, what in verdict.missent.items() if what != UNTOLD}
    return verdict


@contextmanager
def _replication_slot(source: Source, slot: str) -> Iterator[None]:
    """Make a slot of PostgreSQL, which keeps the changes from then on, and remove it in the end."""
    if not slot or not isinstance(source, PostgresSource):
        yield
        return
    source.run(f"SELECT pg_create_logical_replication_slot('{slot}', 'wal2json')")
    try:
        yield
    finally:
        source.run(f"SELECT pg_drop_replication_slot('{slot}')")


def compare(source: Source, replay: Replay, stored: Rows) -> Verdict:
    """Compare MySQL's live rows with the messages, and the messages with the source."""
    sent, original = replay.live, source.read()
    verdict = Verdict(len(sent))
    verdict.lost |= _key_difference(sent, stored)
    verdict.missent |= _key_difference(original, sent)
    for key, record in sent.items():
        for name, value in record.items():
            if name.startswith(METADATA) or key not in stored:
                continue
            verdict.values += 1
            cell = stored[key].get(name)
            if not is_stored_as_sent(replay.schema.get(name, {}), value, cell):
                verdict.lost.setdefault(name, f"{_show(cell)} for {_show(value)}")
    for name, value, own in _pairs(source, sent, original):
        if normalize(source.kinds[name], value) != normalize(source.kinds[name], own):
            verdict.missent.setdefault(name, f"{_show(value)} for {_show(own)}")
    properties = {name for record in sent.values() for name in record}
    verdict.unsent = sorted(source.kinds.keys() - properties)
    return verdict


def _pairs(source: Source, sent: Rows, original: Rows) -> Iterator[tuple[str, Any, Any]]:
    """Yield each value that both the RECORDs and the source have: column, sent, original."""
    for key in sent.keys() & original.keys():
        for name in source.kinds.keys() & sent[key].keys():
            yield name, sent[key][name], original[key][name]


def _key_difference(expected: Rows, found: Rows) -> dict[str, str]:
    missing, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
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
    if not replay.rows:
        raise TapFailed("the tap sends no records")
    states = done.stdout.splitlines()
    if replay.state is not None and json.loads(states[-1]) != replay.state:
        raise TargetFailed(f"the state is {states[-1]}, not {replay.state}")


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
