"""Runs the trials of each tap; `python -m demo.interop_taps [NAME...]` runs some taps."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from demo.interop_taps.sources import FileSource, MariaDBSource, PostgresSource, Source
from demo.interop_taps.taps import TAPS, Tap, TapFailed
from demo.interop_taps.trial import TargetFailed, Verdict, run_trial
from private_servers import mariadb
from private_servers.mariadb import PrivateMariaDB
from private_servers.postgres import PrivatePostgres
from private_servers.server import PrivateServer, ServerMissing
from private_servers.shell import CommandFailed, exit_code, say

BINARY_LOG = ("--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL", "--server-id=1")
LOGICAL_LOG = {
    "shared_buffers": "128MB",
    "wal_level": "logical",
    "output_plugin_libraries": "wal2json",
}


class Sources:
    """The sources of the taps; PostgreSQL is started for the first tap that needs PostgreSQL."""

    def __init__(self, stack: ExitStack, folder: Path, server: PrivateServer) -> None:
        self._stack, self._folder, self._server = stack, folder, server
        self._postgres: PrivatePostgres | None = None

    def make(self, kind: type[Source]) -> Source:
        """Return a new source; raises ServerMissing if the server is not available."""
        if issubclass(kind, MariaDBSource):
            return kind(self._server)
        if issubclass(kind, PostgresSource):
            if not self._postgres:
                self._postgres = self._stack.enter_context(PrivatePostgres(LOGICAL_LOG))
            return kind(self._postgres)
        assert issubclass(kind, FileSource)
        return kind(self._folder)


def main(names: Sequence[str]) -> int:
    """Return 0 when all that could run differs in nothing but the taps' known faults."""
    differing = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mariadb.install()
        server = stack.enter_context(PrivateMariaDB(BINARY_LOG))
        sources = Sources(stack, folder, server)
        for tap in TAPS:
            if not names or tap.name in names:
                differing += _run_trials(tap, sources, server, folder)
    say(f"{differing} runs differ" if differing else "nothing differs but what is known of taps")
    return 1 if differing else 0


def _run_trials(tap: Tap, sources: Sources, server: PrivateServer, folder: Path) -> int:
    """Run the trials of a tap and print the results; returns the number of trials that differ."""
    try:
        trials = [(name, mode, sources.make(kind)) for name, mode, kind in tap.trials]
        version = tap.install()
    except (ServerMissing, CommandFailed) as error:
        say(f"{tap.name}: not run: {error.message}")
        return 0
    differing = 0
    for name, mode, source in trials:
        try:
            verdict = run_trial(tap, mode, source, server, folder)
            lines, differs = _describe(tap, name, verdict)
        except (TapFailed, TargetFailed) as error:
            known_failure = tap.known_fault(name, "") if isinstance(error, TapFailed) else None
            lines, differs = (
                [f"FAILS: {error}" + (f" (known: {known_failure})" if known_failure else "")],
                not known_failure,
            )
        say("\n    ".join((f"{tap.name} {version} {name}: {lines[0]}", *lines[1:])))
        differing += differs
    return differing


def _describe(tap: Tap, trial: str, verdict: Verdict) -> tuple[list[str], bool]:
    """Return the lines to print, and whether a difference is new."""
    unknown = {name for name in verdict.tap_faults if not tap.known_fault(trial, name)}
    lines = [f"{verdict.rows} rows, {verdict.values} values compared"]
    lines += [f"TARGET, {name}: {what}" for name, what in verdict.target_faults.items()]
    lines += [
        f"{'TAP' if name in unknown else 'tap, known'}, {name}: {what}"
        for name, what in verdict.tap_faults.items()
    ]
    if verdict.omissions:
        lines.append(f"tap sends no {', '.join(verdict.omissions)}")
    return lines, bool(verdict.target_faults or unknown)


if __name__ == "__main__":
    sys.exit(exit_code("interop-taps", lambda: main(sys.argv[1:])))
