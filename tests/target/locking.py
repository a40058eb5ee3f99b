"""Loads that compete for a table, and a look at their locks."""

from __future__ import annotations

import json
import subprocess

from tests.conftest import Outcome, TestDatabase, without_times
from tests.servers import FAMILY
from tests.target.conftest import (
    TEXT,
    Message,
    record,
    schema,
    to_lines,
)
from tests.target.feeding import END_S

OURS, THEIRS = record({"id": 1, "text": "ours"}), record({"id": 1, "text": "theirs"})
IMPATIENT = json.dumps([FAMILY.short_lock_wait])
OTHER = schema({"text": TEXT}, stream="other_things")
WAIT = {"lock_wait_seconds": 120}
SHORT = {"lock_timeout_seconds": 2}


def read_state(database: TestDatabase, column: str, table: str = "things") -> object:
    """Return a column of the table's row of _sdc_tables, None without such a row."""
    if not database.query("SHOW TABLES LIKE '\\_sdc\\_tables'"):
        return None
    sql = f"SELECT {column} FROM _sdc_tables WHERE table_name = %s"
    return next((value for (value,) in database.query(sql, (table,))), None)


def is_held(database: TestDatabase) -> bool:
    return read_state(database, "token") is not None


Target = subprocess.Popen[bytes]


def send(target: Target, *messages: Message) -> None:
    assert target.stdin
    target.stdin.write(to_lines(*messages))
    target.stdin.flush()


def end(target: Target) -> Outcome:
    """Close the target's input, and return the outcome."""
    out, err = target.communicate(timeout=END_S)
    return Outcome(target.returncode, out.decode(), without_times(err.decode()))


def the_error(done: Outcome) -> str:
    (line,) = [line for line in done.err.splitlines() if line.startswith("ERROR")]
    return line


def with_source(source: object) -> Message:
    message = schema({"text": TEXT})
    message["schema"]["x-source"] = source
    return message
