"""The taps of PyPI: how each is installed, configured and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from demo.interop_taps.sources import (
    DATABASE,
    TABLE,
    CsvSource,
    FileSource,
    JsonLinesSource,
    JsonSource,
    MariaDBDates,
    MariaDBSource,
    PostgresFarDates,
    PostgresInfinity,
    PostgresSource,
    SingerLinesSource,
    Source,
)
from demo.pythons import find_python
from private_servers.shell import CommandFailed, last_lines, run_steps

VENVS = Path(__file__).parents[2] / ".venv-taps"
LONGEST_S = 300.0  # that a tap may run
LOG_WAIT_S = 3  # that a tap waits for more changes in the log

Config = dict[str, Any]


class Mode(Enum):
    """The replication method of a catalog."""

    FULL_TABLE = "FULL_TABLE"
    INCREMENTAL = "INCREMENTAL"
    LOG_BASED = "LOG_BASED"


ALL_MODES = tuple(Mode)


class TapFailed(RuntimeError):
    """A tap ended with another exit code than 0, or not in time."""


@dataclass(frozen=True)
class Tap:
    """
    A tap, and how to run the program on a source.

    `dates` are further sources, of dates that some programs cannot hold. `faults` describes known
    wrong values by column; a trial's name before the column limits the fault to that trial.
    `pythons` are the versions that the tap runs on, the best first; without any, this process's.
    `slot` is the replication slot that the tap reads.
    """

    package: str
    program: str
    source: type[Source]
    configure: Callable[[Any], Config]
    modes: Sequence[Mode] = (Mode.FULL_TABLE,)
    faults: Mapping[str, str] = field(default_factory=dict)
    dates: Sequence[type[Source]] = ()
    pythons: Sequence[str] = ()
    slot: str = ""
    catalog_option: str = "--catalog"
    has_catalog: bool = True

    @property
    def name(self) -> str:
        return self.package.split(">")[0].split("=")[0]

    @property
    def trials(self) -> Iterator[tuple[str, Mode, type[Source]]]:
        """Each trial's name, mode and source."""
        for mode in self.modes:
            yield mode.value, mode, self.source
        for source in self.dates:
            yield f"{Mode.FULL_TABLE.value}{source.trial}", Mode.FULL_TABLE, source

    def known_fault(self, trial: str, column: str) -> str | None:
        """Describe a known fault in a column; without a column, a known failure of the tap."""
        return self.faults.get(f"{trial} {column}".strip()) or self.faults.get(column)

    def install(self) -> str:
        """Install the tap in a separate venv; returns the version, raises CommandFailed."""
        venv = VENVS / self.name
        pip: list[str | Path] = [venv / "bin" / "python", "-m", "pip"]
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        if not (venv / "bin" / self.program).exists():
            run_steps([self._python(), "-m", "venv", "--clear", venv])
        run_steps([*pip, "install", "--quiet", self.package], environment=environment)
        details = run_steps([*pip, "show", self.name], environment=environment)
        return next(line.split()[1] for line in details.splitlines() if line.startswith("Version:"))

    def _python(self) -> Path:
        if not self.pythons:
            return Path(sys.executable)
        if python := next(filter(None, map(find_python, self.pythons)), None):
            return python
        raise CommandFailed(f"it needs Python {' or '.join(self.pythons)}")

    def run(self, folder: Path, mode: Mode, state: object) -> list[str]:
        """Run the tap and return the messages as lines; raises TapFailed."""
        options: list[str] = []
        if self.has_catalog:
            catalog = json.loads(self._call(folder, "--discover"))
            streams = [one for one in catalog["streams"] if one["tap_stream_id"].endswith(TABLE)]
            for stream in streams:
                _select(stream, mode)
            options = [self.catalog_option, _write(folder / "catalog.json", {"streams": streams})]
        if state is not None:
            options += ["--state", _write(folder / "state.json", state)]
        # Not by splitlines, which splits at characters within a text, too.
        return [line for line in self._call(folder, *options).split("\n") if line]

    def _call(self, folder: Path, *options: str) -> str:
        program = VENVS / self.name / "bin" / self.program
        try:
            done = subprocess.run(
                [program, "--config", "tap.json", *options],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LONGEST_S,
                check=False,
                env={**os.environ, "TZ": "UTC"},
            )
        except subprocess.TimeoutExpired as error:
            raise TapFailed(f"the tap still runs after {LONGEST_S:.0f} s") from error
        if done.returncode:
            log = last_lines(done.stderr.decode(errors="replace"))
            raise TapFailed(f"the tap's exit code is {done.returncode}: {log.splitlines()[-1:]}")
        return done.stdout.decode()


def _select(stream: dict[str, Any], mode: Mode) -> None:
    """Select all of a catalog's stream, in the notations of all taps."""
    incremental = {"replication-key": "changed"} if mode is Mode.INCREMENTAL else {}
    for entry in stream.setdefault("metadata", []):
        entry["metadata"]["selected"] = True
        if not entry["breadcrumb"]:
            entry["metadata"] |= {"replication-method": mode.value, **incremental}
    stream["replication_method"] = mode.value
    stream |= {"replication_key": "changed"} if incremental else {}


def _write(path: Path, value: object) -> str:
    # Numbers of a state are Decimals here, all of them integers.
    path.write_text(json.dumps(value, default=int))
    return str(path)


def _mysql(source: MariaDBSource) -> Config:
    return {
        "host": "127.0.0.1",
        "port": source.server.port,
        "user": "root",
        "password": source.server.password,
    }


def _postgres(source: PostgresSource) -> Config:
    return {"host": "127.0.0.1", "port": source.server.port, "user": "root", "password": "none"}


def _files(source: FileSource, ending: str) -> str:
    return str(source.folder / f"*.{ending}")


INFINITE_TRIAL = f"FULL_TABLE{PostgresInfinity.trial}"
POSTGRES_DATES = {
    **{f"{INFINITE_TRIAL} {column}": "a date of Python's" for column in ("d", "ts", "tz")},
    f"FULL_TABLE{PostgresFarDates.trial}": "Python has no such year",
}
QUESTION_MARK = "`?` for an emoji: it reads with the charset utf8"
ONE_BIT = "true or false for several bits"
POSTGRES_LOG = {"logical_poll_total_seconds": LOG_WAIT_S, "dbname": DATABASE}
TAPS = (
    Tap(
        "tap-mysql>=1.17,<2",
        "tap-mysql",
        MariaDBSource,
        lambda source: {**_mysql(source), "ssl": "false"},
        ALL_MODES,
        {
            "txt": QUESTION_MARK,
            "bit9": ONE_BIT,
            "tm": "a date-time of 1970 for a time",
            "dt": "far date-times rounded as floating-point seconds",
            f"FULL_TABLE{MariaDBDates.trial} d": "NULL for a date of zeros",
        },
        dates=(MariaDBDates,),
    ),
    Tap(
        "pipelinewise-tap-mysql>=1.6,<2",
        "tap-mysql",
        MariaDBSource,
        lambda source: {
            **_mysql(source),
            "engine": "mariadb",
            "filter_dbs": DATABASE,
            "session_sqls": ["SET time_zone = '+00:00'", "SET NAMES utf8mb4"],
        },
        ALL_MODES,
        {"bit9": ONE_BIT},
        dates=(MariaDBDates,),
    ),
    Tap(
        "meltanolabs-tap-mysql==0.0.1a1",
        "tap-mysql",
        MariaDBSource,
        lambda source: {**_mysql(source), "database": DATABASE, "filter_schemas": [DATABASE]},
        (Mode.FULL_TABLE, Mode.INCREMENTAL),
        {
            "s": "a Python set in braces for a SET",
            "db": "ten decimal places of a DOUBLE",
            f"FULL_TABLE{MariaDBDates.trial} tm": "the time of day for a time of more than a day",
        },
        dates=(MariaDBDates,),
    ),
    Tap(
        "tap-postgres>=0.2.1,<0.3",
        "tap-postgres",
        PostgresSource,
        lambda source: {**_postgres(source), **POSTGRES_LOG, "filter_dbs": DATABASE},
        ALL_MODES,
        POSTGRES_DATES,
        pythons=("3.7", "3.6"),  # its psycopg2 does not build on later ones
        slot="stitch",
        catalog_option="--properties",
        dates=(PostgresInfinity, PostgresFarDates),
    ),
    Tap(
        "pipelinewise-tap-postgres>=1.8.4,<3",
        "tap-postgres",
        PostgresSource,
        lambda source: {**_postgres(source), **POSTGRES_LOG, "break_at_end_lsn": True},
        ALL_MODES,
        POSTGRES_DATES
        | {
            "jb": "numbers in JSONB as doubles",
            "num": "numbers of the log as doubles",
            "decim": "numbers of the log as doubles",
        },
        slot=f"pipelinewise_{DATABASE}",
        dates=(PostgresInfinity, PostgresFarDates),
    ),
    Tap(
        "meltanolabs-tap-postgres>=0.10,<0.11",
        "tap-postgres",
        PostgresSource,
        lambda source: {
            **_postgres(source),
            "database": DATABASE,
            "filter_schemas": ["public"],
            "json_as_object": True,
            # Without it the tap fails at a year before 1 or after 9999.
            "dates_as_string": isinstance(source, (PostgresInfinity, PostgresFarDates)),
            "replication_idle_exit_seconds": LOG_WAIT_S,
        },
        ALL_MODES,
        {
            "iv": "a moment after 1970 for an interval",
            "ai": "PostgreSQL's notation for an array of the log",
            "ax": "PostgreSQL's notation for an array of the log",
            "LOG_BASED rows": "only what changed since the slot was made",
        },
        slot="tappostgres",
        dates=(PostgresInfinity, PostgresFarDates),
    ),
    Tap(
        "tap-jsonl>=0.3,<0.4",
        "tap-jsonl",
        JsonLinesSource,
        lambda source: {
            "path": _files(source, "jsonl"),
            "stream_name": TABLE,
            "primary_keys": ["id"],
        },
    ),
    Tap(
        "tap-jsonfile>=0.1.2,<0.2",
        "tap-jsonfile",
        JsonSource,
        lambda source: {"paths": [_files(source, "json")], "stream_name": TABLE},
    ),
    Tap(
        "tap-singer-jsonl>=0.1,<0.2",
        "tap-singer-jsonl",
        SingerLinesSource,
        lambda source: {
            "source": "local",
            "local": {"folders": [str(source.folder)], "recursive": False},
        },
        has_catalog=False,
    ),
    Tap(
        "tap-csv-folder==0.0.1a1",
        "tap-csv-folder",
        CsvSource,
        lambda source: {"path": str(source.folder), "read_mode": "one_stream_per_file"},
        has_catalog=False,  # with one it fails: "property 'primary_keys' has no setter"
    ),
    Tap(
        "tap-spreadsheets>=1.1,<2",
        "tap-spreadsheets",
        CsvSource,
        lambda source: {
            "files": [
                {
                    "path": _files(source, "csv"),
                    "format": "csv",
                    "table_name": TABLE,
                    "primary_keys": ["id"],
                    "delimiter": ",",
                }
            ]
        },
    ),
)
