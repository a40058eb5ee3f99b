"""
MySQL 9 of Debian unstable, unpacked beside the system and run with Debian unstable's libc.
"""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Sequence
from pathlib import Path

from private_servers.cache import cached
from private_servers.packages import unpack_packages
from private_servers.server import PrivateServer, ServerMissing
from private_servers.shell import CommandFailed, run_steps

PACKAGE = "mysql-server-core"
SUITE = "sid"
# Wanted by the package, not by the program that is run here.
NOT_NEEDED = ("perl", "libperl", "libc-gconv")
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def install() -> None:
    """Fetch the server unless the cache holds the programs; raises ServerMissing if that fails."""
    folder()


def folder() -> Path:
    """Return the folder that the server is unpacked in, and an empty server's data."""
    try:
        return cached("mysql-9", _fetch)
    except (OSError, CommandFailed) as error:
        raise ServerMissing("MySQL 9 could not be had from Debian unstable", str(error)) from error


class PrivateMySQL9(PrivateServer):
    """MySQL 9 with LOAD DATA LOCAL allowed, unlike the default."""

    binary_log: Sequence[str] = ("--skip-log-bin",)

    def make_data(self) -> None:
        # Made once and copied: to make it takes far longer.
        shutil.copytree(folder() / "data", self.data)

    def program(self) -> list[str]:
        own = [*self.binary_log, "--local-infile=1", "--mysqlx=OFF"]
        password = f"ALTER USER root@localhost IDENTIFIED BY '{self.password}'"
        return [*_program(folder()), *own, f"--init-file={self.write_sql(password)}"]


def _program(root: Path) -> list[str]:
    libraries = root / LIBRARIES
    share = root / "usr" / "share" / "mysql"
    return [
        str(libraries / "ld-linux-x86-64.so.2"),
        "--library-path",
        f"{libraries}:{root / 'usr/lib/mysql/private'}",
        str(root / "usr/sbin/mysqld"),
        "--no-defaults",
        f"--basedir={root / 'usr'}",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
    ]


def _fetch(target: Path) -> None:
    unpack_packages(target, PACKAGE, suite=SUITE, without=NOT_NEEDED)
    _make_data(target)


def _make_data(root: Path) -> None:
    arguments = [f"--user={getpass.getuser()}", f"--datadir={root / 'data'}"]
    run_steps([*_program(root), *arguments, "--initialize-insecure"])
