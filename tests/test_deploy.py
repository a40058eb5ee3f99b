"""The files of deploy/ are valid for the programs that read them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROGRAMS, REPOSITORY

DEPLOY = REPOSITORY / "deploy"
INSTALLED = "/opt/hubspot-engagements/bin"  # the programs' folder in the service


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_the_units_of_systemd(tmp_path: Path) -> None:
    """
    systemd accepts every line of the service and the timer.
    """
    units = []
    for path in sorted((DEPLOY / "systemd").iterdir()):
        units.append(tmp_path / path.name)
        units[-1].write_text(path.read_text().replace(INSTALLED, str(PROGRAMS)))
    assert len(units) == 2
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
