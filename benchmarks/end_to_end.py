"""How fast and how large: tap alone, target alone, both on one pipe."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.measure import HEAD, Run
from demo.portal import TOKEN, ServedPortal
from demo.private_mariadb import PrivateMariaDB
from demo.shell import PROGRAMS

ENGAGEMENTS = 100_000
TAP = PROGRAMS / "tap-hubspot-engagements"
TARGET = PROGRAMS / "target-mysql"


def measure(folder: Path, server: PrivateMariaDB) -> None:
    """Print the table of a first load of ENGAGEMENTS engagements of 1.2 KB."""
    environment = server.environment()
    with ServedPortal(("--engagements", str(ENGAGEMENTS), "--seed", "7")) as portal:
        config = folder / "config.json"
        settings = {
            "access_token": TOKEN,
            "base_url": portal.url,
            "requests_per_10_seconds": 10_000,  # what is measured is the tap, not HubSpot's limit
        }
        config.write_text(json.dumps(settings))
        tap_command = [TAP, "--config", config]
        lines = folder / "lines"
        print(f"First load of {ENGAGEMENTS:,} engagements\n{HEAD}")
        with lines.open("wb") as out:
            print(Run(tap_command, environment, stdout=out).usage().row("tap alone", ENGAGEMENTS))
        alone = {**environment, "TARGET_MYSQL_DATABASE": "alone"}
        for name in ("target alone, first load", "target alone, all there already"):
            with lines.open("rb") as source:
                print(Run([TARGET], alone, stdin=source).usage().row(name, ENGAGEMENTS))
        _measure_pipe(tap_command, {**environment, "TARGET_MYSQL_DATABASE": "pipe"})
        lines.unlink()


def _measure_pipe(tap_command: list[str | Path], environment: dict[str, str]) -> None:
    tap = Run(tap_command, environment, stdout=subprocess.PIPE)
    assert tap.process.stdout is not None  # it was asked for
    target = Run([TARGET], environment, stdin=tap.process.stdout)
    tap.process.stdout.close()
    print(tap.usage().row("on one pipe: tap", ENGAGEMENTS))
    print(target.usage().row("on one pipe: target", ENGAGEMENTS))
