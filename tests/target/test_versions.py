"""ACTIVATE_VERSION: rows of older versions are flagged or deleted, and may return."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.target.conftest import TEXT, activate, load, load_here, record, schema

THINGS = schema({"text": TEXT})


def versioned(version: int, *ids: int) -> list[dict[str, Any]]:
    return [record({"id": number, "text": "a"}, version=version) for number in ids]


def deleted(database: TestDatabase) -> dict[int, Any]:
    return dict(database.query("SELECT id, _sdc_deleted_at FROM things"))


def test_rows_of_older_versions_are_flagged_once(database: TestDatabase) -> None:
    """
    Older rows get the time of their deletion, and keep that time at the next version.
    """
    load_here(database, THINGS, *versioned(1, 1, 2, 3), activate(1))
    assert deleted(database) == {1: None, 2: None, 3: None}
    load_here(database, THINGS, *versioned(2, 2, 3), activate(2))
    first = deleted(database)
    assert first[1] is not None and first[2] is None and first[3] is None
    load_here(database, THINGS, *versioned(3, 3), activate(3))
    second = deleted(database)
    assert second[1] == first[1]
    assert second[2] is not None and second[3] is None


def test_a_row_that_comes_back_loses_its_flag(database: TestDatabase) -> None:
    """
    A record of the active version clears _sdc_deleted_at.
    """
    load_here(database, THINGS, *versioned(1, 1), activate(2))
    assert deleted(database)[1] is not None
    load_here(database, THINGS, *versioned(2, 1))
    assert deleted(database) == {1: None}


def test_hard_delete_deletes(database: TestDatabase) -> None:
    """
    With hard_delete the older rows are gone, those loaded without a version, too.
    """
    load_here(database, THINGS, record({"id": 9, "text": "no version"}))
    load_here(database, THINGS, *versioned(1, 1, 2))
    done = load(database, THINGS, *versioned(2, 2), activate(2), hard_delete="true")
    assert done.code == 0, done.err
    assert "things: 1 records: 0 inserted, 0 updated, 2 deleted" in done.err
    assert deleted(database) == {2: None}


def test_more_rows_than_one_statement_deletes(database: TestDatabase) -> None:
    """
    Any number of older rows is flagged or deleted.
    """
    load_here(database, THINGS, *versioned(1, *range(20_001)))
    load_here(database, THINGS, *versioned(2, 5), activate(2))
    flags = sum(at is not None for at in deleted(database).values())
    assert flags == 20_000
    load_here(database, THINGS, activate(3), hard_delete="true")
    assert deleted(database) == {}


@pytest.mark.parametrize("hard_delete", ["false", "true"])
def test_a_table_is_walked_by_its_whole_key(database: TestDatabase, hard_delete: str) -> None:
    """
    With a key of several columns, text among them, all older rows are found, and no others.
    """
    properties = {"name": {"type": "string"}, "text": TEXT}
    message = schema(properties, key=("name", "id"))
    old = [{"name": "aAbB"[n % 4], "id": n // 8, "text": "a"} for n in range(30_000)]
    new = old[::3]
    load_here(database, message, *(record(one, version=1) for one in old))
    messages = [record(one, version=2) for one in new]
    load_here(database, message, *messages, activate(2), hard_delete=hard_delete)
    leftovers = "SELECT name, id FROM things WHERE _sdc_deleted_at IS NULL"
    assert set(database.query(leftovers)) == {(one["name"], one["id"]) for one in new}
    ((rows,),) = database.query("SELECT COUNT(*) FROM things")
    survivors = new if hard_delete == "true" else old
    assert rows == len({(one["name"], one["id"]) for one in survivors})


def test_rows_without_a_key_are_flagged_too(database: TestDatabase) -> None:
    """
    Older rows of a table without a key are flagged as well.
    """
    message = schema({"text": TEXT}, key=())
    lines = [*versioned(1, *range(12_000)), *versioned(2, 1), activate(2)]
    load_here(database, message, *lines, primary_key_required="false")
    flags = "SELECT _sdc_table_version, COUNT(*) FROM things WHERE _sdc_deleted_at IS NOT NULL"
    assert database.query(f"{flags} GROUP BY 1") == [(1, 12_000)]


def test_a_stream_without_versions_has_no_column_for_them(database: TestDatabase) -> None:
    """
    _sdc_table_version is there once a record carries a version, and not before.
    """
    names = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s"
    load_here(database, THINGS, record({"id": 1, "text": "a"}))
    assert ("_sdc_table_version",) not in database.query(names, (database.name,))
    load_here(database, THINGS, record({"id": 2, "text": "a"}), *versioned(7, 3))
    assert ("_sdc_table_version",) in database.query(names, (database.name,))
    actual = database.query("SELECT id, _sdc_table_version FROM things ORDER BY id")
    assert actual == [(1, None), (2, None), (3, 7)]


def test_without_metadata_columns_there_are_none(database: TestDatabase) -> None:
    """
    With add_metadata_columns off the table has the stream's columns alone, versions or not.
    """
    messages = (*versioned(1, 1), activate(2), *versioned(2, 2))
    done = load(database, THINGS, *messages, add_metadata_columns="false")
    assert done.code == 0, done.err
    assert "WARNING ACTIVATE_VERSION ignored: it needs add_metadata_columns" in done.err
    assert database.query("SELECT * FROM things") == [(1, "a"), (2, "a")]


@pytest.mark.parametrize("hard_delete", ["false", "true"])
@pytest.mark.parametrize("name", ["_sdc_table_version", "_SDC_Table_Version"])
def test_the_version_of_the_message_counts(
    database: TestDatabase, hard_delete: str, name: str
) -> None:
    """
    A tap's property with the name of our column does not fill that column.
    """
    message = schema({"text": TEXT, name: {"type": ["null", "integer"]}})
    old = [record({"id": n, "text": "a", name: 17}, version=5) for n in (1, 2, 3)]
    new = [record({"id": n, "text": "b", name: 17}, version=6) for n in (1, 2)]
    for rows, version in ((old, 5), (new, 6)):
        done = load(database, message, *rows, activate(version), hard_delete=hard_delete)
        assert (done.code, "WARNING" in done.err) == (0, False), done.err
    live = "SELECT id, _sdc_table_version FROM things WHERE _sdc_deleted_at IS NULL ORDER BY id"
    assert database.query(live) == [(1, 6), (2, 6)]


def test_columns_of_ours_may_be_there_in_another_case(database: TestDatabase) -> None:
    """
    A table made by hand may spell our columns in capitals; they are filled all the same.
    """
    database.query(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, text LONGTEXT, _SDC_TABLE_VERSION BIGINT,"
        " _SDC_DELETED_AT DATETIME(6), _SDC_EXTRACTED_AT DATETIME(6), _SDC_BATCHED_AT DATETIME(6))"
    )
    at = "2026-11-25T15:34:14Z"
    rows = [record({"id": n, "text": "a"}, version=7, time_extracted=at) for n in (1, 2)]
    load_here(database, THINGS, *rows, activate(7), hard_delete="true")
    actual = database.query(
        "SELECT id, _sdc_table_version, _sdc_extracted_at IS NULL, _sdc_batched_at IS NULL"
        " FROM things ORDER BY id"
    )
    assert actual == [(1, 7, 0, 0), (2, 7, 0, 0)]


@pytest.mark.parametrize("name", ["_sdc_deleted_at", "_sdc_table_version"])
def test_a_key_cannot_have_a_column_of_ours(database: TestDatabase, name: str) -> None:
    """
    A key property that this target would have to fill is refused with the way out.
    """
    done = load(database, schema({name: {"type": "string"}}, key=("id", name)))
    assert done.code == 1
    assert f"stream things: key property {name} is a column that this target fills" in done.err
    assert "add_metadata_columns: false leaves it to the tap" in done.err
