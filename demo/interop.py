"""
Loads all streams into other Singer targets, each in a separate venv: `make interop`.

Warnings about ACTIVATE_VERSION, which the targets do not know, are ignored; all others count.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from demo.portal import TOKEN, ServedPortal
from private_servers.shell import Shell, exit_code, last_lines, run_steps, say

REPOSITORY = Path(__file__).parents[1]
PORTAL = ("--engagements", "800", "--seed", "3")
TARGETS = {
    "meltanolabs-target-csv>=0.5,<0.6": ("target-csv", {"output_path": "csv"}),
    "target-duckdb>=0.8,<0.9": (
        "target-duckdb",
        {"database": "d", "filepath": "d.duckdb", "default_target_schema": "main"},
    ),
}


def main() -> int:
    """Return 0 when every target takes all streams without a warning."""
    has_complaints = False
    with tempfile.TemporaryDirectory() as name, ServedPortal(PORTAL) as portal:
        folder = Path(name)
        (folder / "csv").mkdir()
        shell = Shell(folder, {})
        config = {"access_token": TOKEN, "base_url": portal.url}
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "catalog.json").write_text(json.dumps(_everything(shell)))
        tap = "tap-hubspot-engagements --config config.json --catalog catalog.json"
        shell.run(f"{tap} > lines")
        for package, (program, settings) in TARGETS.items():
            complaints = _load(folder, package, program, settings)
            say(f"{package}: {'; '.join(complaints) or 'all streams, no warning'}")
            has_complaints = has_complaints or bool(complaints)
    return 1 if has_complaints else 0


def _everything(shell: Shell) -> object:
    """Return the catalog with every stream and field selected."""
    catalog = json.loads(shell.run("tap-hubspot-engagements --discover", show=False).stdout)
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            one["metadata"]["selected"] = True
    return catalog


def _load(folder: Path, package: str, program: str, settings: object) -> list[str]:
    """Load the messages into a target; returns the warnings and errors."""
    venv = REPOSITORY / f".venv-{program}"
    run_steps(
        [sys.executable, "-m", "venv", venv],
        [venv / "bin" / "pip", "install", "--quiet", package],
    )
    (folder / "target.json").write_text(json.dumps(settings))
    with (folder / "lines").open("rb") as lines:
        done = subprocess.run(
            [venv / "bin" / program, "--config", "target.json"],
            cwd=folder,
            stdin=lines,
            capture_output=True,
            text=True,
        )
    log = [line for line in done.stderr.splitlines() if "WARN" in line or "ERROR" in line]
    complaints = [line for line in log if "ACTIVATE_VERSION" not in line]
    if done.returncode:
        complaints.append(f"exit code {done.returncode}: {last_lines(done.stderr)}")
    return complaints


if __name__ == "__main__":
    sys.exit(exit_code("interop", main))
