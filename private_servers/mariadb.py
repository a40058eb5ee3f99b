"""
A private MariaDB server for the demo, the tests and the benchmarks.

If MariaDB's programs are missing, `install` installs Debian's packages as root. Without root the
packages are unpacked into the user's cache.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

from private_servers.cache import cache_folder, cached
from private_servers.packages import install_packages, unpack_packages
from private_servers.server import PrivateServer, ServerMissing, find_program
from private_servers.shell import CommandFailed, run_steps, say

# The programs alone: unlike `mariadb-server` these packages start no service. The client's has
# my_print_defaults, without which mariadb-install-db does nothing.
PACKAGES = ("mariadb-server-core", "mariadb-client-core")
PROGRAMS = ("mariadbd", "mariadb-install-db", "my_print_defaults")
ADVICE = (
    f"no MariaDB here: run `apt-get install {' '.join(PACKAGES)}` as root, or set"
    " TARGET_MYSQL_HOST, _PORT, _USER and _PASSWORD to a server of yours"
)


def install() -> None:
    """
    Install MariaDB's programs if they are missing, or unpack them into the user's cache.

    Raises ServerMissing, with the packages to install, if neither is possible.
    """
    if _is_installed() or cache_folder(_cache_name()).is_dir():
        return
    try:
        install_packages(*PACKAGES)
    except CommandFailed as refusal:
        if os.geteuid() == 0:
            raise ServerMissing(ADVICE, str(refusal)) from refusal
        _unpack(refusal)


def _unpack(refusal: CommandFailed) -> None:
    say(f"{refusal.message}: unpacking them into the user's cache ...")
    try:
        cached(_cache_name(), lambda target: unpack_packages(target, *PACKAGES))
    except (OSError, CommandFailed) as error:
        raise ServerMissing(ADVICE, f"{refusal}\n{error}") from error


class PrivateMariaDB(PrivateServer):
    """MariaDB with Debian's defaults: latin1, no my.cnf."""

    def make_data(self) -> None:
        options = [
            f"--user={self.user}",
            f"--datadir={self.data}",
            f"--tmpdir={self.folder / 'tmp'}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            f"--extra-file={self.write_sql(*password_statements(self.password))}",
            # The size of a page is the data's, and settled when they are made.
            *(option for option in self.options if option.startswith("--innodb-page-size")),
        ]
        run_steps([*_command("mariadb-install-db"), *options])

    def program(self) -> list[str]:
        return [*_command("mariadbd"), "--skip-log-bin", "--skip-name-resolve"]


def password_statements(password: str) -> tuple[str, ...]:
    """Return SQL that gives root this password on every host and removes anonymous users."""
    native = "'$.plugin', 'mysql_native_password', '$.authentication_string'"
    return (
        f"UPDATE mysql.global_priv SET priv = JSON_SET(priv, {native},"
        f" PASSWORD('{password}')) WHERE user = 'root'",
        "DELETE FROM mysql.global_priv WHERE user = ''",
    )


def _command(name: str) -> list[str]:
    """
    Return the command of an installed or unpacked program, without option files.

    Raises ServerMissing if the program is neither installed nor unpacked.
    """
    root = cache_folder(_cache_name())
    if _is_installed():
        return [str(find_program(name)), "--no-defaults"]
    if not root.is_dir():
        raise ServerMissing(ADVICE)
    home = root / "usr"
    program = next(path for path in (home / "sbin" / name, home / "bin" / name) if path.exists())
    libraries = [path for part in ("usr/lib", "lib") for path in root.glob(f"{part}/*-gnu*")]
    search = ":".join(map(str, libraries))
    return ["env", f"LD_LIBRARY_PATH={search}", str(program), "--no-defaults", *_places(home)]


def _places(home: Path) -> list[str]:
    """Return the options that locate the files of an unpacked MariaDB."""
    return [
        f"--basedir={home}",
        f"--lc-messages-dir={home / 'share' / 'mysql'}",
        f"--character-sets-dir={home / 'share' / 'mysql' / 'charsets'}",
        f"--plugin-dir={home / 'lib' / 'mysql' / 'plugin'}",
    ]


def _is_installed() -> bool:
    return all(map(find_program, PROGRAMS))


def _cache_name() -> str:
    """Return the name that programs of this system have: a home may be shared among several."""
    system = platform.freedesktop_os_release()
    release = system.get("VERSION_CODENAME") or system.get("VERSION_ID") or "unknown"
    return f"mariadb-{system['ID']}-{release}-{platform.machine()}"
