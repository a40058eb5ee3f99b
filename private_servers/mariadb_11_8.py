"""MariaDB 11.8 of Debian 13 (trixie), unpacked beside the system and run with Debian 13's libc."""

from __future__ import annotations

import shutil
from pathlib import Path

from private_servers.cache import cached
from private_servers.mariadb import PrivateMariaDB, password_statements
from private_servers.packages import unpack_packages
from private_servers.server import ServerMissing
from private_servers.shell import CommandFailed, run_steps

PACKAGE = "mariadb-server-core"
SUITE = "trixie"
# Dependencies of the package that the server itself does not use.
NOT_NEEDED = ("perl", "libperl", "libc-gconv")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
# What mariadb-install-db feeds to a server that has no data yet.
SYSTEM_TABLES = ("system_tables", "performance_tables", "system_tables_data")


def install() -> None:
    """Fetch the server unless the cache holds the programs; raises ServerMissing if that fails."""
    folder()


def folder() -> Path:
    """Return the folder of the unpacked server; the subfolder `data` holds an empty data folder."""
    try:
        return cached("mariadb-11.8", _fetch)
    except (OSError, CommandFailed) as error:
        raise ServerMissing("MariaDB 11.8 could not be had from Debian 13", str(error)) from error


class PrivateMariaDB118(PrivateMariaDB):
    """MariaDB 11.8 with default options: utf8mb4 and TLS with a self-signed certificate."""

    def make_data(self) -> None:
        shutil.copytree(folder() / "data", self.data)

    def program(self) -> list[str]:
        own = ["--skip-log-bin", "--skip-name-resolve"]
        statements = self.write_sql(*password_statements(self.password), "FLUSH PRIVILEGES")
        return [*_program(folder()), *own, f"--init-file={statements}"]


def _program(root: Path) -> list[str]:
    libraries = root / LIBRARIES
    share = root / "usr" / "share" / "mariadb"
    return [
        str(libraries / "ld-linux-x86-64.so.2"),
        "--library-path",
        str(libraries),
        str(root / "usr/sbin/mariadbd"),
        "--no-defaults",
        f"--basedir={root / 'usr'}",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
    ]


def _fetch(target: Path) -> None:
    unpack_packages(target, PACKAGE, suite=SUITE, without=NOT_NEEDED)
    share = target / "usr" / "share" / "mariadb"
    scripts = [(share / f"mariadb_{name}.sql").read_text() for name in SYSTEM_TABLES]
    sql = target / "bootstrap.sql"
    sql.write_text("\n".join(("CREATE DATABASE mysql;\nUSE mysql;", *scripts)))
    (target / "data").mkdir()
    options = [f"--datadir={target / 'data'}", "--user=root", "--bootstrap", "--skip-grant-tables"]
    run_steps([*_program(target), *options], stdin=sql)
