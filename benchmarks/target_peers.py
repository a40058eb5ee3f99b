"""
Measures target-mysql, compared with other targets and loaders.

Not compared, because nothing can be run: pipelinewise-target-mysql and transferwise-target-mysql
are not on PyPI; target-mysql 0.8.0 and singer-target-mysql 0.0.2 are empty there;
macrometa-target-mysql 0.0.12 (Python 3.10) loads its input and then does not end. ingestr 1.1
downloads a program from GitHub; 0.14 loads by dlt.
"""

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
from benchmarks.databases import MySQLDatabase, PostgresDatabase
from benchmarks.measure import Run
from benchmarks.work import KINDS, OURS, Track, Work
from private_servers.postgres import ADMIN, PrivatePostgres

PROGRAMS = Path(__file__).parent / "programs"
SDK_TARGET, DLT_PIPELINE = PROGRAMS / "sdk_target.py", PROGRAMS / "dlt_pipeline.py"
RECORDS, SLOW_PEER_RECORDS = 100_000, 2_000
SDK = "a target made with Meltano's SDK"
THK = "thk-target-mysql 0.1.3, which updates nothing"
PIPELINEWISE = "pipelinewise-target-postgres 2.1.2, on PostgreSQL"
DLT, DLT_ARROW = "dlt 1.31.0, merge", "dlt 1.31.0, merge of Arrow tables"
SLING = "Sling 1.4.11, incremental, from CSV"
MOST = {  # of their wall time
    SDK: 1 / 10,
    THK: 1 / 10,
    PIPELINEWISE: 1 / 2,
    DLT: 1 / 4,
    DLT_ARROW: 1 / 3,
    SLING: 1 / 3,
}
# A fast load of few records is mostly the start of the program.
NO_GOAL_FOR_FEW = MOST.keys() - {THK}
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
    makers = (
        _sdk_target,
        _thk_target,
        partial(_pipelinewise_target, postgres=postgres),
        _dlt_pipelines,
        _sling,
    )
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
    place = {"port": track.server.port, "database": "sdk"}
    config = _write_config(track, "sdk", {**place, "password": track.server.password})
    command = [peers.sdk() / "python", SDK_TARGET, "--config", config]
    return [track.reads_lines(SDK, "sdk", *command, **PEERS)]


def _thk_target(track: Track) -> Sequence[Contender]:
    if track.work.records > SLOW_PEER_RECORDS:
        return []  # the time grows with the square of the records
    place = {"host": "127.0.0.1", "port": str(track.server.port), "database": "thk"}
    login = {"user": "root", "password": track.server.password}
    settings = {"driver_name": "mysql", **login, **place}
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


def _dlt_pipelines(track: Track) -> Sequence[Contender]:
    command = [peers.dlt() / "python", DLT_PIPELINE]
    return [
        track.reads_lines(DLT, "dlt", *command, **PEERS),
        track.reads_lines(DLT_ARROW, "dlt_arrow", *command, "--arrow", **PEERS),
    ]


def _sling(track: Track) -> Sequence[Contender]:
    """
    Return Sling with its defaults, and a primary key in the table, for its merge.

    CSV loads faster than lines of JSON. With `allow_bulk_import`, Sling loads by LOAD DATA, finds
    that the first row is missing, and fails.
    """
    database = MySQLDatabase(track.server, "sling")
    server = {"type": "mysql", "host": "127.0.0.1", "port": track.server.port}
    login = {"user": "root", "password": track.server.password, "database": database.name}
    environment = {
        "SERVER": json.dumps({**server, **login}),
        "SLING_DISABLE_TELEMETRY": "true",
        "SLING_HOME_DIR": str(track.work.folder / "sling"),
    }
    to = ["--tgt-conn", "SERVER", "--tgt-object", f"{database.name}.{singer_lines.STREAM}"]
    options = json.dumps({"table_keys": {"primary": ["id"]}, "column_casing": "source"})
    how = ["--mode", "incremental", "--primary-key", "id", "--tgt-options", options]
    command: list[str | Path] = [peers.sling(), "run", *to, *how, "--src-stream"]

    def start(change: int) -> Run:
        file = f"file://{track.work.csv_file(change)}"
        return Run([*command, file], environment, server=track.server.pid)

    return [track.contender(SLING, database, start, **PEERS)]


def _write_config(track: Track, name: str, settings: dict[str, Any]) -> Path:
    config = track.work.folder / f"{name}.json"
    config.write_text(json.dumps(settings))
    return config
