"""A replica of a private MariaDB, which applies the binary log when told to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from benchmarks.bench import SERVER_OPTIONS
from benchmarks.databases import query_rows
from benchmarks.measure import Usage, cpu_time_s
from private_servers.mariadb import PrivateMariaDB
from private_servers.server import PrivateServer

BINARY_LOG = "binlog"
# The default row image is FULL: an update logs the whole row twice, as it was and as it is.
SOURCE_OPTIONS = (f"--log-bin={BINARY_LOG}", "--binlog-format=ROW", "--server-id=1")
TIMEOUT_S = 3600


@dataclass(frozen=True)
class Replica:
    """A server that replicates another one, `source`, with one thread, MariaDB's default."""

    source: PrivateServer
    server: PrivateServer

    def catch_up(self) -> Usage:
        """
        Apply what the source has logged since the last time.

        Returns the wall and CPU time of the replica. Raises RuntimeError if it cannot apply all.
        """
        assert self.server.pid is not None, "the replica runs"
        process = psutil.Process(self.server.pid)
        (position,) = query_rows(self.source, "SHOW MASTER STATUS")
        began_s, began_cpu_s = time.monotonic(), cpu_time_s(process)
        query_rows(self.server, "START SLAVE")
        wait = f"SELECT MASTER_POS_WAIT('{position['File']}', {position['Position']}, {TIMEOUT_S})"
        (waited,) = query_rows(self.server, wait)
        usage = Usage(time.monotonic() - began_s, cpu_time_s(process) - began_cpu_s)
        (status,) = query_rows(self.server, "SHOW SLAVE STATUS")
        query_rows(self.server, "STOP SLAVE")
        if set(waited.values()) <= {None, -1}:
            raise RuntimeError(f"the replica stopped: {status['Last_SQL_Error']}")
        return usage


@contextmanager
def replicated() -> Iterator[Replica]:
    """Start a server with a binary log, and a replica that has applied nothing yet."""
    with (
        PrivateMariaDB((*SERVER_OPTIONS, *SOURCE_OPTIONS)) as source,
        PrivateMariaDB((*SERVER_OPTIONS, "--server-id=2")) as server,
    ):
        query_rows(
            server,
            f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {source.port},"
            f" MASTER_USER = 'root', MASTER_PASSWORD = '{source.password}',"
            f" MASTER_LOG_FILE = '{BINARY_LOG}.000001', MASTER_LOG_POS = 4",
        )
        yield Replica(source, server)
