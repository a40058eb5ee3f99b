"""Runs the measurements, all or those named, on a private MariaDB: `make bench`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import backfill, end_to_end, memory, reports, results, target
from demo.private_mariadb import PrivateMariaDB, install

# A pool that holds what is loaded: the disk is not what is measured.
SERVER_OPTIONS = ("--innodb-buffer-pool-size=4G", "--innodb-log-file-size=1G")
QUESTIONS = ("target", "memory", "end_to_end", "backfill", "reports")


def main() -> None:
    asked = sys.argv[1:] or QUESTIONS
    unknown = set(asked) - set(QUESTIONS)
    if unknown:
        sys.exit(f"no such questions: {', '.join(unknown)}; there are {', '.join(QUESTIONS)}")
    install()
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMariaDB(Path(name) / "mariadb", SERVER_OPTIONS) as server,
    ):
        folder = Path(name)
        if "target" in asked:
            results.save("target", target.measure(server, folder))
        if "memory" in asked:
            results.save("memory", memory.measure(server))
        if "end_to_end" in asked:
            end_to_end.measure(folder, server)
        if "backfill" in asked:
            backfill.measure(folder)
        if "reports" in asked:
            reports.measure(folder, server)
    results.render()


if __name__ == "__main__":
    main()
