"""Whether the target's memory is the same whatever the number of records."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

from benchmarks.measure import HEAD, Run, Usage
from demo.private_mariadb import PrivateMariaDB
from demo.shell import PROGRAMS

FEW, MANY = 100_000, 1_000_000
A_STATE_EVERY = 1000
TEXT = "x" * 700  # makes a record of some 1 KB
INTEGERS = "id portalId createdAt lastUpdated createdBy modifiedBy timestamp ownerId"
STRINGS = "type uid source body"


def measure(server: PrivateMariaDB) -> None:
    """Print peak memory at FEW and at MANY records of 1 KB, and their ratio."""
    print(f"\nMemory of the target\n{HEAD}")
    few, many = (_run(server, records) for records in (FEW, MANY))
    print(few.row(f"{FEW:,} records of 1 KB", FEW))
    print(many.row(f"{MANY:,} records of 1 KB", MANY))
    print(f"{'peak memory, many to few':34}{many.peak_mb / few.peak_mb:12.2f}")


def _run(server: PrivateMariaDB, records: int) -> Usage:
    environment = {**server.environment(), "TARGET_MYSQL_DATABASE": f"memory_{records}"}
    run = Run([PROGRAMS / "target-mysql"], environment, stdin=subprocess.PIPE)
    assert run.process.stdin is not None  # it was asked for
    for line in _lines(records):
        run.process.stdin.write(line)
    run.process.stdin.close()
    return run.usage()


def _lines(records: int) -> Iterator[bytes]:
    properties = dict.fromkeys(INTEGERS.split(), {"type": ["null", "integer"]})
    texts = dict.fromkeys(STRINGS.split(), {"type": ["null", "string"]})
    schema = {"type": "object", "properties": {**properties, **texts}}
    message = {"type": "SCHEMA", "stream": "many", "schema": schema, "key_properties": ["id"]}
    yield json.dumps(message).encode() + b"\n"
    for number in range(1, records + 1):
        yield (
            b'{"type":"RECORD","stream":"many","record":{"id":%d,"portalId":62515,'
            b'"createdAt":1700000000123,"lastUpdated":1700000050456,"createdBy":215482,'
            b'"modifiedBy":215482,"timestamp":1700100000000,"ownerId":70,"type":"NOTE",'
            b'"uid":"%d","source":"CRM_UI","body":"%b"},'
            b'"time_extracted":"2026-01-01T00:00:00.000000Z"}\n'
        ) % (29_090_000_000 + number, number, TEXT.encode())
        if number % A_STATE_EVERY == 0:
            yield b'{"type":"STATE","value":{"reached":%d}}\n' % number
