"""The session has the required settings, whatever the server's defaults and init_sql are."""

from __future__ import annotations

import json

import pytest

from tests.conftest import TestDatabase
from tests.servers import FAMILY
from tests.target.conftest import LOAD_METHODS, TEXT, activate, load, record, schema, state

THINGS = schema({"text": TEXT})
HOSTILE = (
    "autocommit = 0, completion_type = 1, sql_safe_updates = 1, sql_notes = 0,"
    " sql_select_limit = 1, foreign_key_checks = 0, unique_checks = 0, sql_auto_is_null = 1,"
    " time_zone = '+05:30',"
    " sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT'"
)


@pytest.mark.parametrize("hard_delete", ["false", "true"])
@pytest.mark.parametrize("method", LOAD_METHODS)
def test_a_server_with_other_defaults(method: str, hard_delete: str) -> None:
    """
    With other defaults and a hostile init_connect rows of older versions are gone, and text,
    times and zeros are as they were sent.
    """
    options = ("--completion-type=CHAIN", "--autocommit=0", f"--init-connect=SET {HOSTILE}")
    with FAMILY.server((*options, "--transaction-isolation=SERIALIZABLE")) as server:
        own = TestDatabase(server, "own")
        own.query(
            "CREATE TABLE things (id BIGINT AUTO_INCREMENT PRIMARY KEY, text LONGTEXT,"
            " at DATETIME(6))"
        )
        own.query("CREATE USER plain@'%' IDENTIFIED BY 'secret'")  # init_connect is not for root
        own.query("GRANT ALL ON own.* TO plain@'%'")
        message = schema({"text": TEXT, "at": {"type": "string", "format": "date-time"}})
        rows = {0: "zero", 1: "back\\slash'\"", 2: "gone"}
        lines = [
            record({"id": key, "text": text, "at": "2020-01-02T03:04:05Z"}, version=version)
            for version, keys in ((1, (0, 1, 2)), (2, (0, 1)))
            for key in keys
            for text in [rows[key]]
        ]
        user = {"user": "plain", "password": "secret", "ssl_mode": "DISABLED"}
        config = {"load_method": method, "hard_delete": hard_delete, **user}
        done = load(own, message, *lines, activate(2), state(1), **config)
        assert (done.code, done.out) == (0, "1\n"), done.err
        live = "SELECT id, text, CAST(at AS CHAR(19)) FROM things WHERE _sdc_deleted_at IS NULL"
        actual = {key: (text, at) for key, text, at in own.query(live)}
        assert actual == {key: (rows[key], "2020-01-02 03:04:05") for key in (0, 1)}
        assert own.query("SELECT COUNT(*) FROM things") == [(2 if hard_delete == "true" else 3,)]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SET SESSION sql_mode='NO_BACKSLASH_ESCAPES'", "sql_mode"),
        ("SET autocommit = 0", "autocommit"),
        pytest.param(
            "SET completion_type = 'CHAIN'",
            "completion_type",
            marks=pytest.mark.skipif(
                not FAMILY.chains_transactions, reason="this server ignores completion_type"
            ),
        ),
        ("SET foreign_key_checks = 0", "foreign_key_checks"),
        ("SET time_zone = '+01:00'", "time_zone"),
        pytest.param(
            "SET NAMES latin1",
            "character_set_client",
            marks=pytest.mark.skipif(not FAMILY.has_latin1, reason="this server has no latin1"),
        ),
    ],
)
def test_init_sql_that_contradicts_is_refused(
    database: TestDatabase, statement: str, name: str
) -> None:
    """
    A variable that loads rely on is named, and nothing is loaded.
    """
    done = load(database, THINGS, record({"id": 1}), init_sql=json.dumps([statement]))
    assert done.code == 2
    assert f"init_sql changes variables that the target relies on: {name}" in done.err
    assert database.query("SHOW TABLES") == []


def test_init_sql_that_agrees_is_run(database: TestDatabase) -> None:
    """
    Variables that loads do not rely on may be set, as may another isolation level.
    """
    statements = [
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET innodb_lock_wait_timeout = 3",
        "SET autocommit = 1",
    ]
    done = load(database, THINGS, record({"id": 1}), state(1), init_sql=json.dumps(statements))
    assert (done.code, done.out) == (0, "1\n"), done.err
