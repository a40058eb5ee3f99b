"""Measures target-mysql, compared with the server alone and with plain loops."""

from __future__ import annotations

from benchmarks import singer_lines
from benchmarks.bench import TARGET, Bench
from benchmarks.contest import Contest, Goal, hold
from benchmarks.work import FLOOR, KINDS, OURS, PLAIN_LOOP, SERVER_ALONE, Track, Work

RECORDS, FEW_RECORDS, WIDE_RECORDS, INSERT_RECORDS = 1_000_000, 100_000, 200_000, 200_000
BY_INSERT, INSERTS = "target-mysql by INSERT", "a plain loop of 1,000-row INSERTs"
NARROW, WIDE = 12, 25  # columns


def measure(bench: Bench) -> list[Contest]:
    """Load many rows, wide rows, few rows, and rows by INSERT."""
    narrow = Work(singer_lines.narrow_lines, NARROW, RECORDS, bench.folder)
    wide = Work(singer_lines.wide_lines, WIDE, WIDE_RECORDS, bench.folder)
    few = Work(singer_lines.narrow_lines, NARROW, FEW_RECORDS, bench.folder)
    by_insert = Work(singer_lines.narrow_lines, NARROW, INSERT_RECORDS, bench.folder)
    return [
        *(
            _against_the_server(Track(bench.server, work, kind))
            for work in (narrow, wide)
            for kind in KINDS
        ),
        *(_against_a_loop(Track(bench.server, few, kind)) for kind in KINDS),
        *(_by_insert(Track(bench.server, by_insert, kind)) for kind in KINDS[:2]),
    ]


def _against_the_server(track: Track) -> Contest:
    contenders = [
        track.ours(),
        track.reads_lines(PLAIN_LOOP, "floor", *FLOOR),
        track.server_alone(),
    ]
    goals = [Goal("wall_s", OURS, 1 / 0.85, (SERVER_ALONE,))]
    return hold(track.title(), track.work.records, contenders, goals)


def _against_a_loop(track: Track) -> Contest:
    contenders = [track.ours(), track.reads_lines(PLAIN_LOOP, "floor", *FLOOR)]
    goals = [Goal("wall_s", OURS, 0.8, (PLAIN_LOOP,))]
    return hold(track.title(), track.work.records, contenders, goals)


def _by_insert(track: Track) -> Contest:
    by_insert = {"TARGET_MYSQL_LOAD_METHOD": "insert"}
    contenders = [
        track.reads_lines(BY_INSERT, "ours", TARGET, environment=by_insert),
        track.reads_lines(INSERTS, "floor", *FLOOR, "--insert"),
    ]
    goals = [Goal("wall_s", BY_INSERT, 1 / 0.8, (INSERTS,))]
    return hold(f"{track.title()}, by INSERT", track.work.records, contenders, goals)
