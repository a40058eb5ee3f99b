"""How fast target-mysql loads, against the server alone, a plain loop, and other targets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import pymysql

from benchmarks import peers, singer_lines
from benchmarks.contest import Contender, Contest, hold
from benchmarks.measure import Run, Usage
from demo.private_server import PrivateServer
from demo.shell import PROGRAMS
from target_mysql.columns import Dialect, JsonType
from target_mysql.messages import SchemaMessage, parse_message
from target_mysql.rows import RowEncoder
from target_mysql.tables import to_table

TARGET = PROGRAMS / "target-mysql"
FLOOR = (sys.executable, "-m", "benchmarks.programs.serial_floor")
SERVER_SIDE = (sys.executable, "-m", "benchmarks.programs.server_side")
SDK_TARGET = Path(__file__).parent / "programs" / "sdk_target.py"
RECORDS, WIDE_RECORDS, INSERT_RECORDS = 1_000_000, 200_000, 200_000
PEER_RECORDS, SLOW_PEER_RECORDS = 100_000, 2_000
PEER_RUNS = 3
# Of any server: what is encoded does not depend on it.
DIALECT = Dialect("utf8mb4_bin", JsonType("JSON", 100, keeps_digits=True))

Lines = Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True)
class Work:
    """Lines to load: of so many records, in files, of an original and of a changed state."""

    lines: Lines
    records: int
    folder: Path

    def file(self, change: int) -> Path:
        """Return the file of Singer lines."""
        path = self.folder / f"{self.lines.__name__}_{self.records}_{change}"
        return path if path.exists() else singer_lines.write(path, self.lines(self.records, change))

    def load_file(self, change: int) -> Path:
        """Return the file of the same rows as the server's LOAD DATA reads them."""
        path = self.folder / f"{self.lines.__name__}_{self.records}_{change}_rows"
        if not path.exists():
            with self.file(change).open("rb") as lines, path.open("wb") as rows:
                encoder = RowEncoder(to_table(**self._announced(next(lines))))
                records = (line for line in lines if b'"RECORD"' in line[:20])
                rows.writelines(encoder.encode(line, at)[0] for at, line in enumerate(records))
        return path

    def schema_file(self) -> Path:
        """Return a file of the SCHEMA message alone."""
        return singer_lines.write(self.folder / "schema", self.lines(0, 0))

    def _announced(self, line: bytes) -> dict[str, Any]:
        message = parse_message(line, 1)
        assert isinstance(message, SchemaMessage)  # it is the first
        return {
            "stream": message.stream,
            "schema": message.schema,
            "key_properties": message.key_properties,
            "dialect": DIALECT,
        }


@dataclass(frozen=True)
class Track:
    """A server for the contenders, each with a database of its own, and one work for all."""

    server: PrivateServer
    work: Work
    first: bool  # into an empty table, or over rows of which each has changed

    def contender(
        self, name: str, database: str, start: Callable[[int], Run], **options: Any
    ) -> Contender:
        """Return a contender; `start` starts it on the work's file of a given change."""
        changes = cycle((1, 0))
        is_ready = False

        def run() -> Usage:
            nonlocal is_ready
            if self.first:
                self._empty(database)
                return start(0).usage()
            if not is_ready:
                self._empty(database)
                start(0).usage()
                is_ready = True
            return start(next(changes)).usage()

        return Contender(name, run, **options)

    def reads_lines(self, name: str, database: str, *command: Any, **options: Any) -> Contender:
        """Return a contender that reads the lines on stdin."""
        environment = self._environment(database) | options.pop("environment", {})

        def start(change: int) -> Run:
            with self.work.file(change).open("rb") as stdin:
                return Run(command, environment, stdin=stdin)

        return self.contender(name, database, start, **options)

    def server_alone(self) -> Contender:
        """Return the server's own LOAD DATA and merge."""

        def start(change: int) -> Run:
            files = (self.work.schema_file(), self.work.load_file(change))
            return Run([*SERVER_SIDE, *files], self._environment("alone"))

        return self.contender("the server alone: a ready file, one merge", "alone", start)

    def title(self, columns: int) -> str:
        what = "first load" if self.first else "all rows changed"
        return f"target-mysql, {self.work.records:,} records of {columns} columns, {what}"

    def _environment(self, database: str) -> dict[str, str]:
        return {**self.server.environment(), "TARGET_MYSQL_DATABASE": database}

    def _empty(self, database: str) -> None:
        connection = pymysql.connect(host="127.0.0.1", port=self.server.port, user="root")
        with connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{database}`")
            cursor.execute(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")


def measure(server: PrivateServer, folder: Path) -> list[Contest]:
    """Ask all questions; returns the answers."""
    narrow = Work(singer_lines.narrow_lines, RECORDS, folder)
    wide = Work(singer_lines.wide_lines, WIDE_RECORDS, folder)
    found = [
        _against_the_limit(Track(server, work, first), columns)
        for work, columns in ((narrow, 12), (wide, 25))
        for first in (True, False)
    ]
    few = Work(singer_lines.narrow_lines, INSERT_RECORDS, folder)
    found += [_by_insert(Track(server, few, first)) for first in (True, False)]
    for records in (PEER_RECORDS, SLOW_PEER_RECORDS):
        for first in (True, False):
            work = Work(singer_lines.narrow_lines, records, folder)
            found.append(_against_peers(Track(server, work, first)))
    return found


def _against_the_limit(track: Track, columns: int) -> Contest:
    contenders = [
        track.reads_lines("target-mysql", "ours", TARGET),
        track.reads_lines("a plain loop: parse, stage, merge", "floor", *FLOOR),
        track.server_alone(),
    ]
    return hold(track.title(columns), track.work.records, contenders)


def _by_insert(track: Track) -> Contest:
    by_insert = {"TARGET_MYSQL_LOAD_METHOD": "insert"}
    contenders = [
        track.reads_lines("target-mysql by INSERT", "ours", TARGET, environment=by_insert),
        track.reads_lines("a plain loop of 1,000-row INSERTs", "floor", *FLOOR, "--insert"),
    ]
    return hold(f"{track.title(12)}, by INSERT", track.work.records, contenders)


def _against_peers(track: Track) -> Contest:
    contenders = [track.reads_lines("target-mysql", "ours", TARGET)]
    for name, make in (("sdk", _sdk_target), ("thk", _thk_target)):
        config = track.work.folder / f"{name}.json"
        settings = {"port": track.server.port, "host": "127.0.0.1", "user": "root"}
        try:
            contenders += make(track, {**settings, "database": name}, config)
        except peers.PeerMissing as error:
            print(f"not compared with: {error}", file=sys.stderr)
    return hold(f"{track.title(12)}, other targets", track.work.records, contenders)


def _sdk_target(track: Track, settings: dict[str, Any], config: Path) -> list[Contender]:
    command = [peers.sdk() / "python", SDK_TARGET, "--config", config]
    config.write_text(json.dumps({key: settings[key] for key in ("port", "database")}))
    name = "a target made with Meltano's SDK"
    return [track.reads_lines(name, "sdk", *command, runs=PEER_RUNS)]


def _thk_target(track: Track, settings: dict[str, Any], config: Path) -> list[Contender]:
    if track.work.records > SLOW_PEER_RECORDS:
        return []  # its time grows with the square of them
    command = [peers.thk() / "target-mysql", "--config", config]
    text = {"driver_name": "mysql", "password": "", **settings, "port": str(settings["port"])}
    config.write_text(json.dumps(text))
    return [track.reads_lines("thk-target-mysql 0.1.3", "thk", *command, runs=PEER_RUNS)]
