"""Measures start-up: `--help`, `--discover`, and a load of an empty input."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.bench import TAP, TARGET, Bench
from benchmarks.contest import Contender, Contest, hold
from benchmarks.measure import Run, Usage
from private_servers.shell import PROGRAMS

REPORT = PROGRAMS / "engagements-report"
RUNS = 9  # the runs are short


def measure(bench: Bench) -> list[Contest]:
    """Start each program, and for comparison Python alone and with requests imported."""
    environment = bench.server.environment()
    lines = bench.folder / "nothing"
    lines.touch()

    def contender(name: str, *command: str | Path) -> Contender:
        def run() -> Usage:
            with lines.open("rb") as stdin:
                return Run(command, environment, stdin=stdin).usage()

        return Contender(name, run, runs=RUNS)

    contenders = [
        contender("tap-hubspot-engagements --help", TAP, "--help"),
        contender("tap-hubspot-engagements --discover", TAP, "--discover"),
        contender("target-mysql --help", TARGET, "--help"),
        contender("target-mysql, nothing to load", TARGET),
        contender("engagements-report --help", REPORT, "--help"),
        contender("python -c 'import requests'", sys.executable, "-c", "import requests"),
        contender("python -c pass", sys.executable, "-c", "pass"),
    ]
    return [hold("Start-up", 1, contenders, compared=False)]
