"""Runs each tap in each of its modes; `python -m demo.interop_taps [NAME...]` runs some taps."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from demo.interop_taps.sources import FileSource, MariaDBSource, PostgresSource, Source
from demo.interop_taps.taps import TAPS, Mode, Tap, TapFailed
from demo.interop_taps.trial import TargetFailed, run_trial
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
    """The source of each tap, made when a tap first needs it."""

    def __init__(self, stack: ExitStack, folder: Path, server: PrivateServer) -> None:
        self._stack, self._folder, self._server = stack, folder, server
        self._made: dict[type[Source], Source] = {}

    def get(self, kind: type[Source]) -> Source:
        """Return the source; raises ServerMissing if its server cannot be had."""
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def _make(self, kind: type[Source]) -> Source:
        if issubclass(kind, MariaDBSource):
            return kind(self._server)
        if issubclass(kind, PostgresSource):
            return kind(self._stack.enter_context(PrivatePostgres(LOGICAL_LOG)))
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
                differing += _run_modes(tap, sources, server, folder)
    say(f"{differing} runs differ" if differing else "nothing differs but what is known of taps")
    return 1 if differing else 0


def _run_modes(tap: Tap, sources: Sources, server: PrivateServer, folder: Path) -> int:
    """Run a tap in each of its modes and say what came of it; returns how many differ."""
    try:
        source, version = sources.get(tap.source), tap.install()
    except (ServerMissing, CommandFailed) as error:
        say(f"{tap.name}: not run: {error.message}")
        return 0
    differing = 0
    for mode in tap.modes:
        lines, differs = _run_mode(tap, mode, source, server, folder)
        say("\n    ".join((f"{tap.name} {version} {mode.value}: {lines[0]}", *lines[1:])))
        differing += differs
    return differing


def _run_mode(
    tap: Tap, mode: Mode, source: Source, server: PrivateServer, folder: Path
) -> tuple[list[str], bool]:
    """Return what to say, and whether there is a difference that is not known."""
    try:
        verdict = run_trial(tap, mode, source, server, folder)
    except (TapFailed, TargetFailed) as error:
        known = tap.faults.get(mode.value)
        return [f"FAILS: {error}" + (f" (known: {known})" if known else "")], not known
    unknown = verdict.missent.keys() - tap.faults.keys()
    lines = [f"{verdict.rows} rows, {verdict.values} values compared"]
    lines += [f"TARGET, {name}: {what}" for name, what in verdict.lost.items()]
    lines += [
        f"{'TAP' if name in unknown else 'tap, known'}, {name}: {what}"
        for name, what in verdict.missent.items()
    ]
    if verdict.unsent:
        lines.append(f"tap sends no {', '.join(verdict.unsent)}")
    return lines, bool(verdict.lost or unknown)


if __name__ == "__main__":
    sys.exit(exit_code("interop-taps", lambda: main(sys.argv[1:])))
