"""Other people's programs, each in a separate venv, which is created if missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from private_servers.shell import CommandFailed, run_steps

REPOSITORY = Path(__file__).parents[1]


class PeerMissing(RuntimeError):
    """A program cannot be installed on this machine."""


def install(name: str, requirements: Sequence[str], *options: str) -> Path:
    """
    Return the program folder of a venv with `requirements`; `options` are pip's.

    Raises PeerMissing with pip's error.
    """
    venv = REPOSITORY / f".venv-{name}"
    programs = venv / "bin"
    stamp = venv / ".installed"
    if not stamp.exists():
        pip: list[str | Path] = [programs / "python", "-m", "pip", "install", "--quiet"]
        try:
            run_steps([sys.executable, "-m", "venv", venv], [*pip, *options, *requirements])
        except CommandFailed as error:
            raise PeerMissing(f"{name}: {error}") from error
        stamp.touch()
    return programs


def sdk() -> Path:
    """Return the programs of a venv with Meltano's SDK, for a target built with the SDK."""
    return install("singer-sdk", ["singer-sdk==0.54.9", "PyMySQL[rsa]>=1.2,<2"])


def thk() -> Path:
    """Return the programs of thk-target-mysql; mysqlclient needs a compiler and libmariadb-dev."""
    requirements = ["thk-target-mysql==0.1.3", "setuptools<80"]
    return install("thk-target-mysql", requirements, "--ignore-requires-python")


def tap_hubspot() -> Path:
    """Return the programs of Singer's own tap-hubspot."""
    return install("tap-hubspot", ["tap-hubspot==4.5.0"])


def meltano_tap_hubspot() -> Path:
    """Return the programs of MeltanoLabs' tap-hubspot."""
    return install("meltano-tap-hubspot", ["meltano-tap-hubspot==0.10.1"])


def pipelinewise() -> Path:
    """Return the programs of pipelinewise-target-postgres."""
    return install("pipelinewise-target-postgres", ["pipelinewise-target-postgres==2.1.2"])


def dlt() -> Path:
    """Return the programs of a venv with dlt, for a pipeline into MySQL."""
    requirements = ["dlt[sqlalchemy]==1.31.0", "PyMySQL[rsa]>=1.2,<2", "pyarrow>=20", "orjson"]
    return install("dlt", requirements)


def sling() -> Path:
    """
    Return Sling's binary, of the last version on PyPI that has one.

    PyPI's later versions download theirs from GitHub.
    """
    package = "sling_linux_amd64"
    programs = install("sling", [f"{package}==1.4.11"])
    (binary,) = programs.parent.glob(f"lib/*/site-packages/{package}/bin/sling-linux-amd64")
    binary.chmod(0o755)
    return binary


def airbyte_source_hubspot() -> Path:
    """Return the programs of Airbyte's source for HubSpot, which needs Python 3.10 or 3.11."""
    return install("airbyte-source-hubspot", ["airbyte-source-hubspot==5.7.0"])
