"""The user's rights: those that a load needs are named where they are missing, also by --check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.conftest import Outcome, TestDatabase, run_program
from tests.servers import FAMILY
from tests.target.conftest import load, load_here, record, schema, state
from tests.target.feeding import THINGS

ALL_RIGHTS = frozenset(
    ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "REFERENCES")
    + ("CREATE TEMPORARY TABLES" if FAMILY.has_temporary_tables else "DROP",)
)
CHILDREN = schema({"thing": {"type": "integer"}}, stream="children")
CHILDREN["schema"]["x-parent"] = {"stream": "things", "keys": {"thing": "id"}}


@pytest.fixture
def grant(database: TestDatabase) -> Iterator[Callable[[frozenset[str]], dict[str, object]]]:
    """A function that makes a user who has these rights alone; returns how to log in as that."""
    database.query("CREATE USER someone@'%%' IDENTIFIED BY %s", ("secret",))

    def grant(rights: frozenset[str]) -> dict[str, object]:
        database.query(f"GRANT {', '.join(sorted(rights))} ON `{database.name}`.* TO someone@'%'")
        return {"user": "someone", "password": "secret"}

    yield grant
    database.query("DROP USER someone@'%'")


Grant = Callable[[frozenset[str]], dict[str, object]]


def test_the_rights_that_are_needed(database: TestDatabase, grant: Grant) -> None:
    """
    With the rights that the README names everything works.
    """
    user = grant(ALL_RIGHTS)
    row, child = record({"id": 1}), record({"id": 1, "thing": 1}, stream="children")
    done = load(database, THINGS, CHILDREN, row, child, state(1), **user)
    assert (done.code, done.out) == (0, "1\n"), done.err
    more = schema({"text": {"type": "string"}, "more": {"type": "string"}})
    versions = (record({"id": 2}, version=2), {**row, "version": 1})
    activate = {"type": "ACTIVATE_VERSION", "stream": "things", "version": 2}
    done = load(database, more, CHILDREN, *versions, activate, **user, hard_delete="true")
    assert done.code == 0, done.err


CHECKS_RIGHTS_FIRST = pytest.mark.skipif(
    "OceanBase" in FAMILY.version, reason="this server looks for the table before the right"
)
NOT_CHECKED = {"SELECT"} if FAMILY.checks_references else {"SELECT", "REFERENCES"}


@pytest.mark.parametrize("right", sorted(ALL_RIGHTS - NOT_CHECKED - {"DROP"}))
def test_a_right_that_is_missing_is_named(database: TestDatabase, grant: Grant, right: str) -> None:
    """
    Without a required right, the run ends with 1 and a line that names the right; no row and no
    state.
    """
    load_here(database, THINGS, record({"id": 1, "text": "before"}))
    user = grant(ALL_RIGHTS - {right})
    messages: list[Any] = [THINGS, record({"id": 1, "text": "after"})]
    if right in ("CREATE", "DELETE", "REFERENCES"):
        messages = [THINGS, CHILDREN, *messages[1:]]
        if right == "DELETE":
            load_here(database, THINGS, CHILDREN)
    if right == "ALTER":
        messages = [schema({"more": {"type": "string"}}), record({"id": 1, "more": "after"})]
    done = load(database, *messages, state(1), **user)
    assert (done.code, done.out) == (1, ""), done.err
    (error,) = [line for line in done.err.splitlines() if line.startswith("ERROR")]
    assert right in error
    assert "grant this user" in error
    assert database.query("SELECT id, text FROM things") == [(1, "before")]


@CHECKS_RIGHTS_FIRST
@pytest.mark.parametrize("right", sorted(ALL_RIGHTS - NOT_CHECKED | {"SELECT"}))
def test_check_names_a_missing_right(database: TestDatabase, grant: Grant, right: str) -> None:
    """
    --check ends with 1 and one line that names the missing right alone, and leaves no table behind.
    """
    done = check(database, grant(ALL_RIGHTS - {right}))
    assert done.code == 1
    (error,) = [line for line in done.err.splitlines() if line.startswith("ERROR")]
    assert f"lacks {right} on database {database.name}, which a load needs" in error
    assert "server: " in done.out
    assert database.query("SHOW TABLES") == []


@CHECKS_RIGHTS_FIRST
def test_check_on_a_server_of_another_language(database: TestDatabase, grant: Grant) -> None:
    """
    The server's messages may be in any language.
    """
    user = grant(ALL_RIGHTS - {"INSERT"})
    done = check(database, {**user, "init_sql": json.dumps(["SET SESSION lc_messages = 'de_DE'"])})
    assert f"lacks INSERT on database {database.name}" in done.err


@CHECKS_RIGHTS_FIRST
def test_check_names_all_missing_rights(database: TestDatabase, grant: Grant) -> None:
    """
    A user who may only read is told the other rights; who has them all is told nothing.
    """
    who = grant(frozenset({"SELECT"}))
    done = check(database, who)
    assert done.code == 1
    assert "lacks INSERT, UPDATE, DELETE, CREATE, ALTER, " in done.err
    assert "CREATE TEMPORARY TABLES on database" in done.err
    done = check(database, {**who, "staging": "tables"})
    assert "CREATE TEMPORARY TABLES" not in done.err and ", DROP on database" in done.err
    grant(ALL_RIGHTS)
    done = check(database, who)
    assert (done.code, done.err) == (0, "")


def test_check_creates_no_database(database: TestDatabase, grant: Grant) -> None:
    """
    The rights on a database that is not there are told, too; the check does not create it.
    """
    done = check(database, {"database": "not_there"})
    assert done.code == 0, done.err
    assert "database: not_there (none that this user sees: a load creates it)" in done.out
    assert not database.query("SHOW DATABASES LIKE 'not_there'")
    done = check(database, {**grant(ALL_RIGHTS), "database": "not_there"})
    assert (done.code, "on database not_there, which a load needs" in done.err) == (1, True)


def check(database: TestDatabase, settings: Mapping[str, object]) -> Outcome:
    """Run target-mysql --check with these settings."""
    variables = {f"TARGET_MYSQL_{name.upper()}": str(value) for name, value in settings.items()}
    return run_program("target-mysql", "--check", environment=database.environment | variables)


def test_a_read_only_server_is_an_error(database: TestDatabase, grant: Grant) -> None:
    """
    The error of a read-only server says so, and no state is written.
    """
    load_here(database, THINGS, record({"id": 1, "text": "before"}))
    user = grant(ALL_RIGHTS)
    database.query("SET GLOBAL read_only = 1")
    try:
        done = load(database, THINGS, record({"id": 1, "text": "after"}), state(1), **user)
        checked = check(database, user)
    finally:
        database.query("SET GLOBAL read_only = 0")
    assert (checked.code, "the server is read-only: connect" in checked.err) == (1, True)
    assert (done.code, done.out) == (1, "")
    assert "ERROR MySQL error 1290: " in done.err
    assert done.err.rstrip().endswith("the server is read-only: connect to a primary")
    assert database.query("SELECT text FROM things") == [("before",)]
