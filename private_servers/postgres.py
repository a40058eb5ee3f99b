"""
A private PostgreSQL server in a temporary folder, on a free loopback port, ended by process id.

It serves programs that are compared with target-mysql and load into PostgreSQL. Debian's packages
are unpacked beside the system; nothing is installed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from private_servers.cache import cached
from private_servers.packages import unpack_packages
from private_servers.server import START_TIMEOUT_S, ServerMissing, free_port
from private_servers.shell import CommandFailed

VERSION = "15"  # Debian 12's
# wal2json lets taps read the log of changes.
PACKAGES = tuple(
    f"postgresql-{part}" for part in (VERSION, f"client-{VERSION}", f"{VERSION}-wal2json")
)
# Shared libraries that a Debian with Python may lack.
LIBRARIES = (
    "libpq5 libicu72 libxml2 libldap-2.5-0 libsasl2-2 libgssapi-krb5-2 libkrb5-3 libk5crypto3"
    " libkrb5support0 libkeyutils1"
).split()
UNPRIVILEGED = "nobody"  # the server refuses to run as root
ADMIN = "root"  # of the databases, without a password, as on the private MariaDB
STOP_TIMEOUT_S = 60.0
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # As much as the private MariaDB has: the disk is not what is measured.
    "shared_buffers": "4GB",
    "max_wal_size": "4GB",
    # A commit does not wait for the disk, as with MariaDB's innodb_flush_log_at_trx_commit=2.
    "synchronous_commit": "off",
    # The compiler of queries, LLVM, is not unpacked; queries of a second gain nothing by it.
    "jit": "off",
}


class PrivatePostgres:
    """
    A PostgreSQL server, as a context manager started, stopped and removed.

    `settings` are parameters of postgresql.conf, beside or instead of `SETTINGS`.
    """

    def __init__(self, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self._settings = {**SETTINGS, **settings}
        self.port = free_port()
        self._folder = Path()
        self._process: subprocess.Popen[Any] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> PrivatePostgres:
        """
        Start the server and wait until it accepts connections.

        Raises ServerMissing without Debian's packages, RuntimeError if the start fails.
        """
        programs = _unpacked()
        with ExitStack() as stack:
            # Of its own: who runs the server may look neither into the cache nor into folders that
            # whoever measures made for himself.
            scratch = tempfile.TemporaryDirectory(prefix="postgres-")
            self._folder = Path(stack.enter_context(scratch))
            self._folder.chmod(0o755)
            shutil.copytree(programs / "usr", self._folder / "usr", symlinks=True)
            self._make_data()
            stack.callback(self._stop)
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def pid(self) -> int | None:
        """The process id of a running server; each connection is a child process."""
        return self._process.pid if self._process else None

    def run_sql(self, database: str, *statements: str) -> str:
        """
        Run each statement by itself; returns all rows as text, `|` between columns.

        Raises RuntimeError, with the server's message, if a statement fails.
        """
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", ADMIN, "-d", database]
        words = [word for statement in statements for word in ("-c", statement)]
        done = self._run("psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", *place, *words)
        if done.returncode:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        return done.stdout

    def _make_data(self) -> None:
        data = self._folder / "data"
        data.mkdir()
        arguments = [f"--pgdata={data}", f"--username={ADMIN}", "--auth=trust", "--no-sync"]
        if user := _unprivileged():
            shutil.chown(data, user["user"])
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        done = self._run("initdb", *arguments, *locale, **user)
        if done.returncode:
            raise RuntimeError(f"initdb: {done.stderr.strip()}")

    def _start(self) -> None:
        settings = [word for pair in self._settings.items() for word in ("-c", "=".join(pair))]
        place = ["-D", str(self._folder / "data"), "-p", str(self.port)]
        log = self._folder / "server.log"
        with log.open("wb") as log_file:
            self._process = process = subprocess.Popen(
                [str(self._program("postgres")), *place, *settings],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                **_unprivileged(),
            )
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)).returncode:
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"postgres does not serve: {log.read_text().strip()}")
            time.sleep(0.05)

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)  # which ends connections, too
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _run(self, program: str, *arguments: str, **user: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program(program), *arguments],
            cwd=self._folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            **user,
        )

    def _program(self, name: str) -> Path:
        return self._folder / "usr" / "lib" / "postgresql" / VERSION / "bin" / name

    def _environment(self) -> dict[str, str]:
        (libraries,) = self._folder.glob("usr/lib/*-linux-gnu*")
        return {**os.environ, "LD_LIBRARY_PATH": str(libraries)}


def _unpacked() -> Path:
    try:
        return cached(f"postgresql-{VERSION}-with-wal2json", _fetch)
    except (OSError, CommandFailed) as error:
        advice = f"PostgreSQL {VERSION} could not be had from Debian"
        raise ServerMissing(advice, str(error)) from error


def _fetch(target: Path) -> None:
    unpack_packages(target, *PACKAGES, *LIBRARIES, dependencies=False)


def _unprivileged() -> dict[str, Any]:
    """Return Popen's arguments that start a process as another user, if this process is root's."""
    if os.geteuid():
        return {}
    group = pwd.getpwnam(UNPRIVILEGED).pw_gid
    return {"user": UNPRIVILEGED, "group": group, "extra_groups": ()}
