"""
A MariaDB server of one's own, for the demo, the tests and the benchmarks.

Nothing of the system is changed but, where there is no server program at all, the Debian package
that `install` fetches.
"""

from __future__ import annotations

import subprocess

from demo.private_server import PrivateServer, ServerMissing, find_program, install_packages

# The package with the server program alone: unlike `mariadb-server` it starts no service.
DEBIAN_PACKAGE = "mariadb-server-core"


def install() -> None:
    """
    Install Debian's MariaDB server program where it is missing.

    Raises ServerMissing, saying what to install, where that is not allowed or fails.
    """
    if find_program("mariadbd"):
        return
    try:
        install_packages(DEBIAN_PACKAGE)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerMissing(
            f"no MariaDB here and it could not be installed: run `apt-get install {DEBIAN_PACKAGE}`"
            " as root, or set TARGET_MYSQL_HOST, _PORT, _USER and _PASSWORD to a server of yours"
        ) from error


class PrivateMariaDB(PrivateServer):
    """MariaDB as Debian ships it: latin1 by default, no my.cnf."""

    def make_data(self) -> None:
        program = find_program("mariadb-install-db", "mysql_install_db")
        if program is None:
            raise ServerMissing(f"no mariadb-install-db here: `apt-get install {DEBIAN_PACKAGE}`")
        command = [
            program,
            "--no-defaults",
            f"--user={self.user}",
            f"--datadir={self.data}",
            f"--tmpdir={self.folder / 'tmp'}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def program(self) -> list[str]:
        program = find_program("mariadbd", "mysqld")
        if program is None:
            raise ServerMissing(f"no mariadbd here: `apt-get install {DEBIAN_PACKAGE}`")
        return [program, "--no-defaults", "--skip-log-bin", "--skip-name-resolve"]
