"""Messages as a tap writes them, and the target run on them, as a program or in this process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest

from target_mysql.config import Config
from target_mysql.loading.loader import Loader
from target_mysql.server.database import Database
from tests.conftest import PROGRAMS, Outcome, TestDatabase, clean_environment, run_program
from tests.servers import CHOSEN, FAMILY, GALERA, GROUP_REPLICATION

OF_CLUSTERS = {GALERA: "test_galera.py", GROUP_REPLICATION: "test_group_replication.py"}
collect_ignore = [name for server, name in OF_CLUSTERS.items() if server != CHOSEN]

Message = dict[str, Any]
INTEGER = {"type": "integer"}
TEXT = {"type": ["null", "string"]}
LOAD_METHODS = ("local_infile", "insert")
LONGEST_S = 300.0  # that a test's target may run, on a slow machine, too
# Texts that are three keys; a server that pads takes blanks at the end for nothing.
ALIKE = ("a", "A", "a ") if FAMILY.no_pad else ("a", "A", " a")


def schema(
    properties: Mapping[str, Any], key: Sequence[str] = ("id",), stream: str = "things"
) -> Message:
    """Return a SCHEMA message; every schema has an integer `id`."""
    property_schema = {"properties": {"id": INTEGER, **properties}}
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": property_schema,
        "key_properties": list(key),
    }


def record(values: Mapping[str, Any], stream: str = "things", **more: Any) -> Message:
    return {"type": "RECORD", "stream": stream, "record": values, **more}


def state(value: Any) -> Message:
    return {"type": "STATE", "value": value}


def activate(version: int, stream: str = "things") -> Message:
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def to_lines(*messages: Message | str) -> bytes:
    """Return the messages as compact lines; text is taken as a line."""
    lines = (
        one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, separators=(",", ":"))
        for one in messages
    )
    return "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")


def settings(**values: object) -> dict[str, str]:
    """Return configuration as environment variables."""
    return {f"TARGET_MYSQL_{name.upper()}": str(value) for name, value in values.items()}


def load(database: TestDatabase, /, *messages: Message | str, **config: object) -> Outcome:
    """Run target-mysql on the messages with the settings `config`."""
    environment = database.environment | settings(**config)
    return run_program("target-mysql", stdin=to_lines(*messages), environment=environment)


def load_here(database: TestDatabase, /, *messages: Message | str, **config: object) -> bytes:
    """Do the same in this process, which is faster than a subprocess; returns the states."""
    environment = database.environment | settings(**config)
    parsed = Config.from_sources({}, environment, option_files=())
    connection, out = Database(parsed), BytesIO()
    running = Loader(connection, parsed, out)
    try:
        running.run([to_lines(*messages).splitlines()])
    finally:
        running.stop()
        connection.close()
    return out.getvalue()


def target_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for target-mysql; stdout is buffered, as for users."""
    return clean_environment() | {"PYTHONUNBUFFERED": ""} | dict(environment)


StartTarget = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start_target(database: TestDatabase) -> Iterator[StartTarget]:
    """
    Return a function that starts target-mysql on pipes; processes still running at the end are
    killed.

    Output that no test has read is printed when the test fails.
    """
    started: list[subprocess.Popen[bytes]] = []
    limits: list[threading.Timer] = []

    def start(**config: object) -> subprocess.Popen[bytes]:
        target = subprocess.Popen(
            [PROGRAMS / "target-mysql"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=target_environment(database.environment | settings(**config)),
        )
        started.append(target)
        # A test that reads what never comes reads the end instead.
        limits.append(threading.Timer(LONGEST_S, target.kill))
        limits[-1].start()
        return target

    yield start
    for limit in limits:
        limit.cancel()
    for target in started:
        target.kill()
        with suppress(BrokenPipeError), target:
            if target.stderr and not target.stderr.closed:
                sys.stderr.write(target.stderr.read().decode())


First = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def first(start_target: StartTarget) -> First:
    """Return a function that starts a load, which locks the table `things` and waits for lines."""
    # Imported here: these modules import this one.
    from tests.target.feeding import THINGS
    from tests.target.locking import OURS, send

    def start(**config: object) -> subprocess.Popen[bytes]:
        target = start_target(**{"batch_wait_limit_seconds": 0.1, **config})
        send(target, THINGS, OURS, state("ours"))
        assert target.stdout
        assert target.stdout.readline() == b'"ours"\n'
        return target

    return start
