"""Whether the target's memory is the same whatever the number of records."""

from __future__ import annotations

import subprocess

from benchmarks.contest import Contender, Contest, hold
from benchmarks.measure import Run, Usage
from benchmarks.singer_lines import narrow_lines
from demo.private_server import PrivateServer
from demo.shell import PROGRAMS

RECORDS = (100_000, 1_000_000, 10_000_000)


def measure(server: PrivateServer) -> list[Contest]:
    """Load RECORDS of twelve columns, once each."""
    contenders = [_contender(server, records) for records in RECORDS]
    return [hold("Memory of target-mysql, by the number of records", RECORDS[0], contenders)]


def _contender(server: PrivateServer, records: int) -> Contender:
    environment = {**server.environment(), "TARGET_MYSQL_DATABASE": f"memory_{records}"}

    def run() -> Usage:
        target = Run([PROGRAMS / "target-mysql"], environment, stdin=subprocess.PIPE)
        assert target.process.stdin is not None  # it was asked for
        with target.process.stdin as stdin:
            for line in narrow_lines(records, 0):
                stdin.write(line)
        return target.usage()

    return Contender("target-mysql", run, records=records, runs=1)
