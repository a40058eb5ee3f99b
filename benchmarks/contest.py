"""Lets programs take turns at the same work, and says how they compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.measure import Usage

RUNS = 5


@dataclass(frozen=True)
class Contender:
    """A program and a run of it; `records` where it gets through fewer than the others."""

    name: str
    run: Callable[[], Usage]
    records: int | None = None
    runs: int = RUNS


@dataclass(frozen=True)
class Result:
    """What a contender took, one Usage a run."""

    name: str
    records: int
    usages: tuple[Usage, ...]

    @property
    def rate(self) -> float:
        """Records a second, of the run in the middle."""
        return self.records / median(one.wall_s for one in self.usages)

    @property
    def spread(self) -> float:
        """How far apart the fastest and the slowest run are, of the median."""
        walls = [one.wall_s for one in self.usages]
        return (max(walls) - min(walls)) / median(walls)

    @property
    def cpu_us(self) -> float:
        """Microseconds of processors a record."""
        return 1e6 * median(one.cpu_s for one in self.usages) / self.records

    @property
    def peak_mb(self) -> float:
        return max(one.peak_mb for one in self.usages)


@dataclass(frozen=True)
class Contest:
    """A question, and what came of it; the first contender is ours."""

    question: str
    results: tuple[Result, ...]

    def ratios(self) -> list[float]:
        """Return how many times as fast as each contender ours is."""
        return [self.results[0].rate / one.rate for one in self.results]

    def table(self) -> str:
        """Return the question and its answer as Markdown."""
        rows = [
            f"### {self.question}\n",
            "| | records | records/s | spread | CPU µs a record | peak MB | ours to it |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ]
        for one, ratio in zip(self.results, self.ratios(), strict=True):
            compared = "" if one is self.results[0] else f"{ratio:.2f}"
            rows.append(
                f"| {one.name} | {one.records:,} | {one.rate:,.0f} | ±{50 * one.spread:.0f} % |"
                f" {one.cpu_us:.1f} | {one.peak_mb:.0f} | {compared} |"
            )
        return "\n".join(rows) + "\n"

    def as_dict(self) -> dict[str, Any]:
        return {"question": self.question, "results": [asdict(one) for one in self.results]}


def hold(question: str, records: int, contenders: Sequence[Contender]) -> Contest:
    """Run the contenders in turn, each as often as it says, print the answer and return it."""
    usages: dict[str, list[Usage]] = {one.name: [] for one in contenders}
    for turn in range(max(one.runs for one in contenders)):
        for one in contenders:
            if turn < one.runs:
                usages[one.name].append(one.run())
    results = (
        Result(one.name, one.records or records, tuple(usages[one.name])) for one in contenders
    )
    contest = Contest(question, tuple(results))
    print(f"\n{contest.table()}", flush=True)
    return contest
