"""Deletions that log-based taps report in `_sdc_deleted_at`, declared or not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.target.conftest import LOAD_METHODS, TEXT, load, load_here, record, schema

AT = "2026-11-25T15:34:14+00:00"
FLAGGED = datetime(2026, 11, 25, 15, 34, 14)  # noqa: DTZ001  # as MySQL has it, in UTC
DATE_TIME = {"type": ["null", "string"], "format": "date-time"}
UNDECLARED = schema({"text": TEXT})
DECLARED = [schema({"text": TEXT, "_sdc_deleted_at": one}) for one in (DATE_TIME, TEXT)]
MESSAGES = [UNDECLARED, *DECLARED]


def deleted(database: TestDatabase) -> dict[int, Any]:
    return dict(database.query("SELECT id, _sdc_deleted_at FROM things"))


def change(number: int, text: str = "a", **more: Any) -> dict[str, Any]:
    return record({"id": number, "text": text, **more})


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("method", LOAD_METHODS)
def test_a_deleted_row_is_flagged(
    database: TestDatabase, message: dict[str, Any], method: str
) -> None:
    """
    The row gets the record's time in UTC (soft delete); a later record without a time revives the
    row.
    """
    rows = [change(1), change(2, _sdc_deleted_at=AT), change(3, _sdc_deleted_at=None)]
    done = load(database, message, *rows, load_method=method)
    assert (done.code, "WARNING" in done.err) == (0, False), done.err
    assert deleted(database) == {1: None, 2: FLAGGED, 3: None}
    load_here(database, message, change(2), change(1, _sdc_deleted_at=AT), load_method=method)
    assert deleted(database) == {1: FLAGGED, 2: None, 3: None}
    load_here(database, UNDECLARED, change(1), load_method=method)
    assert deleted(database) == {1: None, 2: None, 3: None}


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("batch_rows", [1, 2, 1000])
@pytest.mark.parametrize("add_metadata_columns", ["true", "false"])
def test_hard_delete_deletes_a_deleted_row(
    database: TestDatabase, message: dict[str, Any], batch_rows: int, add_metadata_columns: str
) -> None:
    """
    With hard_delete, a row is deleted if the last record has a time of deletion, whatever
    add_metadata_columns is, as in PipelineWise.
    """
    options = {
        "hard_delete": "true",
        "batch_size_rows": batch_rows,
        "add_metadata_columns": add_metadata_columns,
    }
    load_here(database, message, *map(change, range(1, 6)), **options)
    rows = [
        record({"id": 1, "_sdc_deleted_at": AT}),
        change(2, _sdc_deleted_at=AT),
        change(3, _sdc_deleted_at=AT),
        change(3, "again"),
        change(4, "twice"),
        change(4, "gone", _sdc_deleted_at=AT),
        change(9, _sdc_deleted_at=AT),
    ]
    done = load(database, message, *rows, **options)
    assert done.code == 0, done.err
    actual = database.query("SELECT id, text, _sdc_deleted_at FROM things ORDER BY id")
    assert actual == [(3, "again", None), (5, "a", None)]
    assert batch_rows < 1000 or "4 deleted" in done.err


def test_a_deletion_among_undeclared_properties(database: TestDatabase) -> None:
    """
    A time of deletion is found behind any number of other undeclared properties.
    """
    rows = [change(number, **{f"name {number}": 1}) for number in range(200)]
    done = load(database, UNDECLARED, *rows, change(7, _sdc_deleted_at=AT))
    assert done.code == 0, done.err
    assert [key for key, at in deleted(database).items() if at] == [7]


def test_a_row_without_metadata_columns_is_live_again(database: TestDatabase) -> None:
    """
    A tap's own `_sdc_deleted_at` becomes NULL for a record without a time, even if other columns
    keep their values.
    """
    options = {"add_metadata_columns": "false"}
    load_here(database, DECLARED[0], change(1, "kept", _sdc_deleted_at=AT), **options)
    assert deleted(database) == {1: FLAGGED}
    load_here(database, DECLARED[0], record({"id": 1}), **options)
    assert database.query("SELECT * FROM things") == [(1, "kept", None)]


def test_what_is_no_time_of_deletion_is_refused(database: TestDatabase) -> None:
    """
    A value that is no date-time is an error that names the column.
    """
    done = load(database, UNDECLARED, change(1, _sdc_deleted_at="yes"))
    assert done.code == 1
    assert "key id=1, column _sdc_deleted_at: not a date-time: 'yes'" in done.err
