"""The work of target benchmarks: lines in files, a server, a database for each contender."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import msgspec

from benchmarks import singer_lines
from benchmarks.bench import TARGET
from benchmarks.contest import Contender
from benchmarks.databases import Database, MySQLDatabase
from benchmarks.measure import Run, Usage
from private_servers.server import PrivateServer
from target_mysql.messages import SchemaMessage, parse_message
from target_mysql.rows.encoder import RowEncoder
from target_mysql.tables.dialect import Dialect, JsonType
from target_mysql.tables.table import to_table

FLOOR = (sys.executable, "-m", "benchmarks.programs.serial_floor")
SERVER_SIDE = (sys.executable, "-m", "benchmarks.programs.server_side")
OURS = "target-mysql"
PLAIN_LOOP = "a plain loop: parse, stage, merge"
SERVER_ALONE = "the server alone: a ready file, one merge"
Kind = Literal["first load", "all rows changed", "nothing changed"]
KINDS: tuple[Kind, ...] = ("first load", "all rows changed", "nothing changed")
# Any dialect: the encoded rows do not depend on the server.
DIALECT = Dialect("utf8mb4_bin", JsonType("JSON", 100, keeps_digits=True))

Lines = Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True)
class Work:
    """A number of records as Singer lines in files, original and changed."""

    lines: Lines
    columns: int
    records: int
    folder: Path

    def file(self, change: int) -> Path:
        """Return the file of Singer lines; `change` is in ms, 0 for the original."""
        path = self.folder / f"{self.lines.__name__}_{self.records}_{change}"
        return path if path.exists() else singer_lines.write(path, self.lines(self.records, change))

    def load_file(self, change: int) -> Path:
        """Return the file of the same rows in the format of the server's LOAD DATA."""
        path = self.folder / f"{self.lines.__name__}_{self.records}_{change}_rows"
        if not path.exists():
            with self.file(change).open("rb") as lines, path.open("wb") as rows:
                encoder = RowEncoder(to_table(**self._announced(next(lines))))
                records = filter(_is_record, lines)
                rows.writelines(encoder.encode(line, at)[0] for at, line in enumerate(records))
        return path

    def csv_file(self, change: int) -> Path:
        """Return the file of the same records as CSV, with a line of names."""
        path = self.folder / f"{self.lines.__name__}_{self.records}_{change}.csv"
        if not path.exists():
            with self.file(change).open("rb") as lines, path.open("w", newline="") as file:
                schema = self._announced(next(lines))["schema"]
                writer = csv.DictWriter(file, list(schema["properties"]))
                writer.writeheader()
                messages = map(msgspec.json.decode, filter(_is_record, lines))
                writer.writerows(message["record"] for message in messages)
        return path

    def schema_file(self) -> Path:
        """Return a file with only the SCHEMA message."""
        return singer_lines.write(self.folder / "schema", self.lines(0, 0))

    def check(self, database: Database, change: int | None) -> None:
        """Raise RuntimeError unless the table has each record once, with the change unless None."""
        # Unquoted names work on PostgreSQL too, which folds them to lower case.
        condition = "1 = 1" if change is None else f"lastUpdated - createdAt = {change}"
        counts = f"COUNT(*), COUNT(CASE WHEN {condition} THEN 1 END)"
        rows, correct = database.query(f"SELECT {counts} FROM {singer_lines.STREAM}")
        if not rows == correct == self.records:
            raise RuntimeError(f"{rows} rows, {correct} of them correct, of {self.records} records")

    def _announced(self, line: bytes) -> dict[str, Any]:
        message = parse_message(line, 1)
        assert isinstance(message, SchemaMessage)  # the first line of each file
        return {
            "stream": message.stream,
            "schema": message.schema,
            "key_properties": message.key_properties,
            "dialect": DIALECT,
        }


def _is_record(line: bytes) -> bool:
    return b'"RECORD"' in line[:20]


@dataclass(frozen=True)
class Track:
    """A server with a database for each contender, and the work of all contenders."""

    server: PrivateServer
    work: Work
    kind: Kind

    def contender(
        self,
        name: str,
        database: Database,
        start: Callable[[int], Run],
        updates: bool = True,
        **options: Any,
    ) -> Contender:
        """
        Return a contender; `start` starts the program with the file of a given change.

        A run raises RuntimeError if the program fails, or if the database then does not have each
        record once and correct. Without `updates`, changes are not checked: the program ignores
        them.
        """
        changes = cycle((1, 0) if self.kind == "all rows changed" else (0,))
        is_ready = False

        def load(change: int) -> Usage:
            usage = start(change).usage()
            self.work.check(database, change if updates else None)
            return usage

        def run() -> Usage:
            nonlocal is_ready
            if self.kind == "first load" or not is_ready:
                database.empty()
            if self.kind != "first load" and not is_ready:
                load(0)
                is_ready = True
            return load(next(changes))

        return Contender(name, run, **options)

    def ours(self) -> Contender:
        """Return target-mysql with its defaults."""
        return self.reads_lines(OURS, "ours", TARGET)

    def reads_lines(self, name: str, database: str, *command: Any, **options: Any) -> Contender:
        """Return a contender that reads lines from stdin and loads into the track's server."""
        environment = self._environment(database) | options.pop("environment", {})
        place = MySQLDatabase(self.server, database)
        return self.loads_into(place, name, *command, environment=environment, **options)

    def loads_into(
        self,
        database: Database,
        name: str,
        *command: Any,
        environment: Mapping[str, str],
        **options: Any,
    ) -> Contender:
        """Return a contender that reads lines from stdin and loads into any database."""

        def start(change: int) -> Run:
            with self.work.file(change).open("rb") as stdin:
                return Run(command, environment, stdin=stdin, server=database.server_pid)

        return self.contender(name, database, start, **options)

    def server_alone(self) -> Contender:
        """Return a contender of the server alone: LOAD DATA of a ready file, and a merge."""

        def start(change: int) -> Run:
            load_file = self.work.load_file(change)
            readable = self.server.files / load_file.name
            if not readable.exists():
                shutil.copy(load_file, readable)
            files = (self.work.schema_file(), readable)
            environment = self._environment("alone")
            return Run([*SERVER_SIDE, *files], environment, server=self.server.pid)

        return self.contender(SERVER_ALONE, MySQLDatabase(self.server, "alone"), start)

    def title(self) -> str:
        """Return the contest's question."""
        return f"{self.work.records:,} records of {self.work.columns} columns, {self.kind}"

    def _environment(self, database: str) -> dict[str, str]:
        return {**self.server.environment(), "TARGET_MYSQL_DATABASE": database}
