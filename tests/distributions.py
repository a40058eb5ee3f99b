"""Builds the sdist, and the wheel from the sdist, out of a copy of the repository's files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from private_servers.shell import run_steps

REPOSITORY = Path(__file__).parents[1]


def repository_files() -> list[Path]:
    """
    Return the files of the repository, relative to its root, new ones that git does not ignore too.

    The list is empty outside of a git checkout, such as in an unpacked sdist.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    files = [path for path in paths if (REPOSITORY / path).is_file()]
    return files if Path("pyproject.toml") in files else []


def build_distributions(folder: Path) -> tuple[Path, Path]:
    """
    Return the paths of the sdist and the wheel, built in `folder`.

    Building in a copy keeps files of earlier builds out, and the repository as it is.
    Raises CommandFailed, with the end of the build's output, when it fails.
    """
    source, output = folder / "source", folder / "dist"
    for path in repository_files() or _unpacked_files():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / path, source / path)
    # The sdist and the wheel of it: a file that the sdist lacks fails the build of the wheel.
    run_steps([sys.executable, "-m", "build", "--no-isolation", "--outdir", output, source])
    (sdist,), (wheel,) = output.glob("*.tar.gz"), output.glob("*.whl")
    return sdist, wheel


def _unpacked_files() -> list[Path]:
    """Return the files of an unpacked sdist, without what an installation adds to the folder."""
    files = (path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*") if path.is_file())
    added = (".venv", "build", "dist")
    return [path for path in files if not path.parts[0].startswith(added)]
