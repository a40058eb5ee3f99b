"""Measures whether both programs on one pipe are as fast as the slower program alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import TARGET, Bench, Pipe, Tap
from benchmarks.contest import Contender, Contest, Goal, hold
from benchmarks.databases import empty
from benchmarks.measure import Run, Usage
from demo.portal import ServedPortal

ENGAGEMENTS = 100_000
DATABASE = "pipe"
PIPE, TAP_ALONE, TARGET_ALONE = "both on one pipe", "the tap alone", "the target alone"
PROCESSORS = os.cpu_count() or 1
BY_ARITHMETIC = f"what both and the server take of {PROCESSORS} processors, by arithmetic"


def measure(bench: Bench) -> list[Contest]:
    """Measure a first load of all streams, and of engagements alone."""
    with ServedPortal(("--engagements", str(ENGAGEMENTS), "--seed", "7")) as portal:
        return [
            _hold(bench, Tap(bench.folder, portal), "all streams"),
            _hold(bench, Tap(bench.folder, portal, streams=["engagements"]), "engagements alone"),
        ]


def _hold(bench: Bench, tap: Tap, streams: str) -> Contest:
    lines = bench.folder / "pipe_lines"
    programs = _Programs(bench, tap, lines)
    usages: list[Usage] = []

    def on_one_pipe() -> Usage:
        usages.append(programs.on_one_pipe())
        return usages[-1]

    contenders = [
        Contender(PIPE, on_one_pipe),
        Contender(BY_ARITHMETIC, lambda: _minimum(usages[-1])),
        Contender(TAP_ALONE, programs.tap_alone),
        Contender(TARGET_ALONE, programs.target_alone),
    ]
    programs.tap_alone()
    question = f"First load of {ENGAGEMENTS:,} engagements through both programs, {streams}"
    goals = [Goal("wall_s", PIPE, 1.2, (TAP_ALONE, TARGET_ALONE))]
    contest = hold(question, ENGAGEMENTS, contenders, goals)
    lines.unlink()
    return contest


def _minimum(usage: Usage) -> Usage:
    """Return the minimum wall time for the same work: as if no processor ever waited."""
    return Usage((usage.cpu_s + (usage.server_cpu_s or 0.0)) / PROCESSORS)


@dataclass(frozen=True)
class _Programs:
    """The two programs with one portal; the tap alone writes messages to `lines`."""

    bench: Bench
    tap: Tap
    lines: Path

    def tap_alone(self) -> Usage:
        return self.tap.run(self.lines)

    def target_alone(self) -> Usage:
        empty(self.bench.server, DATABASE)
        with self.lines.open("rb") as stdin:
            environment = {**self.bench.server.environment(), "TARGET_MYSQL_DATABASE": DATABASE}
            return Run([TARGET], environment, stdin=stdin, server=self.bench.server.pid).usage()

    def on_one_pipe(self) -> Usage:
        empty(self.bench.server, DATABASE)
        return Pipe(self.tap, self.bench.server, DATABASE).run()
