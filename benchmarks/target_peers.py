"""How fast target-mysql loads, against other targets."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import peers, singer_lines
from benchmarks.bench import Bench
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.work import KINDS, OURS, Track, Work

SDK_TARGET = Path(__file__).parent / "programs" / "sdk_target.py"
RECORDS, SLOW_PEER_RECORDS = 100_000, 2_000
PEER_RUNS = 3
SDK, THK = "a target made with Meltano's SDK", "thk-target-mysql 0.1.3, which updates nothing"


def measure(bench: Bench) -> list[Contest]:
    """Load RECORDS into ours and others', and fewer into one that cannot take more."""
    found = []
    for records in (RECORDS, SLOW_PEER_RECORDS):
        work = Work(singer_lines.narrow_lines, 12, records, bench.folder)
        found += [_against_peers(Track(bench.server, work, kind)) for kind in KINDS[:2]]
    return found


def _against_peers(track: Track) -> Contest:
    contenders = [track.ours()]
    for name, make in (("sdk", _sdk_target), ("thk", _thk_target)):
        config = track.work.folder / f"{name}.json"
        settings = {"port": track.server.port, "host": "127.0.0.1", "user": "root"}
        try:
            contenders += make(track, {**settings, "database": name}, config)
        except peers.PeerMissing as error:
            print(f"not compared with: {error}", file=sys.stderr)
    goals = [Goal("wall_s", OURS, 1 / 10, (one.name,)) for one in contenders[1:]]
    return hold(f"{track.title()}, other targets", track.work.records, contenders, goals)


def _sdk_target(track: Track, settings: dict[str, Any], config: Path) -> list[Contender]:
    command = [peers.sdk() / "python", SDK_TARGET, "--config", config]
    config.write_text(json.dumps({key: settings[key] for key in ("port", "database")}))
    return [track.reads_lines(SDK, "sdk", *command, runs=PEER_RUNS)]


def _thk_target(track: Track, settings: dict[str, Any], config: Path) -> list[Contender]:
    if track.work.records > SLOW_PEER_RECORDS:
        return []  # its time grows with the square of them
    command = [peers.thk() / "target-mysql", "--config", config]
    text = {"driver_name": "mysql", "password": "", **settings, "port": str(settings["port"])}
    config.write_text(json.dumps(text))
    return [track.reads_lines(THK, "thk", *command, updates=False, runs=PEER_RUNS)]
