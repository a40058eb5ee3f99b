"""A private server is private: other users can neither log in nor read the files."""

from __future__ import annotations

import os
import stat

import psutil
import pymysql
import pytest

from private_servers.server import PrivateServer
from tests.conftest import TestDatabase
from tests.servers import FAMILY


@pytest.mark.parametrize("user", ["root", "", "someone"])
def test_nobody_logs_in_without_the_password(server: PrivateServer, user: str) -> None:
    """
    Over TCP and by the socket, a login without a password or with a wrong password is refused.
    """
    for place in ({"host": "127.0.0.1", "port": server.port}, {"unix_socket": str(server.socket)}):
        for password in ("", "guessed"):
            with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
                pymysql.connect(user=user, password=password, ssl_disabled=True, **place)  # type: ignore[call-overload]


def test_it_is_not_run_by_root(server: PrivateServer) -> None:
    """
    An attacker who breaks into the server is not root.
    """
    assert server.pid is not None
    assert all(psutil.Process(server.pid).uids())
    assert os.geteuid() or server.user != "root"


def test_only_its_user_looks_into_its_folder(server: PrivateServer) -> None:
    """
    The folder is closed to others, and the server can read files of one folder only.
    """
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    rows = TestDatabase(server, "mysql").query("SELECT @@secure_file_priv")
    assert rows == [(f"{server.files}/",)]


def test_nothing_is_left_of_a_server() -> None:
    """
    The server's folder is removed with the server.
    """
    with FAMILY.server() as one:
        assert one.folder.is_dir()
    assert not one.folder.exists()
