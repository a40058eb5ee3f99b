"""A Galera cluster of three MariaDB servers, on loopback."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pymysql

from private_servers.cache import cached
from private_servers.mariadb import PrivateMariaDB
from private_servers.mariadb import install as install_mariadb
from private_servers.packages import install_packages, unpack_packages
from private_servers.server import ServerMissing, find_program, free_port
from private_servers.shell import CommandFailed

PACKAGES = ("galera-4", "rsync")
PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")
# What brings a new node its data is in a package that would start a service of its own.
SCRIPTS_PACKAGE = "mariadb-server"
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
CHANGE_TIMEOUT_S = 60.0
NODES = 3


def install() -> None:
    """Install MariaDB and Galera if they are missing; raises ServerMissing if that fails."""
    install_mariadb()
    try:
        if not PROVIDER.exists() or not find_program("rsync"):
            install_packages(*PACKAGES)
        _scripts()
    except (OSError, CommandFailed) as error:
        advice = f"no Galera here: run `apt-get install {' '.join(PACKAGES)}` as root"
        raise ServerMissing(advice, str(error)) from error


def _scripts() -> Path:
    return cached("mariadb-server", _fetch_scripts) / "usr" / "bin"


def _fetch_scripts(target: Path) -> None:
    unpack_packages(target, SCRIPTS_PACKAGE, dependencies=False)


class GaleraNode(PrivateMariaDB):
    """Node `number` of a cluster whose nodes replicate over `ports`."""

    def __init__(self, scripts: Path, ports: Sequence[int], number: int) -> None:
        self._founds = number == 0
        provider = (
            f"gmcast.listen_addr=tcp://127.0.0.1:{ports[number]}",
            f"ist.recv_addr=127.0.0.1:{free_port()}",
            "gcache.size=32M",
        )
        options = (
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            "--wsrep-on=ON",
            f"--wsrep-provider={PROVIDER}",
            f"--wsrep-provider-options={';'.join(provider)}",
            f"--wsrep-cluster-address=gcomm://{','.join(f'127.0.0.1:{port}' for port in ports)}",
            f"--wsrep-node-address=127.0.0.1:{ports[number]}",
            "--wsrep-sst-method=rsync",
            f"--wsrep-sst-receive-address=127.0.0.1:{free_port()}",
        )
        super().__init__(options)
        self._scripts = scripts

    def start(self) -> None:
        super().start()
        self.wait_for("wsrep_local_state_comment", "Synced")

    def program(self) -> list[str]:
        path = f"PATH={self._scripts}:{SYSTEM_PATH}"
        return ["env", path, *super().program(), *(["--wsrep-new-cluster"] * self._founds)]

    def isolate(self) -> None:
        """Cut the node off from the others, as a broken network would; clients still connect."""
        self.query("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
        self.wait_for("wsrep_ready", "OFF")

    def wait_for(self, name: str, value: str) -> None:
        """Wait until the node's status `name` is `value`; raises TimeoutError after a minute."""
        give_up_at = time.monotonic() + CHANGE_TIMEOUT_S
        while self._status(name) != value:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{name} is {self._status(name)!r}: see {self.folder}")
            time.sleep(0.05)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement on this node."""
        connection = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            password=self.password,
            autocommit=True,
            connect_timeout=5,
            ssl_disabled=True,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def _status(self, name: str) -> str:
        with suppress(pymysql.MySQLError):
            ((_, value),) = self.query(f"SHOW STATUS LIKE '{name}'")
            return str(value)
        return ""


class GaleraCluster:
    """A cluster in a new folder; the context manager starts, stops and removes the cluster."""

    def __init__(self) -> None:
        self.nodes: list[GaleraNode] = []
        self._stack = ExitStack()

    def __enter__(self) -> GaleraCluster:
        with ExitStack() as stack:
            # Not in pytest's folders: those are closed to all but who runs the tests.
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="galera-")))
            folder.chmod(0o755)
            for script in _scripts().glob("wsrep_sst_*"):
                shutil.copy(script, folder)
            ports = [free_port() for _ in range(NODES)]
            self.nodes = [GaleraNode(folder, ports, number) for number in range(NODES)]
            for node in self.nodes:
                node.password = self.nodes[0].password  # the others get the first's users
                stack.enter_context(node)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
