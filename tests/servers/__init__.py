"""
The servers that tests can run on; TEST_SERVER names one, by default MariaDB.

Differences between the servers that tests must know are fields of `Family`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from private_servers import mariadb, mariadb_11_8, mysql_5_6, mysql_9, seekdb
from private_servers.server import PrivateServer


@dataclass(frozen=True)
class Family:
    """A server to test on, and the differences that tests must know."""

    program: type[PrivateServer]
    install: Callable[[], None]
    version: str  # a part of the server's version
    collation: str
    row_format: str = "Dynamic"
    key_characters: int = 768  # the longest text of a key's column
    no_pad: bool = True  # whether a trailing space in a key makes another key
    without_tls: tuple[str, ...] = ()  # options of a server that creates certificates by default
    speaks_tls: bool = True
    reads_json: bool = True  # by JSON functions
    rewrites_json: bool = False  # spaces, the order of names, 1.10 as 1.1
    passwords: tuple[str, ...] = ("BY 's3cr3t'",)  # the SQL that identifies a user
    own_tls_modes: tuple[str, ...] = (
        "DISABLED",
        "PREFERRED",
    )  # that work with the server's defaults
    checks_references: bool = False  # the right REFERENCES
    is_optional: bool = False  # tests skip instead of failing if the server cannot be installed
    takes_options: bool = True  # mysqld's options
    load_data: str = "allowed"  # the verdict of --check
    has_temporary_tables: bool = True
    has_latin1: bool = True
    references_longer_text: bool = True  # by a foreign key, from a column of shorter text
    snapshot_at_start: bool = True  # of a transaction, not at its first query
    chains_transactions: bool = True  # whether completion_type has an effect
    hides_tables: bool = True  # on which a user has no right, in information_schema
    # Whether an open transaction delays an index, and LOCK TABLES delays readers.
    locks_tables: bool = True
    # The connections whose statement waits for another's lock.
    lock_waits: str = (
        "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx"
        " WHERE trx_state = 'LOCK WAIT'"
    )
    short_lock_wait: str = "SET innodb_lock_wait_timeout = 1"  # a second

    def server(self, options: Sequence[str] = ()) -> PrivateServer:
        """Return a new server, not started; skips the test if the server lacks the options."""
        if options and not self.takes_options:
            pytest.skip(f"this server has no options like {options[0]}")
        return self.program(options)


MARIADB = Family(
    mariadb.PrivateMariaDB,
    mariadb.install,
    "MariaDB",
    "utf8mb4_nopad_bin",
    without_tls=("--skip-ssl",),  # from 11.4 on
)
# Clusters have separate tests, which no other server runs.
GALERA, GROUP_REPLICATION = "galera", "group-replication"
FAMILIES = {
    "mariadb": MARIADB,
    "mariadb-11.8": replace(
        MARIADB, program=mariadb_11_8.PrivateMariaDB118, install=mariadb_11_8.install
    ),
    GALERA: MARIADB,
    "mysql-9": Family(
        mysql_9.PrivateMySQL9,
        mysql_9.install,
        "9.",
        "utf8mb4_0900_bin",
        without_tls=("--tls-version=",),
        rewrites_json=True,
        checks_references=True,
        passwords=("WITH caching_sha2_password BY 's3cr3t'", "WITH sha256_password BY 's3cr3t'"),
        own_tls_modes=("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA"),
    ),
    "mysql-5.6": Family(
        mysql_5_6.PrivateMySQL56,
        mysql_5_6.install,
        "5.6.",
        "utf8mb4_bin",
        row_format="Compact",
        key_characters=191,
        no_pad=False,
        speaks_tls=False,
        reads_json=False,
    ),
    "seekdb": Family(
        seekdb.PrivateSeekDB,
        seekdb.install,
        "OceanBase",
        "utf8mb4_bin",
        no_pad=False,
        speaks_tls=False,
        is_optional=True,
        takes_options=False,
        load_data="unsafe on OceanBase, INSERT is used",
        has_temporary_tables=False,
        has_latin1=False,
        references_longer_text=False,
        snapshot_at_start=False,
        chains_transactions=False,
        hides_tables=False,
        locks_tables=False,
        lock_waits="SELECT session_id FROM oceanbase.V$OB_LOCKS WHERE block = 1",
        short_lock_wait="SET ob_trx_lock_timeout = 1000000",
    ),
}
FAMILIES[GROUP_REPLICATION] = FAMILIES["mysql-9"]
CHOSEN = os.environ.get("TEST_SERVER", "mariadb")
FAMILY = FAMILIES[CHOSEN]
