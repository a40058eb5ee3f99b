"""A tap that keeps sending while a test acts on the target or its server."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import TEXT, record, schema, state, to_lines

THINGS = schema({"text": TEXT})
END_S = 300  # how long a test waits for what should take a moment, on a slow and busy machine


def numbered(first: int, last: int) -> bytes:
    """Return records with the ids from `first` to `last`, and a state after every ten."""
    lines = []
    for number in range(first, last + 1):
        lines.append(record({"id": number, "text": f"text {number}"}))
        if number % 10 == 0:
            lines.append(state(number))
    return to_lines(*lines)


def feed(target: subprocess.Popen[bytes], data: bytes, pause_s: float) -> None:
    """Write `data` a piece at a time, until the target is gone."""
    assert target.stdin
    with suppress(OSError, ValueError):
        for start in range(0, len(data), 4096):
            target.stdin.write(data[start : start + 4096])
            target.stdin.flush()
            time.sleep(pause_s)


@contextmanager
def feeding(target: subprocess.Popen[bytes], data: bytes, pause_s: float) -> Iterator[None]:
    """Feed the target during the block; the feeding is complete when the block ends."""
    feeder = threading.Thread(target=feed, args=(target, data, pause_s))
    feeder.start()
    try:
        yield
    finally:
        feeder.join()


def until(true: Callable[[], object]) -> None:
    """Wait for a condition that must soon be true."""
    give_up_at = time.monotonic() + END_S
    while not true():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def loaded(database: TestDatabase) -> int:
    if not database.query("SHOW TABLES LIKE 'things'"):
        return 0
    return int(database.query("SELECT COUNT(*) FROM things")[0][0])


def statements_running(database: TestDatabase) -> str:
    rows = database.query(
        "SELECT info FROM information_schema.processlist WHERE db = %s AND info IS NOT NULL",
        (database.name,),
    )
    return "\n".join(str(statement) for (statement,) in rows)


def waiting_for_locks(database: TestDatabase) -> list[int]:
    """Return the connections whose statement waits for another's lock."""
    # InnoDB shows the same again to whoever asks within 100 ms of the last time.
    time.sleep(0.15)
    return [int(number) for (number,) in database.query(FAMILY.lock_waits)]


@contextmanager
def holding_row(database: TestDatabase) -> Iterator[None]:
    """Lock the row of id 1, as another writer would; change the row at the end."""
    other = database.connect(database=database.name)
    with other, other.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("UPDATE things SET text = 'held' WHERE id = 1")
        yield
        cursor.execute("COMMIT")
