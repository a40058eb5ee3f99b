"""
The real MySQL 9, from Debian unstable: unpacked beside the system, run with its own libc.
"""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from pathlib import Path

from demo.private_server import PrivateServer, ServerMissing
from demo.server_cache import cached

PACKAGE = "mysql-server-core"
SUITE = "sid"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT_SOURCES = Path("/etc/apt")
# Wanted by the package, not by the program that is run here.
NOT_NEEDED = ("perl", "libperl", "libc-gconv")
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def install() -> None:
    """Fetch the server where it is missing; raises ServerMissing where that fails."""
    folder()


def folder() -> Path:
    """Return the folder that the server is unpacked in, and an empty server's data."""
    try:
        return cached("mysql-9", _fetch)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerMissing(f"MySQL 9 could not be had from Debian unstable: {error}") from error


class PrivateMySQL9(PrivateServer):
    """MySQL 9 with LOAD DATA LOCAL allowed, which by default it is not."""

    def make_data(self) -> None:
        # Made once and copied: to make it takes far longer.
        shutil.copytree(folder() / "data", self.data)

    def program(self) -> list[str]:
        own = ["--skip-log-bin", "--local-infile=1", "--mysqlx=OFF", "--secure-file-priv=NULL"]
        return [*_program(folder()), *own]


def _program(unpacked: Path) -> list[str]:
    libraries = unpacked / LIBRARIES
    share = unpacked / "usr" / "share" / "mysql"
    return [
        str(libraries / "ld-linux-x86-64.so.2"),
        "--library-path",
        f"{libraries}:{unpacked / 'usr/lib/mysql/private'}",
        str(unpacked / "usr/sbin/mysqld"),
        "--no-defaults",
        f"--basedir={unpacked / 'usr'}",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        f"--plugin-dir={unpacked / 'usr/lib/mysql/plugin'}",
    ]


def _fetch(target: Path) -> None:
    apt = target / "apt"
    for part in ("lists/partial", "archives/partial"):
        (apt / part).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {SUITE} main\n")
    _run_apt(apt, "update")
    _run_apt(apt, "install", "--no-install-recommends", "--download-only", "-y", PACKAGE)
    for archive in (apt / "archives").glob("*.deb"):
        if not archive.name.startswith(NOT_NEEDED):
            subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
    shutil.rmtree(apt)
    _make_data(target)


def _run_apt(apt: Path, *arguments: str) -> None:
    """Run apt-get on files of its own: it knows nothing of the system, and changes nothing."""
    options = {
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache::archives": apt / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
    }
    settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    command = ["apt-get", "-qq", *settings, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _mirror() -> str:
    """Return the Debian mirror that this system uses."""
    files = [APT_SOURCES / "sources.list", *(APT_SOURCES / "sources.list.d").glob("*")]
    text = "\n".join(file.read_text() for file in files if file.is_file())
    found = re.search(r"^(?:URIs:|deb\s).*?(https?://\S+/debian/?)(?:\s|$)", text, re.M)
    return found[1] if found else "http://deb.debian.org/debian"


def _make_data(unpacked: Path) -> None:
    arguments = [f"--user={getpass.getuser()}", f"--datadir={unpacked / 'data'}"]
    command = [*_program(unpacked), *arguments, "--initialize-insecure"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"mysqld --initialize-insecure: {done.stderr}")
