"""Measures whether the target's memory is independent of the number of records."""

from __future__ import annotations

import subprocess

from benchmarks.bench import TARGET, Bench
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.databases import empty
from benchmarks.measure import Run, Usage
from benchmarks.singer_lines import narrow_lines
from private_servers.server import PrivateServer

RECORDS = (100_000, 1_000_000, 10_000_000)
MOST_MB = 80
FLAT = 1.1  # the most records to the fewest


def measure(bench: Bench) -> list[Contest]:
    """Load each number of RECORDS once, with twelve columns."""
    contenders = [_contender(bench.server, records) for records in RECORDS]
    fewest, most = contenders[0].name, contenders[-1].name
    goals = [Goal("peak_mb", most, MOST_MB), Goal("peak_mb", most, FLAT, (fewest,))]
    return [hold("Memory of target-mysql", RECORDS[0], contenders, goals)]


def _contender(server: PrivateServer, records: int) -> Contender:
    database = f"memory_{records}"
    environment = {**server.environment(), "TARGET_MYSQL_DATABASE": database}

    def run() -> Usage:
        empty(server, database)
        target = Run([TARGET], environment, stdin=subprocess.PIPE, server=server.pid)
        assert target.process.stdin is not None  # PIPE
        with target.process.stdin as stdin:
            for line in narrow_lines(records, 0):
                stdin.write(line)
        return target.usage()

    return Contender(f"{records:,} records", run, records=records, runs=1)
