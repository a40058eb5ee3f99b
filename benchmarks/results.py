"""Saves results as JSON, and renders the page RESULTS.md of all saved results."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks import charts
from benchmarks.contest import Contest
from private_servers.server import find_program

FOLDER = Path(__file__).parent / "results"
PAGE = Path(__file__).parent / "RESULTS.md"
HEAD = """# Results

Written by `make bench`. Programs run in turn on the same work; compare numbers of one table only.
Each value is the median of the runs, ± half of the difference of the slowest and the fastest run.
*Our wall to it* and *our CPU to it* divide the first line's time a record by the line's: below 1,
ours is faster.
"""


def save(name: str, contests: Sequence[Contest]) -> None:
    """Save the contests of one module, with the machine's facts."""
    FOLDER.mkdir(exist_ok=True)
    facts = {"at": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M}Z", **_machine()}
    content = {**facts, "contests": [contest.as_dict() for contest in contests]}
    text = json.dumps(content, indent=1)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def load(name: str) -> list[Contest]:
    """Return the saved contests of one module; raises OSError for a module without results."""
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [Contest.from_dict(one) for one in content["contests"]]


def render() -> None:
    """Write the page of all saved results, and their charts."""
    verdicts, parts = [], []
    for path in sorted(FOLDER.glob("*.json")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        parts.append(f"## {path.stem.replace('_', ' ').capitalize()}\n")
        parts.append(
            f"{facts['at']}, {facts['processor']}, {facts['processors']} processors,"
            f" Python {facts['python']}, {facts['server']}, commit {facts['commit']}.\n"
        )
        for number, contest in enumerate(load(path.stem), 1):
            picture = FOLDER / f"{path.stem}_{number}.svg"
            picture.write_text(charts.draw(contest), encoding="utf-8")
            image = f"![{contest.question}]({picture.relative_to(PAGE.parent)})\n"
            parts += [contest.table(), image]
            verdicts += [f"- {contest.question}. {verdict}" for verdict in contest.verdicts()]
    text = "\n".join([HEAD, "## Goals\n", *verdicts, "", *parts])
    PAGE.write_text(text, encoding="utf-8")


def _machine() -> dict[str, object]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "processor": _processor(),
        "processors": len(_cores()),
        "python": platform.python_version(),
        "server": _server(),
        "commit": commit.stdout.strip(),
    }


def _server() -> str:
    """Return the installed MariaDB, such as `MariaDB 10.11.14`."""
    output = subprocess.run(
        [find_program("mariadbd", "mysqld") or "mariadbd", "--version"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    match = re.search(r"Ver ([\d.]+)", output)
    return f"MariaDB {match[1]}" if match else "no MariaDB"


def _cores() -> list[str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]


def _processor() -> str:
    return (_cores() or [platform.machine()])[0]
