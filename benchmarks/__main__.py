"""Runs all measurements on a private MariaDB and a served portal: `make bench`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import backfill, end_to_end, memory
from demo.private_mariadb import PrivateMariaDB, install

# A pool that holds what is loaded: the disk is not what is measured.
SERVER_OPTIONS = ("--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G")


def main() -> None:
    install()
    with (
        tempfile.TemporaryDirectory() as folder,
        PrivateMariaDB(Path(folder) / "mariadb", SERVER_OPTIONS) as server,
    ):
        end_to_end.measure(Path(folder), server)
        memory.measure(server)
        backfill.measure(Path(folder))


if __name__ == "__main__":
    main()
