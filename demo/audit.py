"""Checks the installed packages with pip-audit, and lists those that were not checked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
PIP_AUDIT = REPOSITORY / ".venv-audit" / "bin" / "pip-audit"
VULNERABLE, NOT_CHECKED = 1, 2  # exit codes
UNREACHABLE = "the advisories could not be reached"


def main() -> int:
    """Return 0 if no advisory names an installed package, else VULNERABLE or NOT_CHECKED."""
    freeze = [sys.executable, "-m", "pip", "--disable-pip-version-check", "freeze"]
    packages = subprocess.run(
        [*freeze, "--exclude-editable"], check=True, capture_output=True, text=True
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text(packages, encoding="utf-8")
        options = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
        done = subprocess.run(
            [PIP_AUDIT, "--requirement", file, *options],
            check=False,
            capture_output=True,
            text=True,
        )
    code, lines = to_verdict(done.stdout, done.stderr)
    print(*lines, sep="\n")
    return code


def to_verdict(report: str, errors: str) -> tuple[int, list[str]]:
    """Return the exit code and the lines to print for pip-audit's JSON and standard error."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (errors.strip().splitlines() or ["pip-audit said nothing"])[-1]
        return NOT_CHECKED, [f"Nothing was checked: {UNREACHABLE}: {reason}"]
    lines = [
        f"{package['name']} {package['version']}: {advisory['id']}"
        f" (fixed in {', '.join(advisory['fix_versions']) or 'no version yet'})"
        for package in packages
        for advisory in package.get("vulns", [])
    ]
    # pip-audit itself calls it a success when it could ask about none.
    not_checked = [package["name"] for package in packages if "skip_reason" in package]
    checked_count = len(packages) - len(not_checked)
    if not_checked or not packages:
        lines.append(f"Not checked, since {UNREACHABLE}: {', '.join(not_checked) or 'no package'}")
    lines.append(f"{checked_count} of {len(packages)} packages were checked.")
    if any(package.get("vulns") for package in packages):
        return VULNERABLE, lines
    return NOT_CHECKED if not_checked or not packages else 0, lines


if __name__ == "__main__":
    sys.exit(main())
