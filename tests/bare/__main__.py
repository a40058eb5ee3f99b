"""
Runs commands in a clone of HEAD on a Debian that has python3, make and git: `make test-bare`.

The Debian is made by debootstrap, once a day for each release, and kept in the user's cache. Only
root can do that; where it cannot be done, the last line says so, and the exit code is 0.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from private_servers.cache import cached
from private_servers.packages import debian_mirror, install_packages
from private_servers.shell import CommandFailed, run_steps, say

REPOSITORY = Path(__file__).parents[2]
DEMO, TEST = "make demo", "make test"
IN_IMAGE = "python3,make,git,ca-certificates"
IMAGE = "image.tar"
# How this machine finds and trusts its registries: the bare one uses the same.
CONFIGURATION = (
    "/etc/pip.conf",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/ssl/certs/ca-certificates.crt",
    *map(str, Path("/etc/apt/apt.conf.d").glob("99*")),
)
VARIABLES = (
    *("PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "SSL_CERT_FILE"),
    *("http_proxy", "https_proxy", "no_proxy"),
)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# When the first process in these namespaces ends, nothing is mounted or running any more.
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
ENTER = """
set -e
cd "$1"
for device in {devices}; do
    [ -e dev/$device ] || touch dev/$device
    mount --bind /dev/$device dev/$device
done
ln -sfn /proc/self/fd dev/fd
mount -t proc proc proc
mkdir -p dev/shm dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts || true
exec chroot . sh -c 'cd /srv/project && exec python3 -B -m tests.bare.inside "$1"' sh "$2"
""".format(devices=" ".join(DEVICES))


def main() -> int:
    """Return the exit code of the first command that fails, or 1 if one leaves processes."""
    options = parse()
    # Whoever ends this ends what runs inside, and nothing stays on the disk.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if os.geteuid() != 0:
        return skip("only root can make a bare Debian")
    try:
        run_steps([*NAMESPACES, "true"])
        image = find_image(options.suite)
    except (CommandFailed, OSError) as error:
        return skip(f"Debian {options.suite} cannot be made here: {error}")
    with tempfile.TemporaryDirectory(prefix="bare-", dir=image.parent) as folder:
        root = Path(folder) / "root"
        root.mkdir()
        run_steps(
            ["tar", "-C", root, "-xf", image],
            # The checkout may belong to another user.
            ["git", "-c", "safe.directory=*", "clone", "-q", REPOSITORY, root / "srv" / "project"],
        )
        return run_inside(root, options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m tests.bare", description=__doc__)
    parser.add_argument("--suite", default="bookworm", help="Debian's release (%(default)s)")
    parser.add_argument("--user", action="store_true", help="as a user without rights or sudo")
    parser.add_argument("--with", dest="packages", default="", help="packages to install first")
    parser.add_argument("--test", action="store_true", help=f"{TEST} after the commands")
    parser.add_argument("commands", nargs="*", help=f"instead of {DEMO}, twice")
    return parser.parse_args()


def skip(reason: str) -> int:
    """Say why nothing is run; returns the exit code."""
    say(f"test-bare: skipped: {reason}")
    return 0


def find_image(suite: str) -> Path:
    """Return the archive of a bare Debian of today; raises CommandFailed where none is made."""
    name = f"debian-{suite}"
    today = f"{name}-{datetime.datetime.now(datetime.timezone.utc).date()}"
    folder = cached(today, partial(make_image, suite))
    for older in folder.parent.glob(f"{name}-????-??-??"):
        if older.name != today:
            shutil.rmtree(older)
    return folder / IMAGE


def make_image(suite: str, target: Path) -> None:
    """Make a bare Debian, as an archive in `target`."""
    if not shutil.which("debootstrap"):
        install_packages("debootstrap")
    root = target / "root"
    say(f"test-bare: making a bare Debian {suite} ...")
    options = ["--variant=minbase", f"--include={IN_IMAGE}"]
    run_steps(["debootstrap", *options, suite, root, debian_mirror()])
    for path in filter(os.path.exists, CONFIGURATION):
        shutil.copy(path, f"{root}{path}")
    run_steps(["chroot", root, "useradd", "--create-home", "someone"])
    run_steps(["tar", "-C", root, "-cf", target / IMAGE, "."], ["rm", "-rf", root])


def run_inside(root: Path, options: argparse.Namespace) -> int:
    """Run the commands in the Debian at `root`; returns the exit code."""
    commands = options.commands or [DEMO, DEMO]
    plan = {
        "name": f"Debian {options.suite}",
        "user": "someone" if options.user else "root",
        "packages": options.packages.split(),
        "commands": [*commands, TEST] if options.test else commands,
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ}
        | {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"},
    }
    command = [*NAMESPACES, "sh", "-c", ENTER, "sh", root, json.dumps(plan)]
    environment = {**os.environ, "PATH": SYSTEM_PATH}
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
