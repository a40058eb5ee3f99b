"""
kill -9 of tap, target and server at random moments: the table and `_sdc_state` always agree.

KILLS of the environment is how many runs are killed, by default a few.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from private_servers.server import PrivateServer
from tests.conftest import PROGRAMS, TestDatabase, clean_environment
from tests.servers import FAMILY
from tests.target.conftest import LOAD_METHODS, settings
from tests.target.feeding import END_S

KILLS = int(os.environ.get("KILLS", "12"))
VICTIMS = ("tap", "target", "server")
RECORDS_A_STATE, BATCH_ROWS = 3, 10
LONGEST_BEFORE_KILL_S = 1.5
# Writes records without an end, from the one after the state, as fast as the target takes them.
TAP = f"""
import itertools, json, sys
last = json.load(open(sys.argv[1])).get("last", 0)
out = sys.stdout
properties = {{"id": {{"type": "integer"}}, "text": {{"type": "string"}}}}
print(json.dumps({{"type": "SCHEMA", "stream": "things", "schema": {{"properties": properties}},
                  "key_properties": ["id"]}}))
for number in itertools.count(last + 1):
    record = {{"id": number, "text": "text " * 20}}
    print(json.dumps({{"type": "RECORD", "stream": "things", "record": record}}))
    if number % {RECORDS_A_STATE} == 0:
        print(json.dumps({{"type": "STATE", "value": {{"last": number}}}}), flush=True)
"""
CONFIG = settings(state_id="kills", batch_size_rows=BATCH_ROWS, retry_limit_seconds=1)


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> Iterator[TestDatabase]:
    """A database on a server that the test may kill."""
    with FAMILY.server() as server:
        yield TestDatabase(server, "case_kills")


@pytest.mark.parametrize("method", LOAD_METHODS)
def test_table_and_state_agree_after_every_kill(
    own_server: TestDatabase, tmp_path: Path, method: str
) -> None:
    """
    After each kill the table has every row that the stored state claims, and no more than those up
    to the next STATE; the states that were printed are stored. The next run goes on from there.
    """
    chance = random.Random(KILLS)
    environment = own_server.environment | CONFIG | settings(load_method=method)
    states = []
    for number in range(-(-KILLS // len(LOAD_METHODS))):
        victim = VICTIMS[number % len(VICTIMS)]
        printed = run_and_kill(victim, own_server.server, environment, tmp_path, chance)
        last = read_state(environment, tmp_path)
        rows, highest = count_rows(own_server)
        text = f"kill {number} of the {victim}: state {last}, {rows} rows, printed {printed}"
        assert rows == highest, f"{text}: rows are missing, up to {highest}"
        assert last <= rows <= last + RECORDS_A_STATE, text
        assert printed <= last, text
        assert not states or last >= states[-1], text
        states.append(last)
    assert states[-1] > 0


def run_and_kill(
    victim: str,
    server: PrivateServer,
    environment: dict[str, str],
    folder: Path,
    chance: random.Random,
) -> int:
    """Run tap and target, kill one of the two or the server; return the last state printed."""
    read_state(environment, folder)
    whole = clean_environment() | environment
    with ExitStack() as stack:
        log = stack.enter_context((folder / "target.log").open("ab"))
        states = stack.enter_context((folder / "states").open("wb"))
        tap = subprocess.Popen(
            [sys.executable, "-c", TAP, folder / "state.json"], stdout=subprocess.PIPE, stderr=log
        )
        stack.callback(end, tap)
        target = subprocess.Popen(
            [PROGRAMS / "target-mysql"], stdin=tap.stdout, stdout=states, stderr=log, env=whole
        )
        stack.callback(end, target)
        assert tap.stdout
        tap.stdout.close()
        wait_for_a_state(folder / "states", target)
        time.sleep(chance.uniform(0, LONGEST_BEFORE_KILL_S))
        if victim == "server":
            server.kill()
        else:
            {"tap": tap, "target": target}[victim].kill()
        target.wait(END_S)
    if victim == "server":
        server.start()
    # A killed target may leave half a line.
    lines = (folder / "states").read_text().split("\n")[:-1]
    return int(lines[-1].removeprefix('{"last": ').removesuffix("}"))


def wait_for_a_state(path: Path, target: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + END_S
    while not path.read_bytes().count(b"\n"):
        assert target.poll() is None and time.monotonic() < give_up_at
        time.sleep(0.01)


def read_state(environment: dict[str, str], folder: Path) -> int:
    """Write the stored state into state.json for the tap; return its last id."""
    done = subprocess.run(
        [PROGRAMS / "target-mysql", "--print-state"],
        env=clean_environment() | environment,
        stdout=subprocess.PIPE,
        check=True,
        timeout=END_S,
    )
    (folder / "state.json").write_bytes(done.stdout)
    text = done.stdout.decode().strip()
    return 0 if text == "{}" else int(text.removeprefix('{"last": ').removesuffix("}"))


def count_rows(database: TestDatabase) -> tuple[int, int]:
    """Return the number of rows and the highest id, which are equal if no row is missing."""
    ((rows, highest),) = database.query("SELECT COUNT(*), COALESCE(MAX(id), 0) FROM things")
    return int(rows), int(highest)


def end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.wait(END_S)
