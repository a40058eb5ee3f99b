"""Where the answers are kept, as JSON, and the page that shows them."""

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

Made by `make bench`. Programs take turns at the same work, and what counts is how they compare in
one run: of each its run in the middle, ± half of what lies between its fastest and its slowest.
*Ours to it* is the first line's time a record over that line's: below 1, ours is faster.
"""


def save(name: str, contests: Sequence[Contest]) -> None:
    """Keep the answers to one module's questions, and a chart of each."""
    FOLDER.mkdir(exist_ok=True)
    facts = {"at": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M}Z", **_machine()}
    answers = [contest.as_dict() for contest in contests]
    text = json.dumps({**facts, "contests": answers}, indent=1)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def load(name: str) -> list[Contest]:
    """Return the kept answers to one module's questions; raises OSError where there are none."""
    kept = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [Contest.from_dict(one) for one in kept["contests"]]


def render() -> None:
    """Write the page of all answers that are kept, and their charts."""
    verdicts, parts = [], []
    for path in sorted(FOLDER.glob("*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        parts.append(f"## {path.stem.replace('_', ' ').capitalize()}\n")
        parts.append(
            f"{kept['at']}, {kept['processor']}, {kept['processors']} processors,"
            f" Python {kept['python']}, {kept['server']}, commit {kept['commit']}.\n"
        )
        for number, contest in enumerate(load(path.stem), 1):
            picture = FOLDER / f"{path.stem}_{number}.svg"
            picture.write_text(charts.draw(contest), encoding="utf-8")
            shown = f"![{contest.question}]({picture.relative_to(PAGE.parent)})\n"
            parts += [contest.table(), shown]
            verdicts += [f"- {contest.question}. {verdict}" for verdict in contest.verdicts()]
    text = "\n".join([HEAD, "## What is aimed at\n", *verdicts, "", *parts])
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
    """Return the MariaDB that is here, as `MariaDB 10.11.14`."""
    said = subprocess.run(
        [find_program("mariadbd", "mysqld") or "mariadbd", "--version"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = re.search(r"Ver ([\d.]+)", said)
    return f"MariaDB {found[1]}" if found else "no MariaDB"


def _cores() -> list[str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]


def _processor() -> str:
    return (_cores() or [platform.machine()])[0]
