"""A private server is private: other users of the machine neither log in nor look into it."""

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
    Over TCP and by the socket, without a password or with another, the server lets nobody in.
    """
    for place in ({"host": "127.0.0.1", "port": server.port}, {"unix_socket": str(server.socket)}):
        for password in ("", "guessed"):
            with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
                pymysql.connect(user=user, password=password, ssl_disabled=True, **place)  # type: ignore[call-overload]


def test_it_is_not_run_by_root(server: PrivateServer) -> None:
    """
    Who breaks into the server is not root.
    """
    assert server.pid is not None
    assert all(psutil.Process(server.pid).uids())
    assert os.geteuid() or server.user != "root"


def test_only_its_user_looks_into_its_folder(server: PrivateServer) -> None:
    """
    The folder is closed to others, and the server reads no files but those given to it.
    """
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    allowed = TestDatabase(server, "mysql").query("SELECT @@secure_file_priv")
    assert allowed == [(f"{server.files}/",)]


def test_nothing_is_left_of_a_server() -> None:
    """
    With the server its folder goes.
    """
    with FAMILY.server() as one:
        assert one.folder.is_dir()
    assert not one.folder.exists()
