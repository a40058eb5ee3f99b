"""
Compares the CPU time of tap, target and reports with earlier measurements: `make bench-quick`.

Each program runs in turn with a plain program that does the same and never changes. The ratio of
their best runs is compared with the accepted ratio in quick.json, which `--accept` replaces. CPU
time, not wall time: a busy machine changes little. The time of the reports is that of the server,
too, which does most of their work.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks import reports, singer_lines
from benchmarks.bench import SERVER_OPTIONS, TARGET, Bench, Tap
from benchmarks.measure import Run, Usage
from benchmarks.work import FLOOR, OURS, PLAIN_LOOP, Track, Work
from demo.portal import TOKEN, ServedPortal
from private_servers.mariadb import PrivateMariaDB, install
from private_servers.shell import PROGRAMS, exit_code

ACCEPTED = Path(__file__).parent / "quick.json"
WORSE = 1.2  # times the accepted ratio
RUNS = 5
RECORDS, ENGAGEMENTS = 100_000, 30_000
REPORTED, REPORTED_DAYS = 20_000, 360
# The CPU time of several threads depends on the order in which they wait.
ONE_WORKER = {"backfill_workers": 1}
BY_OBJECTS = {**ONE_WORKER, "api_version": "2026-09"}
PLAIN_TAP = (sys.executable, "-m", "benchmarks.programs.plain_tap")
PLAIN_PAGE = (sys.executable, "-m", "benchmarks.programs.plain_page")

Pair = tuple[Callable[[], Usage], Callable[[], Usage]]


def main() -> int:
    """Measure; returns the exit code, 1 if a ratio is WORSE than accepted."""
    install()
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMariaDB(SERVER_OPTIONS) as server,
        ServedPortal(("--engagements", str(ENGAGEMENTS), "--seed", "7")) as portal,
    ):
        bench = Bench(server, Path(name))
        pairs = {**_target(bench), **_tap(bench, portal), **_page(bench)}
        ratios = {name: _ratio(*pair) for name, pair in pairs.items()}
    if "--accept" in sys.argv:
        ACCEPTED.write_text(json.dumps(ratios, indent=1) + "\n")
    return _judge(ratios, json.loads(ACCEPTED.read_text()))


def _target(bench: Bench) -> dict[str, Pair]:
    work = Work(singer_lines.narrow_lines, 12, RECORDS, bench.folder)
    wide = Work(singer_lines.wide_lines, 25, RECORDS // 5, bench.folder)
    by_insert = {"TARGET_MYSQL_LOAD_METHOD": "insert"}
    return {
        "target-mysql to a plain loop": _loads(bench, work, {}),
        "target-mysql to a plain loop, wide records": _loads(bench, wide, {}),
        "target-mysql by INSERT to a plain loop": _loads(bench, work, by_insert, "--insert"),
    }


def _loads(bench: Bench, work: Work, environment: Mapping[str, str], *options: str) -> Pair:
    track = Track(bench.server, work, "first load")
    ours = track.reads_lines(OURS, "ours", TARGET, environment=environment)
    return ours.run, track.reads_lines(PLAIN_LOOP, "floor", *FLOOR, *options).run


def _tap(bench: Bench, portal: ServedPortal) -> dict[str, Pair]:
    def plain() -> Usage:
        with (bench.folder / "plain").open("wb") as stdout:
            return Run([*PLAIN_TAP, portal.url, TOKEN], {}, stdout=stdout).usage()

    alone = Tap(bench.folder, portal, ONE_WORKER, ["engagements"])
    whole = Tap(bench.folder, portal, ONE_WORKER)
    by_objects = Tap(bench.folder, portal, BY_OBJECTS)
    out = bench.folder / "ours"
    return {
        "the tap, engagements, to a plain reader": (lambda: alone.run(out), plain),
        "the tap, all streams, to a plain reader": (lambda: whole.run(out), plain),
        "the tap by objects, to a plain reader of v1": (lambda: by_objects.run(out), plain),
    }


def _page(bench: Bench) -> dict[str, Pair]:
    database = {"TARGET_MYSQL_DATABASE": "page"}
    environment = {**bench.server.environment(), **database}
    reports.load(environment, REPORTED, REPORTED_DAYS)

    def run(*command: str | Path) -> Usage:
        usage = Run(command, environment, server=bench.server.pid).usage()
        return replace(usage, cpu_s=usage.cpu_s + (usage.server_cpu_s or 0.0))

    page, plain = bench.folder / "page.html", bench.folder / "plain.html"
    ours = (PROGRAMS / "engagements-report", "html", page, *reports.ZONE, *reports.LAST_90)
    return {
        "the reports' page to a plain page": (lambda: run(*ours), lambda: run(*PLAIN_PAGE, plain)),
    }


def _ratio(ours: Callable[[], Usage], theirs: Callable[[], Usage]) -> float:
    """Return the ratio of our CPU time to theirs, of the best of RUNS runs in turn."""
    runs = [(ours().cpu_s, theirs().cpu_s) for _ in range(RUNS)]
    ours_s, theirs_s = zip(*runs, strict=True)
    return round(float(min(ours_s) / min(theirs_s)), 3)


def _judge(ratios: Mapping[str, float], accepted_ratios: Mapping[str, float]) -> int:
    """Print the ratios; returns the exit code. A ratio that was never accepted is worse."""
    accepted = {name: accepted_ratios.get(name, 0.0) for name in ratios}
    worse = [name for name, ratio in ratios.items() if ratio > WORSE * accepted[name]]
    for name, ratio in ratios.items():
        mark = "  WORSE" if name in worse else ""
        print(f"{name:50} CPU {ratio:6.3f}, accepted {accepted[name]:6.3f}{mark}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(exit_code("bench-quick", main))
