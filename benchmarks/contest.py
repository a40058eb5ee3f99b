"""Runs programs in turn on the same work, and compares their usage."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from benchmarks.measure import Usage

RUNS = 5
Measure = Literal["wall_s", "cpu_s", "peak_mb", "server_cpu_s", "requests", "redo_mb", "binlog_mb"]
WORDS: dict[Measure, str] = {
    "wall_s": "wall time",
    "cpu_s": "CPU",
    "peak_mb": "peak memory",
    "server_cpu_s": "the server's CPU",
    "requests": "requests",
    "redo_mb": "redo log",
    "binlog_mb": "binary log",
}
UNITS: dict[Measure, str] = {
    **dict.fromkeys(WORDS, " MB"),
    **dict.fromkeys(("wall_s", "cpu_s", "server_cpu_s"), " s"),
    "requests": "",
}


@dataclass(frozen=True)
class Contender:
    """
    A program to run; `records` is set if the program processes fewer than the others.

    If a contender that `may_fail` raises RuntimeError, the contest continues without the contender.
    """

    name: str
    run: Callable[[], Usage]
    records: int | None = None
    runs: int = RUNS
    may_fail: bool = False


def measured(name: str, usages: Sequence[Usage], records: int | None = None) -> Contender:
    """Return a contender whose runs are over, because they could not take turns with others."""
    return Contender(name, iter(usages).__next__, records, len(usages))


@dataclass(frozen=True)
class Result:
    """The usage of a contender, one Usage a run."""

    name: str
    records: int
    usages: tuple[Usage, ...]

    def median(self, measure: Measure) -> float:
        """Return the median of all runs."""
        return float(median(getattr(one, measure) for one in self.usages))

    @property
    def spread(self) -> float:
        """The difference of the slowest and the fastest run, as a share of the median."""
        walls = [one.wall_s for one in self.usages]
        return (max(walls) - min(walls)) / median(walls)

    @property
    def peak_mb(self) -> float:
        return max(one.peak_mb for one in self.usages)


@dataclass(frozen=True)
class Goal:
    """
    A limit: `ours` may use at most `most` times the `measure` of the slowest of `others`.

    Without others, `most` is in seconds, MB or requests. Every contender of the goal has the
    measure.
    """

    measure: Measure
    ours: str
    most: float
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contest:
    """
    A question with its results; the first contender is ours.

    Unless `compared`, the table has no column that compares the contenders.
    """

    question: str
    results: tuple[Result, ...]
    goals: tuple[Goal, ...] = ()
    compared: bool = True

    def value(self, goal: Goal) -> float | None:
        """Return the value that `goal.most` limits; None if a contender of the goal is missing."""
        by_name = {one.name: one for one in self.results}
        if not {goal.ours, *goal.others} <= by_name.keys():
            return None
        ours = by_name[goal.ours].median(goal.measure)
        if not goal.others:
            return ours
        return ours / max(by_name[name].median(goal.measure) for name in goal.others)

    def verdicts(self) -> list[str]:
        """Return a sentence for each goal."""
        return [_verdict(goal, self.value(goal)) for goal in self.goals]

    def table(self) -> str:
        """Return the question and the results as Markdown."""
        columns = [column for column in COLUMNS if self._shows(column)]
        rows = [
            f"### {self.question}\n",
            "| | " + " | ".join(column.head for column in columns) + " |",
            "|---" + "|--:" * len(columns) + "|",
        ]
        for one in self.results:
            cells = [column.cell(one, self.results[0]) for column in columns]
            rows.append(f"| {' | '.join([one.name, *cells])} |")
        return "\n".join([*rows, "", *(f"- {verdict}" for verdict in self.verdicts()), ""])

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Contest:
        """Return the contest of a dict that `as_dict` returned, read from JSON."""
        results = (
            Result(one["name"], one["records"], tuple(Usage(**usage) for usage in one["usages"]))
            for one in content["results"]
        )
        goals = (Goal(**{**one, "others": tuple(one["others"])}) for one in content["goals"])
        return cls(content["question"], tuple(results), tuple(goals), content["compared"])

    def _shows(self, column: Column) -> bool:
        if column.compares and not self.compared:
            return False
        return any(column.cell(one, self.results[0]) for one in self.results)


@dataclass(frozen=True)
class Column:
    """A column of the table; `cell` returns the text for a contender and ours, or an empty text."""

    head: str
    cell: Callable[[Result, Result], str]
    compares: bool = False


def _per_record(one: Result, _: Result) -> str:
    return f"{1e6 * one.median('cpu_s') / one.records:,.1f}" if one.records > 1 else ""


def _rate(one: Result, _: Result) -> str:
    return f"{one.records / one.median('wall_s'):,.0f}" if one.records > 1 else ""


def _if_measured(measure: Measure, digits: int) -> Callable[[Result, Result], str]:
    def cell(one: Result, _: Result) -> str:
        if getattr(one.usages[0], measure) is None:
            return ""
        return f"{one.median(measure):,.{digits}f}"

    return cell


def _ratio_of(measure: Measure) -> Callable[[Result, Result], str]:
    def ratio(one: Result, ours: Result) -> str:
        theirs = one.median(measure) / one.records
        if one is ours or not theirs:
            return ""
        return f"{ours.median(measure) / ours.records / theirs:.2f}"

    return ratio


COLUMNS = (
    Column("records", lambda one, _: f"{one.records:,}" if one.records > 1 else ""),
    Column("records/s", _rate),
    Column("wall s", lambda one, _: f"{one.median('wall_s'):,.2f} ± {50 * one.spread:.0f} %"),
    Column("CPU s", lambda one, _: f"{one.median('cpu_s'):,.2f}"),
    Column("CPU µs a record", _per_record),
    Column("server's CPU s", _if_measured("server_cpu_s", 2)),
    Column("redo log MB", _if_measured("redo_mb", 1)),
    Column("binary log MB", _if_measured("binlog_mb", 1)),
    Column("peak MB", lambda one, _: f"{one.peak_mb:,.0f}" if one.peak_mb else ""),
    Column("requests", _if_measured("requests", 0)),
    Column("our wall to it", _ratio_of("wall_s"), compares=True),
    Column("our CPU to it", _ratio_of("cpu_s"), compares=True),
)


def _verdict(goal: Goal, value: float | None) -> str:
    unit = "" if goal.others else UNITS[goal.measure]
    than = f" of {' or '.join(goal.others)}" if goal.others else ""
    what = f"{goal.ours}: {WORDS[goal.measure]} at most {goal.most:.3g}{unit}{than}"
    if value is None:
        return f"{what}: not compared here"
    outcome = "reached" if value <= goal.most else "**missed**"
    return f"{what}: {value:.3g}{unit}, {outcome}"


def hold(
    question: str,
    records: int,
    contenders: Sequence[Contender],
    goals: Sequence[Goal] = (),
    *,
    compared: bool = True,
) -> Contest:
    """
    Run the contenders in turn, print the table and return the contest.

    `records` is the number of records of the work, 1 for work without records; `compared` as in
    Contest.
    """
    usages = _take_turns(contenders)
    results = (
        Result(one.name, one.records or records, tuple(usages[one.name]))
        for one in contenders
        if one.name in usages
    )
    contest = Contest(question, tuple(results), tuple(goals), compared)
    print(f"\n{contest.table()}", flush=True)
    return contest


def _take_turns(contenders: Sequence[Contender]) -> dict[str, list[Usage]]:
    """Return the usage of each run, without contenders that may fail and did."""
    usages: dict[str, list[Usage]] = {one.name: [] for one in contenders}
    for turn in range(max(one.runs for one in contenders)):
        for one in contenders:
            if one.name not in usages or turn >= one.runs:
                continue
            try:
                usages[one.name].append(one.run())
            except RuntimeError as error:
                if not one.may_fail:
                    raise
                print(f"not compared with: {one.name}: {error}", file=sys.stderr)
                del usages[one.name]
    return usages
