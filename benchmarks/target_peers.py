"""Measures target-mysql, compared with other targets."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import peers, singer_lines
from benchmarks.bench import Bench
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.databases import PostgresDatabase
from benchmarks.work import KINDS, OURS, Track, Work
from private_servers.postgres import ADMIN, PrivatePostgres

SDK_TARGET = Path(__file__).parent / "programs" / "sdk_target.py"
RECORDS, SLOW_PEER_RECORDS = 100_000, 2_000
SDK = "a target made with Meltano's SDK"
THK = "thk-target-mysql 0.1.3, which updates nothing"
PIPELINEWISE = "pipelinewise-target-postgres 2.1.2, on PostgreSQL"
MOST = {SDK: 1 / 10, THK: 1 / 10, PIPELINEWISE: 1 / 2}  # of their wall time
# A fast load of few records is mostly the start of Python.
NO_GOAL_FOR_FEW = {SDK, PIPELINEWISE}
PEERS: Mapping[str, Any] = {"runs": 3, "may_fail": True}


def measure(bench: Bench) -> list[Contest]:
    """Load RECORDS by each target, and fewer records by a target that is too slow."""
    contests: list[Contest] = []
    with ExitStack() as stack:
        postgres = PrivatePostgres()
        try:
            stack.enter_context(postgres)
        except RuntimeError as error:
            print(f"not compared with: {PIPELINEWISE}: {error}", file=sys.stderr)
        for records in (RECORDS, SLOW_PEER_RECORDS):
            work = Work(singer_lines.narrow_lines, 12, records, bench.folder)
            contests += [
                _against_peers(Track(bench.server, work, kind), postgres) for kind in KINDS[:2]
            ]
    return contests


def _against_peers(track: Track, postgres: PrivatePostgres) -> Contest:
    contenders = [track.ours()]
    makers = (_sdk_target, _thk_target, partial(_pipelinewise_target, postgres=postgres))
    for make in makers:
        try:
            contenders += make(track)
        except peers.PeerMissing as error:
            print(f"not compared with: {error}", file=sys.stderr)
    names = {one.name for one in contenders[1:]}
    if track.work.records < RECORDS:
        names -= NO_GOAL_FOR_FEW
    goals = [Goal("wall_s", OURS, most, (name,)) for name, most in MOST.items() if name in names]
    return hold(f"{track.title()}, other targets", track.work.records, contenders, goals)


def _sdk_target(track: Track) -> Sequence[Contender]:
    config = _write_config(track, "sdk", {"port": track.server.port, "database": "sdk"})
    command = [peers.sdk() / "python", SDK_TARGET, "--config", config]
    return [track.reads_lines(SDK, "sdk", *command, **PEERS)]


def _thk_target(track: Track) -> Sequence[Contender]:
    if track.work.records > SLOW_PEER_RECORDS:
        return []  # the time grows with the square of the records
    place = {"host": "127.0.0.1", "port": str(track.server.port), "database": "thk"}
    settings = {"driver_name": "mysql", "user": "root", "password": "", **place}
    command = [peers.thk() / "target-mysql", "--config", _write_config(track, "thk", settings)]
    return [track.reads_lines(THK, "thk", *command, updates=False, **PEERS)]


def _pipelinewise_target(track: Track, postgres: PrivatePostgres) -> Sequence[Contender]:
    if postgres.pid is None:
        return []  # measure() has printed the reason
    database = PostgresDatabase(postgres, "pipelinewise")
    # Defaults otherwise: three columns less than ours, which adds metadata columns.
    settings = {
        "host": "127.0.0.1",
        "port": postgres.port,
        "user": ADMIN,
        "password": "none",  # required by the target, ignored by the server
        "dbname": database.name,
        "default_target_schema": "public",
    }
    config = _write_config(track, database.name, settings)
    command = [peers.pipelinewise() / "target-postgres", "--config", config]
    return [track.loads_into(database, PIPELINEWISE, *command, environment={}, **PEERS)]


def _write_config(track: Track, name: str, settings: dict[str, Any]) -> Path:
    config = track.work.folder / f"{name}.json"
    config.write_text(json.dumps(settings))
    return config
