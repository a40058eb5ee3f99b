"""
A private MySQL server in a temporary folder, on a free loopback port, ended by process id.

Other users of the machine can neither log in nor read the files. A server that root starts does
not run as root.

Subclasses define the differences within the family: how data is made, and the command.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from mirakuru import TCPExecutor
from mirakuru.exceptions import ExecutorError

from private_servers.shell import DemoError, read_end

PORTS = range(15_000, 32_000)
START_TIMEOUT_S = 120.0  # what takes two seconds, on a slow and busy machine
GREETING_TIMEOUT_S = 30.0
UNPRIVILEGED = "nobody"  # whom a server runs as that root starts
# Debian keeps server programs where only root's PATH looks.
SERVER_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))

Self = TypeVar("Self", bound="PrivateServer")


class ServerMissing(DemoError):
    """The server program is not on this machine, and cannot be installed."""


class ServerFailed(DemoError):
    """A server did not start, or did not end well; `output` is the end of the log."""


def find_program(*names: str) -> str | None:
    """Return the path of the first of `names` that is on this machine."""
    return next((path for name in names if (path := shutil.which(name, path=SERVER_PATH))), None)


def free_port() -> int:
    """
    Return a loopback port that nothing listens on.

    The port is below those that the system gives to outgoing connections, which could take the port
    before the server does.
    """
    while True:
        port = PORTS[secrets.randbelow(len(PORTS))]
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


class ServingExecutor(TCPExecutor):
    """
    Waits until a server sends MySQL's greeting.

    The port accepts connections earlier, when the server still ignores signals.
    """

    def after_start_check(self) -> bool:
        try:
            place = (self.host, self.port)
            with socket.create_connection(place, timeout=GREETING_TIMEOUT_S) as client:
                return bool(client.recv(1))
        except OSError:
            return False


class PrivateServer(ABC):
    """
    A server that keeps everything in a temporary `folder`; user root, a random password.

    The context manager starts and stops the server, and removes the folder. `options` are further
    arguments of the server.
    """

    exit_code = 0  # of a server that is stopped

    def __init__(self, options: Sequence[str] = ()) -> None:
        # In none of the caller's folders: the server's user may be unable to enter them.
        self._home = tempfile.TemporaryDirectory(prefix="server-")
        self.folder = Path(self._home.name).resolve()
        self.password = secrets.token_hex(16)
        self.port = free_port()
        self.socket = self.folder / "socket"
        self.options = options
        # Of the machine, whom the server runs as.
        self.user = UNPRIVILEGED if self.runs_as_other_user else getpass.getuser()
        self._process: TCPExecutor | None = None

    def __enter__(self: Self) -> Self:
        try:
            self.start()
        except BaseException:
            self._home.cleanup()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self._home.cleanup()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    @property
    def pid(self) -> int | None:
        """The process id of a running server."""
        return self._process.process.pid if self._process and self._process.process else None

    @property
    def runs_as_other_user(self) -> bool:
        """Whether root starts the server, which then runs as `user`."""
        return os.geteuid() == 0

    @property
    def is_running(self) -> bool:
        """Whether the server was started and has not ended by itself."""
        return self._process is not None and bool(self._process.running())

    def environment(self) -> dict[str, str]:
        """Return environment variables, with which target-mysql and engagements-report connect."""
        return {
            "TARGET_MYSQL_HOST": "127.0.0.1",
            "TARGET_MYSQL_PORT": str(self.port),
            "TARGET_MYSQL_USER": "root",
            "TARGET_MYSQL_PASSWORD": self.password,
        }

    def start(self) -> None:
        """
        Make a new server's data folder, and start; returns when the server accepts connections.

        Raises ServerMissing without the programs, CommandFailed if no data folder can be made, and
        ServerFailed if the server ends or does not respond in time.
        """
        # A starting server deletes `#sql*` files in its tmpdir: never share one.
        for folder in (self.folder / "tmp", self.files):
            folder.mkdir(exist_ok=True)
        self._give_away()
        if not self.has_data():
            self.make_data()
        command = [*self.program(), *self.arguments(), *self.options]
        self._give_away()
        with self._log.open("ab") as log:
            self._process = ServingExecutor(
                command,
                host="127.0.0.1",
                port=self.port,
                timeout=START_TIMEOUT_S,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                expected_returncode=self.exit_code,
                sleep=0.05,
            )
            try:
                self._process.start()
            except ExecutorError as error:
                raise ServerFailed(
                    f"the server did not start: {error}", read_end(self._log)
                ) from error

    def stop(self) -> None:
        """
        Stop the server and wait for the end; without a running server, do nothing.

        Raises ServerFailed if the server ended in another way.
        """
        if self._process is not None:
            process, self._process = self._process, None
            try:
                process.stop()
            except ExecutorError as error:
                raise ServerFailed(
                    f"the server did not end well: {error}", read_end(self._log)
                ) from error

    def kill(self) -> None:
        """End the server as a power cut would: nothing is flushed, nothing is said."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    @property
    def files(self) -> Path:
        """The only folder that the server's own LOAD DATA reads files of."""
        return self.folder / "files"

    def has_data(self) -> bool:
        """Whether the data folder was filled before."""
        return (self.data / "mysql").is_dir()

    @abstractmethod
    def make_data(self) -> None:
        """Fill the data folder of a new server."""

    @abstractmethod
    def program(self) -> list[str]:
        """Return the server's program, and the arguments that this server alone needs."""

    def write_sql(self, *statements: str) -> Path:
        """Return a file of statements, for the server to run."""
        path = self.folder / "statements.sql"
        path.write_text("".join(f"{statement};\n" for statement in statements))
        return path

    def _give_away(self) -> None:
        """Make the folder the server's user's own."""
        if self.runs_as_other_user:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, self.user)

    def arguments(self) -> list[str]:
        """Return the arguments that every server of the family needs: user, files and port."""
        return [
            f"--user={self.user}",
            f"--datadir={self.data}",
            f"--tmpdir={self.folder / 'tmp'}",
            f"--socket={self.socket}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--secure-file-priv={self.files}",
            # Survives a killed server; a machine that loses its power is not what is tested.
            "--innodb-flush-log-at-trx-commit=2",
        ]
