"""Runs all benchmarks, or those named as arguments, on a private MariaDB: `make bench`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import (
    full_pass,
    growth,
    hourly,
    increments,
    latency,
    limit,
    limit_end_to_end,
    memory,
    objects,
    objects_peers,
    pipe,
    repeated_load,
    reports,
    results,
    start_up,
    tap_peers,
    target,
    target_peers,
    write_back,
)
from benchmarks.bench import SERVER_OPTIONS, Bench
from benchmarks.contest import Contest
from private_servers.mariadb import PrivateMariaDB, install
from private_servers.shell import exit_code

QUESTIONS: Mapping[str, Callable[[Bench], list[Contest]]] = {
    "increments": increments.measure,
    "hourly": hourly.measure,
    "latency": latency.measure,
    "limit": limit.measure,
    "limit_end_to_end": limit_end_to_end.measure,
    "full_pass": full_pass.measure,
    "repeated_load": repeated_load.measure,
    "target": target.measure,
    "target_peers": target_peers.measure,
    "pipe": pipe.measure,
    "memory": memory.measure,
    "growth": growth.measure,
    "objects": objects.measure,
    "objects_peers": objects_peers.measure,
    "tap_peers": tap_peers.measure,
    "start_up": start_up.measure,
    "reports": reports.measure,
    "write_back": write_back.measure,
}


def main() -> None:
    names = sys.argv[1:] or QUESTIONS
    unknown = set(names) - QUESTIONS.keys()
    if unknown:
        sys.exit(f"no such benchmarks: {', '.join(unknown)}; choose from {', '.join(QUESTIONS)}")
    install()
    for name in names:
        # A new server for each: no benchmark measures the clean-up after another.
        with (
            tempfile.TemporaryDirectory() as folder,
            PrivateMariaDB(SERVER_OPTIONS) as server,
        ):
            results.save(name, QUESTIONS[name](Bench(server, Path(folder))))
        results.render()


if __name__ == "__main__":
    sys.exit(exit_code("bench", main))
