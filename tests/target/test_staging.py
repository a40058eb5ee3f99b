"""Staging in ordinary tables, the fallback for servers that refuse temporary tables."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.conftest import TestDatabase
from tests.target.conftest import (
    INTEGER,
    LOAD_METHODS,
    StartTarget,
    load,
    record,
    schema,
    state,
    to_lines,
)
from tests.target.feeding import THINGS, feeding, loaded, numbered, until
from tests.target.proxy import Fate, Proxy
from tests.target.test_server_faults import through


def staging_tables(database: TestDatabase) -> list[str]:
    return [str(name) for (name,) in database.query("SHOW TABLES LIKE '%%staging%%'", ())]


def refuse_temporary(data: bytes) -> Fate:
    return Fate.UNSUPPORTED if b"CREATE TEMPORARY" in data else Fate.PASS


def test_a_server_that_refuses_temporary_tables(database: TestDatabase) -> None:
    """
    Error 1235 has the target use ordinary tables, said once, and drop them in the end.
    """
    rows = [THINGS, *(record({"id": n, "text": str(n)}) for n in range(10)), state(1)]
    with Proxy(database.server.port, refuse_temporary) as proxy:
        done = load(database, *rows, batch_size_rows=2, **through(proxy))
    assert (done.code, done.out.split()[-1]) == (0, "1"), done.err
    assert done.err.count("the server refuses temporary tables: staging in ordinary ones") == 1
    assert loaded(database) == 10
    assert staging_tables(database) == []


@pytest.mark.parametrize("method", LOAD_METHODS)
def test_a_kill_leaves_nothing_wrong_with_ordinary_tables(
    database: TestDatabase, start_target: StartTarget, method: str
) -> None:
    """
    Killed at random moments and resumed from the last state: each row is loaded once, and the
    staging tables of killed runs are dropped.
    """
    chance, last_id, leftovers = random.Random(11), 0, 0
    config = {"batch_size_rows": 50, "staging": "tables", "load_method": method}
    for _ in range(10):
        target = start_target(**config)
        assert target.stdout
        lines = to_lines(THINGS) + numbered(last_id + 1, last_id + 4000)
        with feeding(target, lines, pause_s=0.005):
            states = [target.stdout.readline() for _ in range(chance.randrange(1, 5))]
            time.sleep(chance.uniform(0, 0.02))
            target.kill()
            states = [*states, *target.stdout.read().split()]
        last_id = int(states[-1]) if states else last_id
        claims = database.query("SELECT COUNT(*) FROM things WHERE id <= %s", (last_id,))
        assert claims == [(last_id,)]
        leftovers += len(staging_tables(database))
    assert leftovers > 0
    rest = numbered(last_id + 1, last_id + 100).decode().splitlines()
    assert load(database, THINGS, *rest, **config).code == 0
    assert database.query("SELECT COUNT(*), COUNT(DISTINCT id) FROM things") == [
        (last_id + 100, last_id + 100)
    ]
    assert staging_tables(database) == []


def test_rows_without_a_key_are_there_once(database: TestDatabase) -> None:
    """
    A stream without a key is appended once with either staging method.
    """
    message = schema({"n": INTEGER}, key=())
    rows = [record({"id": 1, "n": n}) for n in range(30)]
    config = {"staging": "tables", "primary_key_required": "false", "batch_size_rows": 7}
    assert load(database, message, *rows, state(1), **config).out == "1\n"
    assert database.query("SELECT COUNT(*), COUNT(DISTINCT n) FROM things") == [(30, 30)]


def test_a_run_leaves_the_staging_tables_of_another_alone(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A run drops only its own staging tables and those of ended runs.
    """
    is_over = f"_sdc_staging_{os.urandom(16).hex()}_0"
    hand_made = "_sdc_staging_by_hand"
    for name in (is_over, hand_made):
        database.query(f"CREATE TABLE `{name}` (id BIGINT PRIMARY KEY)")
    others = schema({"text": {"type": "string"}}, stream="others")
    config = {"staging": "tables", "batch_wait_limit_seconds": 0.1}
    first = start_target(**config)
    assert first.stdin and first.stdout
    first.stdin.write(to_lines(THINGS, record({"id": 1, "text": "a"}), state(1)))
    first.stdin.flush()
    assert first.stdout.readline() == b"1\n"
    ((token,),) = database.query("SELECT token FROM _sdc_tables WHERE table_name = 'things'")
    staged = f"_sdc_staging_{token}_99"  # as if the first were about to fill it
    database.query(f"CREATE TABLE `{staged}` (id BIGINT PRIMARY KEY)")
    done = load(database, others, record({"id": 1, "text": "b"}, stream="others"), **config)
    assert done.code == 0, done.err
    assert sorted(staging_tables(database)) == sorted([staged, hand_made])
    first.stdin.close()
    until(lambda: first.poll() is not None)
    assert (first.returncode, staging_tables(database)) == (0, [hand_made])
