"""The state in the database: `_sdc_state` has the state of the rows that are committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome, TestDatabase, run_program
from tests.target.conftest import (
    First,
    StartTarget,
    load,
    load_here,
    record,
    schema,
    settings,
    state,
)
from tests.target.feeding import THINGS, until
from tests.target.locking import end, is_held, send, the_error

PORTAL = {"state_id": "portal"}


def target(database: TestDatabase, *arguments: object, stdin: str = "", **config: Any) -> Outcome:
    environment = database.environment | settings(**config)
    return run_program("target-mysql", *arguments, stdin=stdin, environment=environment)


def stored(database: TestDatabase, state_id: str = "portal") -> Any:
    done = target(database, "--print-state", "--state-id", state_id)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_newest_state_is_stored(database: TestDatabase) -> None:
    """
    A load prints its states, and stores the newest with the time; --print-state prints it
    unchanged.
    """
    text = '{"b": 1.10, "a":12345678901234567890123, "é":"\\u00e9😀\\\\", "n" : null}'
    done = load(database, THINGS, record({"id": 1}), f'{{"type":"STATE","value":{text}}}', **PORTAL)
    assert (done.code, done.out) == (0, text + "\n"), done.err
    printed = target(database, "--print-state", "--state-id", "portal")
    assert (printed.code, printed.out) == (0, text + "\n")
    ((age_s,),) = database.query(
        "SELECT TIMESTAMPDIFF(SECOND, written_at, UTC_TIMESTAMP()) FROM _sdc_state"
    )
    assert 0 <= age_s < 300


def test_the_option_counts_over_the_setting(database: TestDatabase) -> None:
    """
    --state-id names the state of the load, whatever `state_id` the configuration has.
    """
    lines = '{"type":"STATE","value":{"n":1}}\n'
    assert target(database, "--state-id", "other", stdin=lines, **PORTAL).code == 0
    assert (stored(database, "other"), stored(database)) == ({"n": 1}, {})


def test_without_a_name_nothing_is_stored(database: TestDatabase) -> None:
    """
    A load without state_id makes no table of states.
    """
    load_here(database, THINGS, record({"id": 1}), state(1))
    assert database.query("SHOW TABLES LIKE '\\_sdc\\_state'") == []
    assert stored(database) == {}


def test_states_have_names(database: TestDatabase) -> None:
    """
    Loads with different names keep different states, also when the names differ only by case, and
    --list-states prints each with its time.
    """
    names = ["portal", "Portal", "x" * 190, "Köln\u2028😀"]
    for number, name in enumerate(names):
        load_here(database, state({"n": number}), state_id=name)
    assert [stored(database, name) for name in names] == [{"n": n} for n in range(len(names))]
    done = target(database, "--list-states")
    lines = dict(line.split("\t") for line in done.out.splitlines())
    assert done.code == 0 and len(lines) == len(names)
    assert lines["portal"].startswith("20") and lines["portal"].endswith("Z")


@pytest.mark.parametrize("name", ["", " portal", "portal ", "portal\n", "x" * 191])
def test_names_that_are_refused(database: TestDatabase, name: str) -> None:
    """
    A name that the table cannot hold, or that servers may take for another, is exit code 2.
    """
    done = target(database, "--state-id", name, "--print-state")
    assert done.code == 2
    assert "state_id: must be a name of 1 to 190 characters, without spaces around it" in done.err


def test_a_first_run_has_no_state(database: TestDatabase) -> None:
    """
    Of a missing database --print-state prints {} and --list-states nothing; neither creates it.
    """
    assert stored(database) == {}
    done = target(database, "--list-states")
    assert (done.code, done.out) == (0, "")
    with database.connect() as connection, connection.cursor() as cursor:
        assert cursor.execute("SHOW DATABASES LIKE %s", (database.name,)) == 0


@pytest.mark.parametrize("option", [["--print-state"], ["--set-state", "-"]])
def test_a_state_needs_a_name(database: TestDatabase, option: list[str]) -> None:
    """
    The commands of one state ask for its name, with exit code 2.
    """
    done = target(database, *option, stdin="{}")
    assert done.code == 2
    assert "state_id: missing: set the key, or give --state-id" in done.err


def test_a_state_is_set(database: TestDatabase, tmp_path: Path) -> None:
    """
    --set-state stores a file's object, or that of stdin, and the next run starts from it.
    """
    path = tmp_path / "state.json"
    path.write_text('{"bookmarks": {"a": 1}}\n')
    assert target(database, "--set-state", path, **PORTAL).code == 0
    assert stored(database) == {"bookmarks": {"a": 1}}
    assert target(database, "--set-state", "-", stdin="{}", **PORTAL).code == 0
    assert stored(database) == {}
    assert not is_held(database)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}\n{"a": 2}', '{"a": '])
def test_a_state_is_one_object(database: TestDatabase, text: str) -> None:
    """
    What is not exactly one JSON object is refused with exit code 2, and the state stays.
    """
    load_here(database, state({"n": 1}), **PORTAL)
    done = target(database, "--set-state", "-", stdin=text, **PORTAL)
    assert (done.code, done.err.count("ERROR")) == (2, 1), done.err
    assert "-: the state " in done.err
    assert stored(database) == {"n": 1}


def test_a_second_load_of_a_state_ends_at_once(database: TestDatabase, first: First) -> None:
    """
    While a load runs, a second of the same state ends with 75, names the first, and loads nothing,
    though its table is another; so does --set-state. Another state is loaded.
    """
    running = first(**PORTAL)
    other = schema({}, stream="others")
    done = load(database, other, record({"id": 1}, stream="others"), state("theirs"), **PORTAL)
    assert (done.code, done.out) == (75, "")
    assert "state portal is being loaded by another target-mysql (host " in the_error(done)
    assert f"pid {running.pid}, since 20" in the_error(done)
    assert database.query("SHOW TABLES LIKE 'others'") == []
    done = target(database, "--set-state", "-", stdin="{}", **PORTAL)
    assert done.code == 75 and f"pid {running.pid}" in done.err
    assert load(database, other, state("theirs"), state_id="Portal").code == 0
    assert end(running).code == 0
    assert (stored(database), stored(database, "Portal")) == ("ours", "theirs")


def test_a_load_that_lost_its_state_commits_nothing(database: TestDatabase, first: First) -> None:
    """
    A load whose state another load has taken over ends with 75: neither its rows nor its state are
    committed.
    """
    running = first(**PORTAL)
    database.query(
        "UPDATE _sdc_tables SET token = 'x' WHERE table_name LIKE '\\_sdc\\_state:%%'", ()
    )
    send(running, record({"id": 2, "text": "late"}), state("late"))
    done = end(running)
    assert (done.code, done.out) == (75, ""), done.err
    assert "state portal:" in the_error(done) and "was taken over" in the_error(done)
    assert database.query("SELECT id FROM things") == [(1,)]
    assert stored(database) == "ours"


def test_a_refused_batch_keeps_its_state(database: TestDatabase) -> None:
    """
    A batch that the server refuses rolls its state back.
    """
    signal = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not here'"
    load_here(database, THINGS, record({"id": 1}), state(1), **PORTAL)
    database.query(f"CREATE TRIGGER refuse BEFORE INSERT ON things FOR EACH ROW {signal}")
    done = load(database, THINGS, record({"id": 2}), state(2), **PORTAL)
    assert (done.code, done.out) == (1, ""), done.err
    assert stored(database) == 1


def test_rows_show_with_their_state(database: TestDatabase, start_target: StartTarget) -> None:
    """
    No reader ever sees a state without its rows. A batch ends at a record, whose STATE is in the
    next batch: the state is older than the rows by that record at most.
    """
    last = 400
    running = start_target(batch_size_rows=5, **PORTAL)
    lines = [message for n in range(1, last + 1) for message in (record({"id": n}), state(n))]
    with database.connect() as connection, connection.cursor() as cursor:

        def look() -> tuple[int, int]:
            """Return the highest row and the state of one snapshot."""
            cursor.execute(f"USE `{database.name}`")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            cursor.execute("SELECT MAX(id), (SELECT value FROM _sdc_state) FROM things")
            (row,) = cursor.fetchall()
            cursor.execute("COMMIT")
            return int(row[0] or 0), int(row[1] or 0)

        send(running, THINGS, record({"id": 0}), state(0), *lines[:20])
        until(lambda: stored(database) not in ({}, 0))
        send(running, *lines[20:])
        seen = set()
        until(lambda: seen.add(look()) or running.poll() is not None or (last, last) in seen)
    assert end(running).code == 0
    assert all(0 <= row - value <= 1 for row, value in seen), seen


def test_a_backup_has_the_state_of_its_rows(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A backup of one moment in mid-load restores rows with their own state, and a run that goes on
    from there loads the rest.
    """
    running = start_target(batch_size_rows=5, **PORTAL)
    lines = [message for n in range(1, 101) for message in (record({"id": n}), state(n))]
    send(running, THINGS, *lines[:60])
    until(lambda: stored(database) not in ({}, 0))
    backup = copy_of(database)
    send(running, *lines[60:])
    assert end(running).code == 0

    restore(database, backup)

    at = stored(database)
    assert 0 < at <= 30
    ((rows,),) = database.query("SELECT COUNT(*) FROM things")
    assert 0 <= rows - at <= 1
    done = load(database, THINGS, *lines[2 * at :], **PORTAL)
    assert done.code == 0, done.err
    assert database.query("SELECT COUNT(*), MAX(id) FROM things") == [(100, 100)]
    assert stored(database) == 100


Backup = dict[str, tuple[str, list[tuple[Any, ...]]]]


def copy_of(database: TestDatabase) -> Backup:
    """Return every table's definition and rows, in one snapshot, as mysqldump reads them."""
    backup: Backup = {}
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE `{database.name}`")
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        for name in ("things", "_sdc_state", "_sdc_tables"):
            cursor.execute(f"SHOW CREATE TABLE `{name}`")
            ((_, definition),) = cursor.fetchall()
            cursor.execute(f"SELECT * FROM `{name}`")
            backup[name] = (definition, list(cursor.fetchall()))
    return backup


def restore(database: TestDatabase, backup: Backup) -> None:
    """Replace the database by a backup."""
    for name, (definition, rows) in backup.items():
        database.query(f"DROP TABLE `{name}`")
        database.query(definition)
        for row in rows:
            marks = ", ".join(["%s"] * len(row))
            database.query(f"INSERT INTO `{name}` VALUES ({marks})", row)


# --- Dropped tables ---------------------------------------------------------------------------


def test_a_dropped_table_is_not_silently_begun_anew(database: TestDatabase) -> None:
    """
    A load whose stored state claims the rows of a dropped table ends with 1 and what to do: the
    tap would send only later changes. The state stays; after `{}` is set, the table is made anew.
    """
    lines = (THINGS, record({"id": 1}, version=5), state({"n": 1}))
    assert load(database, *lines, **PORTAL).code == 0
    database.query("DROP TABLE things")
    changes = (THINGS, record({"id": 2}, version=5), state({"n": 2}))
    refused = load(database, *changes, **PORTAL)
    assert refused.code == 1
    assert "table things was dropped, but state portal claims its rows" in the_error(refused)
    assert 'set "full_refresh": true in the state by --set-state' in the_error(refused)
    assert "for a tap that lacks this key, set the state to {}" in the_error(refused)
    assert stored(database) == {"n": 1}
    assert load(database, *changes, **PORTAL).code == 1  # not only the first time

    done = target(database, "--state-id", "portal", "--set-state", "-", stdin="{}")
    assert done.code == 0, done.err
    done = load(database, *lines, *changes, **PORTAL)
    assert done.code == 0, done.err
    assert database.query("SELECT id FROM things ORDER BY id") == [(1,), (2,)]


def test_a_state_of_a_full_refresh_claims_no_rows(database: TestDatabase) -> None:
    """
    With `full_refresh` in the stored state, dropped tables are made anew; the next state without it
    claims rows again.
    """
    lines = (THINGS, record({"id": 1}, version=5), state({"n": 1}))
    assert load(database, *lines, **PORTAL).code == 0
    database.query("DROP TABLE things")
    for value, code in ((False, 1), (None, 1), (True, 0)):
        text = json.dumps({"n": 1, "full_refresh": value})
        assert target(database, "--set-state", "-", stdin=text, **PORTAL).code == 0
        assert load(database, *lines, **PORTAL).code == code
    assert database.query("SELECT id FROM things") == [(1,)]
    database.query("DROP TABLE things")
    assert load(database, *lines, **PORTAL).code == 1


def test_a_table_that_never_had_rows_may_be_missing(database: TestDatabase) -> None:
    """
    A stream that is new beside a stored state gets its table; so does any stream of a load that
    keeps no state.
    """
    assert load(database, state({"n": 1}), **PORTAL).code == 0
    done = load(database, THINGS, record({"id": 1}, version=5), state({"n": 2}), **PORTAL)
    assert done.code == 0, done.err
    database.query("DROP TABLE things")
    done = load(database, THINGS, record({"id": 1}, version=5))
    assert done.code == 0, done.err
