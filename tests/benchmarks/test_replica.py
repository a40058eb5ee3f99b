"""The replica that the full pass is measured with, on two real servers."""

from __future__ import annotations

import pytest

from benchmarks.databases import logs_mb, query_rows
from benchmarks.replica import replicated
from private_servers.mariadb import install


def test_a_replica_applies_what_its_source_has_logged() -> None:
    """
    The replica has the source's rows after each `catch_up`; a change that it refuses is an error.
    """
    install()
    with replicated() as replica:
        query_rows(replica.source, "CREATE TABLE mysql.numbers (number INT PRIMARY KEY)")
        before = logs_mb(replica.source)
        for number in (1, 2):
            query_rows(replica.source, f"INSERT INTO mysql.numbers VALUES ({number})")
            usage = replica.catch_up()
            assert usage.wall_s > 0
            rows = query_rows(replica.server, "SELECT MAX(number) AS last FROM mysql.numbers")
            assert rows == [{"last": number}]
        assert all(
            after > earlier for after, earlier in zip(logs_mb(replica.source), before, strict=True)
        )
        query_rows(replica.server, "INSERT INTO mysql.numbers VALUES (3)")
        query_rows(replica.source, "INSERT INTO mysql.numbers VALUES (3)")
        with pytest.raises(RuntimeError, match="Duplicate entry '3'"):
            replica.catch_up()
