"""
Whether tap and target take more of the processor than they did: `make bench-quick`.

Each is compared with a plain program that does the same and does not change; of each the best of
some runs in turn. Processor time, not wall time, so that a busy machine changes little. What is
kept in quick.json is what a ratio was when it was last accepted, by `--accept`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import singer_lines
from benchmarks.bench import SERVER_OPTIONS, TARGET, Bench, Tap
from benchmarks.measure import Run, Usage
from benchmarks.work import FLOOR, OURS, PLAIN_LOOP, Track, Work
from demo.portal import TOKEN, ServedPortal
from private_servers.mariadb import PrivateMariaDB, install
from private_servers.shell import exit_code

KEPT = Path(__file__).parent / "quick.json"
WORSE = 1.2  # times what is kept
RUNS = 5
RECORDS, ENGAGEMENTS = 100_000, 30_000
# What several threads take of the processor depends on who waits for whom.
ONE_WORKER = {"backfill_workers": 1}
PLAIN_TAP = (sys.executable, "-m", "benchmarks.programs.plain_tap")

Pair = tuple[Callable[[], Usage], Callable[[], Usage]]


def main() -> int:
    """Measure, and return the exit code: 1 where a ratio is WORSE than what is kept."""
    install()
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMariaDB(SERVER_OPTIONS) as server,
        ServedPortal(("--engagements", str(ENGAGEMENTS), "--seed", "7")) as portal,
    ):
        bench = Bench(server, Path(name))
        pairs = {**_target(bench), **_tap(bench, portal)}
        ratios = {what: _ratio(*pair) for what, pair in pairs.items()}
    if "--accept" in sys.argv:
        KEPT.write_text(json.dumps(ratios, indent=1) + "\n")
    return _judge(ratios, json.loads(KEPT.read_text()))


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
    out = bench.folder / "ours"
    return {
        "the tap, engagements, to a plain reader": (lambda: alone.run(out), plain),
        "the tap, all streams, to a plain reader": (lambda: whole.run(out), plain),
    }


def _ratio(ours: Callable[[], Usage], theirs: Callable[[], Usage]) -> float:
    """Return the processor time of ours to theirs, of each the best of RUNS in turn."""
    taken = [(ours().cpu_s, theirs().cpu_s) for _ in range(RUNS)]
    ours_s, theirs_s = zip(*taken, strict=True)
    return round(float(min(ours_s) / min(theirs_s)), 3)


def _judge(ratios: Mapping[str, float], kept: Mapping[str, float]) -> int:
    worse = [what for what, ratio in ratios.items() if ratio > WORSE * kept[what]]
    for what, ratio in ratios.items():
        mark = "  WORSE" if what in worse else ""
        print(f"{what:50} CPU {ratio:6.3f}, kept {kept[what]:6.3f}{mark}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(exit_code("bench-quick", main))
