"""
Runs the tests on every installed Python from 3.10 on, each in a separate venv.

With versions as arguments, prints the path of the first of them that is installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
VERSIONS = tuple(f"3.{minor}" for minor in range(10, 15))
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


def main(versions: Sequence[str]) -> int:
    """Return 0 when the tests pass on all of them, or the first of `versions` was printed."""
    return _print_first(versions) if versions else _test_all()


def _print_first(versions: Sequence[str]) -> int:
    python = next(filter(None, map(find_python, versions)), None)
    if python is None:
        print(f"Python {' or '.join(versions)} is needed, and not here", file=sys.stderr)
        return 1
    print(python)
    return 0


def _test_all() -> int:
    """Return 0 when the tests pass on all of them, of which there must be one."""
    found = dict(find_pythons())
    missing = ", ".join(version for version in VERSIONS if version not in found)
    print(f"Pythons: {', '.join(found)}" + (f" (not here: {missing})" if missing else ""))
    results = {version: _test(version, python) for version, python in found.items()}
    for version, passed in results.items():
        print(f"Python {version}: {'passed' if passed else 'FAILED'}")
    return 0 if results and all(results.values()) else 1


def find_pythons() -> Iterator[tuple[str, Path]]:
    """Yield each version that runs, with the path of the program: from PATH, or of pyenv."""
    for version in VERSIONS:
        if program := find_python(version):
            yield version, program


def find_python(version: str) -> Path | None:
    """Return a Python of this version, like 3.11, that can make venvs: from PATH, or of pyenv."""
    folders = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep)]
    folders += [path / "bin" for path in sorted(PYENV.glob(f"{version}.*"))]
    programs = (folder / f"python{version}" for folder in folders)
    return next((one for one in programs if one.is_file() and _runs(one)), None)


def _runs(program: Path) -> bool:
    # A shim of pyenv is there for versions that are not chosen, and then only complains.
    return subprocess.run([program, "-c", "import ensurepip"], capture_output=True).returncode == 0


def _test(version: str, python: Path) -> bool:
    venv = REPOSITORY / f".venv-{version}"
    program = venv / "bin" / "python"
    steps: tuple[list[str | Path], ...] = (
        [python, "-m", "venv", venv],
        [program, "-m", "pip", "install", "--quiet", "--editable", ".[test]"],
        [program, "-m", "pytest", "-q"],
    )
    print(f"Python {version}", flush=True)
    return all(subprocess.run(step, cwd=REPOSITORY).returncode == 0 for step in steps)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
