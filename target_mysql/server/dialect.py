"""
The server behind a connection, and all differences between servers that the target knows.

MariaDB, OceanBase, MySQL 5.6, 5.7, 8 and later differ in the collation of keys, in JSON, in the
length of an index, and in the fastest engine for staging.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from target_mysql.tables.dialect import SMALL_KEY_BYTES, Dialect, JsonType

SERVER_FACTS = (
    "SELECT VERSION(), @@version_comment, @@local_infile, @@max_allowed_packet,"
    " @@lower_case_table_names, @@wait_timeout, @@innodb_page_size, @@hostname, @@port, @@server_id"
)
PRODUCT = "SELECT VERSION(), @@version_comment"
# Whether a MySQL 5.6 has the settings that are the defaults of 5.7.
LARGE_KEYS = "SELECT @@innodb_file_format = 'Barracuda' AND @@innodb_large_prefix"
MARIADB_JSON = JsonType("JSON", depth=31, keeps_digits=True)
MYSQL_JSON = JsonType("JSON", depth=100, keeps_digits=False)

Query = Callable[[str], Sequence[Any]]


@dataclass(frozen=True)
class Server:
    """
    A server's version, limits and dialect.

    `identity` differs between any two servers. With `folds_names`, `Things` and `things` are one
    table. The server ends a connection that is idle for `wait_timeout_s` seconds. OceanBase's LOAD
    DATA turns an empty text at the end of a row into NULL.
    """

    version: str
    identity: tuple[object, ...]
    is_mariadb: bool
    local_infile: bool
    is_oceanbase: bool
    max_allowed_packet: int
    folds_names: bool
    wait_timeout_s: int
    dialect: Dialect

    def fold(self, table_name: str) -> str:
        """Return one name for all names that mean the same table on this server."""
        return table_name.lower() if self.folds_names else table_name


def read_server(query: Query) -> Server:
    """Return the facts about the server that `query` sends a statement to."""
    (facts,) = query(SERVER_FACTS)
    version, comment, local_infile, max_packet, folds, wait_timeout_s, page, *identity = facts
    is_mariadb = "mariadb" in f"{version} {comment}".lower()
    dialect = _to_dialect(str(version), is_mariadb, query)
    if is_oceanbase((version, comment)):
        dialect = dialect.without_json()  # a JSON column cannot become text there (error 1235)
    return Server(
        version=str(version),
        identity=tuple(identity),
        is_mariadb=is_mariadb,
        local_infile=bool(local_infile),
        is_oceanbase=is_oceanbase((version, comment)),
        max_allowed_packet=int(max_packet),
        folds_names=bool(int(folds)),
        wait_timeout_s=int(wait_timeout_s),
        dialect=dialect.with_pages(int(page)),
    )


def is_oceanbase(product: object) -> bool:
    """Whether the result of PRODUCT is that of OceanBase, whose proxy hides the version."""
    return "oceanbase" in str(product).lower()


def _to_dialect(version: str, is_mariadb: bool, query: Query) -> Dialect:
    if is_mariadb:
        return Dialect(
            "utf8mb4_nopad_bin", MARIADB_JSON, row_format="DYNAMIC", staging_engine="Aria"
        )
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers >= (8, 0):
        return Dialect("utf8mb4_0900_bin", MYSQL_JSON, row_format="DYNAMIC")
    if numbers >= (5, 7):
        return Dialect("utf8mb4_bin", MYSQL_JSON, row_format="DYNAMIC", pads=True)
    ((has_large_keys,),) = query(LARGE_KEYS)
    if has_large_keys:
        return Dialect("utf8mb4_bin", None, row_format="DYNAMIC", pads=True)
    return Dialect("utf8mb4_bin", None, SMALL_KEY_BYTES, pads=True)
