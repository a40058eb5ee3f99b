"""What a contest says of who took what; the programs here are the shell's."""

from __future__ import annotations

import json
import os
import sys

import pytest

from benchmarks.contest import Contender, Contest, Goal, Result, hold
from benchmarks.measure import Run, Usage

OURS = Result("ours", 100, (Usage(2.0, 1.0, 10.0), Usage(1.0, 3.0, 30.0), Usage(9.0, 2.0, 20.0)))
SLOW = Result("slow", 100, (Usage(8.0, 4.0, 10.0),))
SLOWER = Result("slower", 100, (Usage(10.0, 5.0, 10.0),))
PYTHON = (sys.executable, "-c")


def test_goals_compare_the_runs_in_the_middle() -> None:
    """
    With the slowest of the others, or by itself; whom it names may not be there.
    """
    contest = Contest("?", (OURS, SLOW, SLOWER))
    assert contest.value(Goal("wall_s", "ours", 1.0, ("slow", "slower"))) == 2.0 / 10.0
    assert contest.value(Goal("cpu_s", "ours", 1.0, ("slow",))) == 2.0 / 4.0
    assert contest.value(Goal("peak_mb", "ours", 1.0)) == 20.0
    assert contest.value(Goal("wall_s", "ours", 1.0, ("nobody",))) is None


def test_verdicts_say_what_was_reached() -> None:
    """
    A goal that is missed by a little is missed.
    """
    goals = (
        Goal("wall_s", "ours", 0.2, ("slower",)),
        Goal("wall_s", "ours", 0.19, ("slower",)),
        Goal("peak_mb", "ours", 80.0, ("nobody",)),
    )
    assert Contest("?", (OURS, SLOWER), goals).verdicts() == [
        "ours: wall time at most 0.2 of slower: 0.2, reached",
        "ours: wall time at most 0.19 of slower: 0.2, **missed**",
        "ours: peak memory at most 80 of nobody: not compared here",
    ]


def test_ratios_are_a_record() -> None:
    """
    A contender that gets through fewer records is compared by what one of them takes.
    """
    few = Result("few", 10, (Usage(2.0, 1.0, 10.0),))
    row = Contest("?", (OURS, few)).table().splitlines()[-2]
    assert row.startswith("| few | 10 | 5 | 2.00 ± 0 % | 1.00 | 100,000.0 | 10 |")
    assert row.endswith("| 0.10 | 0.20 |")


def test_answers_are_kept_whole() -> None:
    """
    What was written as JSON and is read again is the same.
    """
    contest = Contest("?", (OURS, SLOW), (Goal("wall_s", "ours", 1.0, ("slow",)),), compared=False)
    assert Contest.from_dict(json.loads(json.dumps(contest.as_dict()))) == contest


def test_contenders_take_turns() -> None:
    """
    One run each, then the next; who has had all of its runs is left out.
    """
    order = []

    def contender(name: str, runs: int) -> Contender:
        def run() -> Usage:
            order.append(name)
            return Usage(1.0)

        return Contender(name, run, runs=runs)

    hold("?", 1, [contender("a", 3), contender("b", 1)])
    assert order == ["a", "b", "a", "a"]


def test_who_may_fail_ends_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A goal that names it is not compared; a failure of anyone else ends the contest.
    """

    def fail() -> Usage:
        raise RuntimeError("nothing was loaded")

    ours = Contender("ours", lambda: Usage(1.0), runs=1)
    contest = hold("?", 1, [ours, Contender("a", fail, may_fail=True)], [Goal("wall_s", "a", 1.0)])
    assert [one.name for one in contest.results] == ["ours"]
    assert contest.verdicts() == ["a: wall time at most 1 s: not compared here"]
    assert capsys.readouterr().err == "not compared with: a: nothing was loaded\n"
    with pytest.raises(RuntimeError, match="nothing was loaded"):
        hold("?", 1, [ours, Contender("b", fail)])


def test_a_run_is_what_the_program_took() -> None:
    """
    Its own memory and processor, without those of whoever started it.
    """
    ours = b"x" * 100_000_000
    idle = Run([*PYTHON, "import time; time.sleep(0.3)"], {}, server=os.getpid()).usage()
    assert idle.wall_s >= 0.3 > idle.cpu_s
    assert idle.peak_mb < len(ours) / 1e6
    assert idle.server_cpu_s is not None
    busy = Run([*PYTHON, "x = b'x' * 150_000_000; sum(range(10_000_000))"], {}).usage()
    assert busy.peak_mb > 150
    assert busy.cpu_s > 0.05
    assert busy.server_cpu_s is None


def test_a_server_takes_what_its_children_take() -> None:
    """
    Those that have ended, too: here the program itself is a child of the server that it asks.
    """
    usage = Run([*PYTHON, "sum(range(10_000_000))"], {}, server=os.getpid()).usage()
    assert usage.server_cpu_s is not None
    # The kernel counts ticks of 10 ms.
    assert usage.server_cpu_s > 0.9 * usage.cpu_s > 0.05


def test_a_failed_run_is_none() -> None:
    """
    Whoever fails is not measured.
    """
    with pytest.raises(RuntimeError, match="failed"):
        Run([*PYTHON, "raise SystemExit(3)"], {}).usage()
