"""Loads to be timed: lines in files, a server, and a database for each contender."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

from benchmarks import singer_lines
from benchmarks.bench import TARGET
from benchmarks.contest import Contender
from benchmarks.databases import empty
from benchmarks.measure import Run, Usage
from demo.private_server import PrivateServer
from target_mysql.columns import Dialect, JsonType
from target_mysql.messages import SchemaMessage, parse_message
from target_mysql.rows import RowEncoder
from target_mysql.tables import to_table

FLOOR = (sys.executable, "-m", "benchmarks.programs.serial_floor")
SERVER_SIDE = (sys.executable, "-m", "benchmarks.programs.server_side")
OURS = "target-mysql"
PLAIN_LOOP = "a plain loop: parse, stage, merge"
SERVER_ALONE = "the server alone: a ready file, one merge"
Kind = Literal["first load", "all rows changed", "nothing changed"]
KINDS: tuple[Kind, ...] = ("first load", "all rows changed", "nothing changed")
# Of any server: what is encoded does not depend on it.
DIALECT = Dialect("utf8mb4_bin", JsonType("JSON", 100, keeps_digits=True))

Lines = Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True)
class Work:
    """Lines to load: of so many records, in files, of an original and of a changed state."""

    lines: Lines
    columns: int
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
    kind: Kind

    def contender(
        self, name: str, database: str, start: Callable[[int], Run], **options: Any
    ) -> Contender:
        """Return a contender; `start` starts it on the work's file of a given change."""
        changes = cycle((1, 0) if self.kind == "all rows changed" else (0,))
        is_ready = False

        def run() -> Usage:
            nonlocal is_ready
            if self.kind == "first load" or not is_ready:
                empty(self.server, database)
            if self.kind != "first load" and not is_ready:
                start(0).usage()
                is_ready = True
            return start(next(changes)).usage()

        return Contender(name, run, **options)

    def ours(self) -> Contender:
        """Return target-mysql as it comes."""
        return self.reads_lines(OURS, "ours", TARGET)

    def reads_lines(self, name: str, database: str, *command: Any, **options: Any) -> Contender:
        """Return a contender that reads the lines on stdin."""
        environment = self._environment(database) | options.pop("environment", {})

        def start(change: int) -> Run:
            with self.work.file(change).open("rb") as stdin:
                return Run(command, environment, stdin=stdin, server=self.server.pid)

        return self.contender(name, database, start, **options)

    def server_alone(self) -> Contender:
        """Return the server's own LOAD DATA and merge."""

        def start(change: int) -> Run:
            files = (self.work.schema_file(), self.work.load_file(change))
            environment = self._environment("alone")
            return Run([*SERVER_SIDE, *files], environment, server=self.server.pid)

        return self.contender(SERVER_ALONE, "alone", start)

    def title(self) -> str:
        """Return the question that the contenders answer."""
        return f"{self.work.records:,} records of {self.work.columns} columns, {self.kind}"

    def _environment(self, database: str) -> dict[str, str]:
        return {**self.server.environment(), "TARGET_MYSQL_DATABASE": database}
