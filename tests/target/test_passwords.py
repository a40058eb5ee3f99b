"""Authentication methods: with TLS, without, and by the system user."""

from __future__ import annotations

import getpass
from collections.abc import Iterator

import pytest

from mysql_settings import login
from target_mysql.config import Config
from target_mysql.exceptions import ConnectError
from target_mysql.server.connection import connect
from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import load, record, settings, state
from tests.target.feeding import THINGS, loaded

PASSWORD = "s3cr3t"


@pytest.fixture
def user(database: TestDatabase, request: pytest.FixtureRequest) -> Iterator[str]:
    """A user with all rights on the database and the authentication of the parameter."""
    database.query(f"CREATE USER prover@'%' IDENTIFIED {request.param}")
    database.query(f"GRANT ALL ON `{database.name}`.* TO prover@'%'")
    yield "prover"
    database.query("DROP USER prover@'%'")


@pytest.mark.parametrize("mode", FAMILY.own_tls_modes)
@pytest.mark.parametrize("user", FAMILY.passwords, indirect=True)
def test_a_password_in_every_way(database: TestDatabase, user: str, mode: str) -> None:
    """
    Each authentication method of the server works, with and without TLS; a wrong password fails.
    """
    who = {"user": user, "ssl_mode": mode}
    if mode.startswith("VERIFY"):
        who["ssl_ca"] = str(database.server.data / "ca.pem")
    done = load(database, THINGS, record({"id": 1}), state(1), **who, password=PASSWORD)
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert loaded(database) == 1
    done = load(database, THINGS, state(2), **who, password="wr0ng")
    assert (done.code, done.out) == (1, "")
    assert "Access denied" in done.err and "wr0ng" not in done.err


@pytest.fixture
def user_of_the_machine(database: TestDatabase) -> Iterator[str]:
    """The system user of the tests, known to the server without a password."""
    user = f"`{getpass.getuser()}`@localhost"
    database.query(f"CREATE USER IF NOT EXISTS {user}")
    database.query(f"GRANT ALL ON `{database.name}`.* TO {user}")
    database.query(f"ALTER USER {user} IDENTIFIED VIA unix_socket")
    yield getpass.getuser()
    database.query(f"ALTER USER {user} IDENTIFIED BY %s", (database.server.password,))


@pytest.mark.skipif(FAMILY.version != "MariaDB", reason="this server lacks the plugin")
def test_the_user_of_the_machine(database: TestDatabase, user_of_the_machine: str) -> None:
    """
    Over the socket the server identifies the system user without a password.
    """
    who = {"user": user_of_the_machine, "unix_socket": database.server.socket}
    done = load(database, THINGS, record({"id": 1}), state(1), **who)
    assert (done.code, done.out) == (0, "1\n"), done.err


@pytest.mark.skipif(FAMILY.version != "MariaDB", reason="this server lacks the plugin")
@pytest.mark.parametrize("user", ["VIA unix_socket"], indirect=True)
def test_another_user_of_the_machine(database: TestDatabase, user: str) -> None:
    """
    Who is someone else on this machine is told how that user logs in.
    """
    done = load(database, THINGS, user=user, unix_socket=database.server.socket)
    assert (done.code, done.out) == (1, "")
    assert "this user may log in only in another way, such as unix_socket" in done.err


CACHING = [one for one in FAMILY.passwords if "caching_sha2" in one]


@pytest.mark.skipif(not CACHING, reason="this server lacks the plugin")
@pytest.mark.parametrize("ssl_mode", ["DISABLED", "REQUIRED"])
@pytest.mark.parametrize("user", CACHING, indirect=True)
def test_a_server_that_knows_us_needs_no_password(
    database: TestDatabase, user: str, ssl_mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Remotely, caching_sha2_password works while the user is in the cache of the server.
    """
    values = {"user": user, "password": PASSWORD, "ssl_mode": ssl_mode}
    config = Config.from_sources({}, database.environment | settings(**values), ())
    near = login.is_loopback
    monkeypatch.setattr(login, "is_loopback", lambda address: False)
    with pytest.raises(ConnectError, match="asks for the password itself"):
        connect(config)
    monkeypatch.setattr(login, "is_loopback", near)
    connect(config).close()
    monkeypatch.setattr(login, "is_loopback", lambda address: False)
    connect(config).close()
