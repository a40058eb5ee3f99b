"""Contests: values, verdicts, tables, and the measured usage of real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psutil
import pytest

from benchmarks.contest import Contender, Contest, Goal, Result, hold, measured
from benchmarks.measure import Run, Usage, cpu_time_s, wait_until_idle

OURS = Result("ours", 100, (Usage(2.0, 1.0, 10.0), Usage(1.0, 3.0, 30.0), Usage(9.0, 2.0, 20.0)))
SLOW = Result("slow", 100, (Usage(8.0, 4.0, 10.0),))
SLOWER = Result("slower", 100, (Usage(10.0, 5.0, 10.0),))
PYTHON = (sys.executable, "-c")


def test_goals_compare_medians() -> None:
    """
    A goal compares with the slowest of the others, or with a number; others may be missing.
    """
    contest = Contest("?", (OURS, SLOW, SLOWER))
    assert contest.value(Goal("wall_s", "ours", 1.0, ("slow", "slower"))) == 2.0 / 10.0
    assert contest.value(Goal("cpu_s", "ours", 1.0, ("slow",))) == 2.0 / 4.0
    assert contest.value(Goal("peak_mb", "ours", 1.0)) == 20.0
    assert contest.value(Goal("wall_s", "ours", 1.0, ("nobody",))) is None


def test_verdicts_name_the_outcome() -> None:
    """
    A goal that is narrowly missed is missed.
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
    A contender with fewer records is compared by the usage of a record.
    """
    few = Result("few", 10, (Usage(2.0, 1.0, 10.0),))
    row = Contest("?", (OURS, few)).table().splitlines()[-2]
    assert row.startswith("| few | 10 | 5 | 2.00 ± 0 % | 1.00 | 100,000.0 | 10 |")
    assert row.endswith("| 0.10 | 0.20 |")


def test_only_measured_columns_are_shown() -> None:
    """
    The logs of a server have columns where some contender has measured them, and goals.
    """
    logged = Result("ours", 10, (Usage(1.0, server_cpu_s=3.0, redo_mb=5.0, binlog_mb=0.25),))
    goals = (Goal("redo_mb", "ours", 4.0), Goal("server_cpu_s", "ours", 4.0))
    contest = Contest("?", (logged, SLOW), goals)
    assert "| redo log MB | binary log MB |" in contest.table()
    assert "| 3.00 | 5.0 | 0.2 |" in contest.table()
    assert contest.verdicts() == [
        "ours: redo log at most 4 MB: 5 MB, **missed**",
        "ours: the server's CPU at most 4 s: 3 s, reached",
    ]
    assert "log MB" not in Contest("?", (OURS, SLOW)).table()


def test_contests_are_saved_completely() -> None:
    """
    A contest that is written as JSON and read again is equal.
    """
    contest = Contest("?", (OURS, SLOW), (Goal("wall_s", "ours", 1.0, ("slow",)),), compared=False)
    assert Contest.from_dict(json.loads(json.dumps(contest.as_dict()))) == contest


def test_contenders_take_turns() -> None:
    """
    Each contender runs once a turn, until all of its runs are done.
    """
    order = []

    def contender(name: str, runs: int) -> Contender:
        def run() -> Usage:
            order.append(name)
            return Usage(1.0)

        return Contender(name, run, runs=runs)

    hold("?", 1, [contender("a", 3), contender("b", 1)])
    assert order == ["a", "b", "a", "a"]


def test_contenders_whose_runs_are_over() -> None:
    """
    Runs that were measured before appear in the table like those that take turns.
    """
    over = measured("over", [Usage(2.0), Usage(4.0), Usage(3.0)], records=10)
    contest = hold("?", 1, [Contender("a", lambda: Usage(1.0), runs=1), over])
    assert [len(one.usages) for one in contest.results] == [1, 3]
    assert contest.results[1].median("wall_s") == 3.0
    assert contest.results[1].records == 10


def test_contenders_that_may_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Goals that name the failed contender are skipped; any other failure ends the contest.
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


def test_the_usage_is_the_programs_own() -> None:
    """
    A run measures the program's memory and CPU time, not those of the starting process.
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


def test_a_servers_usage_includes_its_children() -> None:
    """
    Ended children count too: here the program itself is a child of its server.
    """
    usage = Run([*PYTHON, "sum(range(10_000_000))"], {}, server=os.getpid()).usage()
    assert usage.server_cpu_s is not None
    # The kernel counts ticks of 10 ms.
    assert usage.server_cpu_s > 0.9 * usage.cpu_s > 0.05


def test_a_busy_server_is_waited_for() -> None:
    """
    What a server still does in the background is over when the wait ends.
    """
    busy = "import time\nwhile time.process_time() < 2: pass\ntime.sleep(600)"
    with subprocess.Popen([*PYTHON, busy]) as server:
        try:
            wait_until_idle(server.pid)
            assert cpu_time_s(psutil.Process(server.pid)) > 1.9  # it counts ticks of 10 ms
        finally:
            server.kill()


def test_a_failed_run_is_not_measured() -> None:
    """
    A program that fails raises an error instead.
    """
    with pytest.raises(RuntimeError, match="failed"):
        Run([*PYTHON, "raise SystemExit(3)"], {}).usage()
