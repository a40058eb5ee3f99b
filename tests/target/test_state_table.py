"""`_sdc_tables` keeps the version and the source of each table."""

from __future__ import annotations

import pytest

from tests.conftest import TestDatabase
from tests.target.conftest import (
    TEXT,
    Message,
    activate,
    load,
    load_here,
    record,
    schema,
    state,
)
from tests.target.feeding import THINGS, loaded
from tests.target.locking import read_state, the_error, with_source


def versions(database: TestDatabase, table: str = "things") -> dict[int, int]:
    return dict(database.query(f"SELECT id, _sdc_table_version FROM {table}"))


def test_a_version_never_goes_down(database: TestDatabase) -> None:
    """
    A record with a lower version, or without, is merged, and the row keeps its version.
    """
    load_here(database, THINGS, *(record({"id": n}, version=5) for n in (1, 2)))
    load_here(database, THINGS, record({"id": 1, "text": "old"}, version=3), record({"id": 2}))
    load_here(database, THINGS, record({"id": 3}, version=4))
    assert versions(database) == {1: 5, 2: 5, 3: 4}
    assert database.query("SELECT text FROM things WHERE id = 1") == [("old",)]


def test_versions_of_a_table_that_no_lock_has_known(database: TestDatabase) -> None:
    """
    The versions of a table that an earlier release loaded are read once: a lower version is
    ignored.
    """
    load_here(database, THINGS, record({"id": 1}, version=5), record({"id": 2}))
    database.query("DROP TABLE _sdc_tables")
    done = load(database, THINGS, activate(4))
    assert "ACTIVATE_VERSION 4 ignored" in done.err
    assert database.query("SELECT COUNT(*) FROM things WHERE _sdc_deleted_at IS NULL") == [(2,)]


def test_a_lower_version_is_not_activated(database: TestDatabase) -> None:
    """
    ACTIVATE_VERSION below the highest version of a table's rows flags nothing, and says so.
    """
    load_here(database, THINGS, record({"id": 1}), record({"id": 2}, version=5))
    done = load(database, THINGS, activate(4), state(1))
    assert (done.code, done.out) == (0, "1\n"), done.err
    assert "things: ACTIVATE_VERSION 4 ignored: its table has rows of version 5" in done.err
    live = "SELECT COUNT(*) FROM things WHERE _sdc_deleted_at IS NULL"
    assert database.query(live) == [(2,)]
    load_here(database, THINGS, activate(5))
    assert database.query(live) == [(1,)]


def test_an_activated_version_counts_without_a_row(database: TestDatabase) -> None:
    """
    An activated version is remembered even if no row has had this version.
    """
    load_here(database, THINGS, record({"id": 1}, version=1), activate(9))
    load_here(database, THINGS, record({"id": 2}), activate(8))
    live = "SELECT id FROM things WHERE _sdc_deleted_at IS NULL"
    assert database.query(live) == [(2,)]


def test_a_child_has_its_parents_version(database: TestDatabase) -> None:
    """
    A child with a lower version counts as one of its parent's higher version.
    """
    children = schema({"thing": {"type": "integer"}}, stream="children")
    children["schema"]["x-parent"] = {"stream": "things", "keys": {"thing": "id"}}

    def both(version: int) -> list[Message]:
        child = record({"id": 1, "thing": 1}, stream="children", version=version)
        return [record({"id": 1}, version=version), child]

    load_here(database, THINGS, children, both(5)[0], both(3)[1])
    load_here(database, THINGS, children, *both(3))
    assert (versions(database), versions(database, "children")) == ({1: 5}, {1: 3})
    alone = record({"id": 2, "thing": 1}, stream="children", version=2)
    load_here(database, THINGS, children, alone, activate(5, "children"))
    live = "SELECT id FROM children WHERE _sdc_deleted_at IS NULL ORDER BY id"
    assert database.query(live) == [(1,), (2,)]
    load_here(database, THINGS, children, activate(6, "children"))
    assert database.query(live) == []


def test_another_source_is_refused(database: TestDatabase) -> None:
    """
    A table accepts data of a single source: exit code 1, no row, no state, advice.
    """
    load_here(database, with_source("portal:1"), record({"id": 1}))
    done = load(database, with_source("portal:2"), record({"id": 2}), state(2))
    assert (done.code, done.out) == (1, "")
    assert the_error(done) == (
        "ERROR line 1, stream things: table things has the data of portal:1, these are of portal:2:"
        " load them into another database"
    )
    assert loaded(database) == 1
    assert load(database, with_source("portal:1"), record({"id": 3}), state(3)).code == 0
    assert load(database, THINGS, record({"id": 4}), state(4)).code == 0, "no word of a source"
    assert load(database, with_source("portal:2"), record({"id": 2}), state(2)).code == 1


def test_a_table_without_a_source_takes_the_first_one(database: TestDatabase) -> None:
    """
    A table without a source gets the first source that its tap names.
    """
    load_here(database, THINGS, record({"id": 1}))
    load_here(database, with_source("portal:1"), record({"id": 2}))
    assert load(database, with_source("portal:2"), record({"id": 3})).code == 1


def test_a_dropped_table_is_forgotten(database: TestDatabase) -> None:
    """
    The source and the version of a table are cleared after the table is dropped.
    """
    load_here(database, with_source("portal:1"), record({"id": 1}, version=9))
    database.query("DROP TABLE things")
    load_here(database, with_source("portal:2"), record({"id": 1}, version=1), activate(1))
    assert versions(database) == {1: 1}
    assert (read_state(database, "source"), read_state(database, "version")) == ("portal:2", 1)


@pytest.mark.parametrize("source", [7, "", ["portal"]])
def test_a_source_is_a_text(database: TestDatabase, source: object) -> None:
    """
    An x-source of another type than string is an error that names the line.
    """
    done = load(database, with_source(source), record({"id": 1}))
    assert done.code == 1
    assert the_error(done) == "ERROR line 1, stream things: x-source must be a string"


def test_a_stream_may_have_the_name_of_our_own_table(database: TestDatabase) -> None:
    """
    A stream called _sdc_tables has a table of another name.
    """
    message = schema({"text": TEXT}, stream="_sdc_tables")
    load_here(database, message, record({"id": 1}, stream="_sdc_tables"))
    names = {str(name) for (name,) in database.query("SHOW TABLES")} - {"_sdc_tables"}
    (name,) = names
    assert name.startswith("_sdc_tables__")
    assert database.query(f"SELECT id FROM `{name}`") == [(1,)]
