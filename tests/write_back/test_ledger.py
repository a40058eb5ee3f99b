"""A ledger that is lost, old, locked, or without room: never a double without a word."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from target_hubspot_engagements.exceptions import ConfigError, LedgerError, LedgerLocked
from target_hubspot_engagements.ledger import Ledger, open_ledger
from target_hubspot_engagements.run import Options
from tests.write_back.conftest import Serve, Target, call, schema, state

ADOPT = Options(is_new=True, adopts=True)


def test_a_missing_ledger_is_no_first_run(target: Target) -> None:
    """
    Without a ledger the program ends with 2, names the options, and sends nothing.
    """
    outcome = target.program(stdin=[schema(), call(1)])
    assert outcome.code == 2
    assert "for a first run, add --new-ledger; if the ledger was lost" in outcome.err
    assert (target.engagements(), target.hubspot.requests) == ([], [])

    assert target.program("--new-ledger", stdin=[schema(), call(1)]).code == 0
    again = target.program("--new-ledger", stdin=[schema(), call(1)])
    assert again.code == 2
    assert "exists already: leave out --new-ledger" in again.err
    assert len(target.engagements()) == 1


def test_a_lost_ledger_is_built_anew(target: Target) -> None:
    """
    With --new-ledger --adopt, what HubSpot has is found, and only what is new is created.
    """
    target.run(schema(), *(call(key) for key in range(150)))
    target.ledger.unlink()
    target.clock.sleep(7_200)

    result = target.run(schema(), *(call(key) for key in range(160)), options=ADOPT)

    assert result.error is None
    assert result.counts == {"created": 10, "updated": 150}
    assert len(target.engagements()) == 160
    assert target.run(schema(), *(call(key) for key in range(160))).counts == {"unchanged": 160}


def test_adopting_without_contacts(target: Target) -> None:
    """
    Engagements without an association are found by the search.
    """
    calls = [call(key, contactIds=[]) for key in range(7)]
    target.run(schema(), *calls[:5])
    target.ledger.unlink()
    target.clock.sleep(7_200)
    result = target.run(schema(), *calls, options=ADOPT)
    assert (result.error, result.counts) == (None, {"created": 2, "updated": 5})
    assert len(target.engagements()) == 7


def test_adopting_an_edited_record_is_undecided(target: Target) -> None:
    """
    An engagement of the same moment and owner with another text may be the record's: no guess.
    """
    target.run(schema(), call(1))
    target.ledger.unlink()
    result = target.run(
        schema(), state(0), call(1, hs_call_body="edited since"), state(1), options=ADOPT
    )
    assert "key [1]: it may be" in str(result.error)
    assert result.states == [0]
    assert len(target.engagements()) == 1


def test_a_ledger_of_yesterday(target: Target) -> None:
    """
    A ledger that was copied back does not know what was created since: the run says so.
    """
    target.run(schema(), call(1))
    yesterday = target.folder / "yesterday.sqlite"
    shutil.copy(target.ledger, yesterday)
    target.run(schema(), call(2), call(3))
    shutil.copy(yesterday, target.ledger)
    target.clock.sleep(7_200)

    result = target.run(schema(), call(2), call(3), call(4), state(4))
    assert isinstance(result.error, LedgerError)
    assert "2 calls of this app that the ledger does not know" in str(result.error)
    assert (len(target.engagements()), result.states) == (3, [])

    adopted = target.run(
        schema(), call(2), call(3), call(4), state(4), options=Options(adopts=True)
    )
    assert (adopted.error, adopted.states) == (None, [4])
    assert adopted.counts == {"created": 1, "updated": 2}
    assert len(target.engagements()) == 4


def test_people_and_other_programs(target: Target) -> None:
    """
    What people log is no sign of an old ledger; another program's engagements are, unless
    other_writers says that they are expected.
    """
    target.run(schema(), call(1))
    for key, source in ((2, "CRM_UI"), (3, "INTEGRATION")):
        target.clock.sleep(7_200)
        inner = {"type": "CALL", "source": source, "timestamp": 1}
        target.hubspot.portal.create({"engagement": inner, "metadata": {"body": ""}})
        result = target.run(schema(), call(key), other_writers=False)
        assert (result.error is None) == (source == "CRM_UI")
    assert target.run(schema(), call(3), other_writers=True).error is None


def test_two_runs_at_once(target: Target) -> None:
    """
    A second run of the same ledger ends with 75, and sends nothing; so does --check say.
    """
    target.run(schema(), call(1))
    ledger = open_ledger(str(target.ledger))
    requests = len(target.hubspot.requests)
    outcome = target.program(stdin=[schema(), call(2)])
    assert (outcome.code, "another run has it open" in outcome.err) == (75, True)
    assert len(target.hubspot.requests) == requests
    with pytest.raises(LedgerLocked):
        open_ledger(str(target.ledger))
    ledger.close()
    assert target.program(stdin=[schema(), call(2)]).code == 0


def test_the_lock_of_a_killed_run_is_gone(target: Target) -> None:
    """
    A kill leaves no lock behind.
    """
    target.run(schema(), call(1))
    holder = (
        "import sys, time; from target_hubspot_engagements.ledger import open_ledger\n"
        "ledger = open_ledger(sys.argv[1]); print('held', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", holder, str(target.ledger)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        assert isinstance(_error_of_opening(target), LedgerLocked)
        process.kill()
    assert target.run(schema(), call(2)).error is None


def _error_of_opening(target: Target) -> LedgerError | None:
    try:
        open_ledger(str(target.ledger)).close()
    except LedgerError as error:
        return error
    return None


def test_another_portal(target: Target) -> None:
    """
    A ledger of one portal with the token of another ends with an error of the configuration.
    """
    target.run(schema(), call(1))
    target.hubspot.portal.portal_id = 4711
    with pytest.raises(ConfigError, match="belongs to portal 62515, the token to portal 4711"):
        raise target.run(schema(), call(2)).error or AssertionError
    assert len(target.engagements()) == 1


@pytest.mark.parametrize("content", [b"", b"no database at all, but a text" * 50])
def test_a_file_that_is_no_ledger(target: Target, content: bytes) -> None:
    """
    An empty or foreign file is an error, not a first run.
    """
    target.ledger.write_bytes(content)
    outcome = target.program(stdin=[schema(), call(1)])
    assert (outcome.code, "ERROR ledger " in outcome.err) == (1, True), outcome.err
    assert ("remove it, and begin with --new-ledger" in outcome.err) == (content == b"")
    assert target.engagements() == []


class FullDisk:
    """A ledger whose disk is full from change number `changes` on."""

    def __init__(self, ledger: Ledger, changes: int) -> None:
        self._ledger = ledger
        self._changes = changes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def put(self, *arguments: Any, **options: Any) -> None:
        self._changes -= 1
        if self._changes < 0:
            limit_pages(self._ledger)
        self._ledger.put(*arguments, **options)


def limit_pages(ledger: Ledger) -> None:
    """Let SQLite refuse to grow the file, with the error of a full disk."""
    ledger._connection.execute("PRAGMA max_page_count = 1")


@pytest.mark.parametrize("changes", [1, 2, 3, 4])
def test_a_full_disk(target: Target, changes: int) -> None:
    """
    Without room nothing is sent that the ledger does not have; with room again, nothing is double.
    """
    calls = [call(key, hs_call_body="x" * 4_000) for key in range(300)]
    first = target.run(
        schema(),
        *calls,
        state(1),
        wrap=lambda ledger: FullDisk(ledger, changes),  # type: ignore[arg-type, return-value]
        workers=1,
    )
    assert isinstance(first.error, LedgerError)
    assert "full" in str(first.error)
    assert first.states == []

    target.clock.sleep(7_200)
    second = target.run(schema(), *calls, state(1))
    assert (second.error, second.states) == (None, [1])
    assert len(target.engagements()) == 300


def test_a_full_disk_for_the_program(tmp_path: Path, serve: Serve) -> None:
    """
    On a file system without room the program ends with 1, and says what is full.
    """
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    target = serve(settings={"on_error": "skip", "rejected": "/dev/full"})
    outcome = target.program("--new-ledger", stdin=[schema(), call(1, hs_timestamp="never")])
    assert (outcome.code, "rejected /dev/full: No space left" in outcome.err) == (1, True)


def test_the_ledger_is_plain_sqlite(target: Target) -> None:
    """
    Other programs can read which engagement belongs to which source key.
    """
    target.run(schema(), call(1))
    with sqlite3.connect(target.ledger) as connection:
        rows = connection.execute(
            "SELECT stream, key, kind, hubspot_id FROM engagements"
        ).fetchall()
    (engagement,) = target.engagements()
    assert rows == [("calls", json.dumps([1]), "calls", engagement["engagement"]["id"])]
