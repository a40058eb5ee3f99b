"""A replication group of three MySQL 9 servers, on loopback."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

import pymysql

from private_servers.mysql_9 import PrivateMySQL9, install
from private_servers.server import free_port

__all__ = ["GroupReplication", "install"]

GROUP = "aaaaaaaa-0000-4000-8000-aaaaaaaaaaaa"
CHANNEL = "FOR CHANNEL 'group_replication_recovery'"
USER, PASSWORD = "replica", "replica"
RIGHTS = "REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM"
MANY_PRIMARIES = (
    "--group-replication-single-primary-mode=OFF",
    "--group-replication-enforce-update-everywhere-checks=ON",
)
CHANGE_TIMEOUT_S = 180.0
NODES = 3


class GroupNode(PrivateMySQL9):
    """Node `number` of a group whose nodes replicate over `ports`."""

    binary_log = ()  # the group replicates it

    def __init__(self, ports: Sequence[int], number: int, options: Sequence[str]) -> None:
        group = {
            "group-name": GROUP,
            "local-address": f"127.0.0.1:{ports[number]}",
            "group-seeds": ",".join(f"127.0.0.1:{port}" for port in ports),
            "start-on-boot": "OFF",
            "ip-allowlist": "127.0.0.0/8",
            "recovery-get-public-key": "ON",
        }
        super().__init__()
        self.options = (
            "--plugin-load-add=group_replication.so",
            *(f"--group-replication-{name}={value}" for name, value in group.items()),
            f"--server-id={number + 1}",
            "--report-host=127.0.0.1",
            f"--report-port={self.port}",
            "--gtid-mode=ON",
            "--enforce-gtid-consistency=ON",
            f"--log-bin={self.folder / 'binlog'}",
            f"--relay-log={self.folder / 'relay'}",
            "--sync-binlog=0",
            *options,
        )

    def make_data(self) -> None:
        super().make_data()
        (self.data / "auto.cnf").unlink(missing_ok=True)  # each node needs an id of its own

    def join(self, *, founds: bool) -> None:
        """Join or found the group; returns when the node is a member."""
        self.run(
            "SET SQL_LOG_BIN = 0",
            f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT {RIGHTS} ON *.* TO {USER}@'%'",
            "SET SQL_LOG_BIN = 1",
            f"CHANGE REPLICATION SOURCE TO SOURCE_USER = '{USER}', SOURCE_PASSWORD = '{PASSWORD}'"
            f" {CHANNEL}",
            "RESET BINARY LOGS AND GTIDS",
            f"SET GLOBAL group_replication_bootstrap_group = {'ON' if founds else 'OFF'}",
            "START GROUP_REPLICATION",
            "SET GLOBAL group_replication_bootstrap_group = OFF",
        )
        self.wait_until_online()

    def wait_until_online(self) -> None:
        """Raises TimeoutError if this node does not become a member in time."""
        give_up_at = time.monotonic() + CHANGE_TIMEOUT_S
        sql = (
            "SELECT member_state FROM performance_schema.replication_group_members"
            " WHERE member_id = @@server_uuid"
        )
        while self.run(sql) != (("ONLINE",),):
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"a node is not a member of its group: see {self.folder}")
            time.sleep(0.05)

    def run(self, *statements: str) -> Any:
        """Run statements over a single connection; returns the rows of the last."""
        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            password=self.password,
            autocommit=True,
            connect_timeout=30,
        )
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()


class GroupReplication:
    """
    A group; the context manager starts, stops and removes the nodes.

    The first node is the primary; with `many_primaries` every node is.
    """

    def __init__(self, *, many_primaries: bool = False) -> None:
        self.nodes: list[GroupNode] = []
        self._options = MANY_PRIMARIES if many_primaries else ()
        self._stack = ExitStack()

    def __enter__(self) -> GroupReplication:
        with ExitStack() as stack:
            ports = [free_port() for _ in range(NODES)]
            self.nodes = [GroupNode(ports, number, self._options) for number in range(NODES)]
            for number, node in enumerate(self.nodes):
                node.password = self.nodes[0].password  # programs have one for all hosts
                stack.enter_context(node)
                node.join(founds=number == 0)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            with suppress(pymysql.MySQLError):
                node.run("STOP GROUP_REPLICATION")
        self._stack.close()
