"""
Fixtures and functions of all tests: a server, an empty database, the programs as users run them.

The servers are real. Without a database server the tests fail; they do not skip.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pymysql
import pytest
from pymysql.cursors import Cursor

from private_servers.server import PrivateServer, ServerMissing
from tests.servers import FAMILY

# The duration of an example depends on the machine more than on the code.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")

REPOSITORY = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "  # of a line of a log
# Design material and recorded responses beside a development checkout; missing elsewhere.
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateServer]:
    """A private server of the family that TEST_SERVER names, with default options."""
    try:
        FAMILY.install()
    except ServerMissing as error:
        if FAMILY.is_optional:
            pytest.skip(error.message)
        raise
    with FAMILY.server() as server:
        yield server


@dataclass(frozen=True)
class TestDatabase:
    """A database that does not exist when the test starts, and is dropped when the test ends."""

    __test__ = False
    server: PrivateServer
    name: str

    @property
    def environment(self) -> dict[str, str]:
        """The target's connection settings; TEST_STAGING sets another `staging` for all tests."""
        staging = os.environ.get("TEST_STAGING", "")
        return {
            **self.server.environment(),
            "TARGET_MYSQL_DATABASE": self.name,
            **({"TARGET_MYSQL_STAGING": staging} if staging else {}),
        }

    def connect(self, **options: Any) -> pymysql.Connection[Cursor]:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.server.port,
            user="root",
            password=self.server.password,
            charset="utf8mb4",
            autocommit=True,
            # Reading the machine's certificates takes longer than most statements here.
            ssl_disabled=True,
            **options,
        )

    def query(self, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
        """Run one statement in this database and return its rows."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{self.name}`")
                cursor.execute(f"USE `{self.name}`")
                cursor.execute(sql, parameters)
                return list(cursor.fetchall())
        finally:
            connection.close()


@pytest.fixture
def database(server: PrivateServer, request: pytest.FixtureRequest) -> Iterator[TestDatabase]:
    """A database for one test; `database.environment` has the name."""
    # On MySQL 5.6 every user has all rights on databases whose names begin with `test_`.
    database = TestDatabase(server, f"case_{abs(hash(request.node.nodeid)):x}")
    yield database
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{database.name}`")
    connection.close()


@dataclass(frozen=True)
class Outcome:
    """A program's exit code, standard output and standard error."""

    code: int
    out: str
    err: str


def run_program(
    name: str,
    *arguments: object,
    stdin: str | bytes = b"",
    environment: dict[str, str] | None = None,
    timeout_s: float = 600.0,
) -> Outcome:
    """Run one of the project's commands like a user, and wait for the end."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [PROGRAMS / name, *map(str, arguments)],
        input=data,
        capture_output=True,
        env=clean_environment() | (environment or {}),
        timeout=timeout_s,
        check=False,
    )
    return Outcome(done.returncode, done.stdout.decode(), without_times(done.stderr.decode()))


def without_times(log: str) -> str:
    """Return a log without the time of each line, which tests/test_logs.py looks at."""
    return re.sub(TIME, "", log, flags=re.MULTILINE)


def clean_environment() -> dict[str, str]:
    """Return this process's environment without variables that configure the programs."""
    prefixes = ("TARGET_MYSQL_", "HUBSPOT_", "TAP_HUBSPOT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
