"""Where the answers are kept, as JSON, and the page that shows them."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.contest import Contest, Result
from benchmarks.measure import Usage

FOLDER = Path(__file__).parent / "results"
PAGE = Path(__file__).parent / "RESULTS.md"


def save(name: str, contests: Sequence[Contest]) -> None:
    """Keep the answers to one module's questions."""
    FOLDER.mkdir(exist_ok=True)
    facts = {"at": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M}Z", **_machine()}
    answers = [contest.as_dict() for contest in contests]
    text = json.dumps({**facts, "contests": answers}, indent=1)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def render() -> None:
    """Write the page of all answers that are kept."""
    parts = [
        "# Results\n",
        "Made by `make bench`. Runs take turns, and what counts is how they compare in one run:"
        " the median of the runs, and half of what lies between the fastest and the slowest."
        " *Ours to it* is how many times as fast the first line is.\n",
    ]
    for path in sorted(FOLDER.glob("*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        parts.append(f"## {path.stem.replace('_', ' ').capitalize()}\n")
        parts.append(
            f"{kept['at']}, {kept['processor']}, {kept['processors']} processors,"
            f" Python {kept['python']}, commit {kept['commit']}.\n"
        )
        parts += [contest.table() for contest in _contests(kept["contests"])]
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def _contests(kept: Iterable[dict[str, object]]) -> Iterable[Contest]:
    for one in kept:
        results = [
            Result(
                result["name"],
                result["records"],
                tuple(Usage(**usage) for usage in result["usages"]),
            )
            for result in one["results"]  # type: ignore[attr-defined]
        ]
        yield Contest(str(one["question"]), tuple(results))


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
        "commit": commit.stdout.strip(),
    }


def _cores() -> list[str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]


def _processor() -> str:
    return (_cores() or [platform.machine()])[0]
