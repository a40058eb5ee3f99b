"""A table that another session alters during a load: the batch is right, or refused."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.conftest import TestDatabase
from tests.target.conftest import TEXT, StartTarget, record, schema, state, to_lines
from tests.target.feeding import END_S, loaded, until

THINGS = schema(
    {
        "text": TEXT,
        "number": {"type": ["null", "number"]},
        "at": {"type": ["null", "string"], "format": "date-time"},
        "other": {"type": ["null", "integer"]},
    }
)


def send(target: subprocess.Popen[bytes], number: int) -> None:
    assert target.stdin
    values = {"id": number, "text": "a ", "number": 0.1, "at": "2020-01-01T00:00:00.6Z"}
    target.stdin.write(to_lines(record({**values, "other": 1}), state(number)))
    target.stdin.flush()


def load_around(
    database: TestDatabase, start_target: StartTarget, statement: str
) -> tuple[int, bytes, str]:
    """Load a row, run the statement, load another; return exit code, states and last lines."""
    target = start_target(batch_size_rows=1)
    assert target.stdin and target.stdout and target.stderr
    target.stdin.write(to_lines(THINGS))
    send(target, 1)
    until(lambda: loaded(database) == 1)
    database.query(statement)
    send(target, 2)
    out, err = target.communicate(timeout=END_S)
    return target.returncode, out, err.decode()


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("MODIFY number FLOAT", "`number` float"),
        ("MODIFY at DATETIME(0)", "`at` datetime"),
        ("MODIFY text CHAR(20)", "`text` char(20)"),
        ("DROP PRIMARY KEY", "no more PRIMARY KEY (`id`)"),
        ("DROP PRIMARY KEY, ADD PRIMARY KEY (id, other)", "PRIMARY KEY (`id`,`other`)"),
        ("ADD UNIQUE INDEX one_other (other)", "UNIQUE KEY `one_other` (`other`)"),
        ("ENGINE=MyISAM", "ENGINE=MyISAM"),
    ],
)
def test_an_alteration_that_changes_rows_is_refused(
    database: TestDatabase, start_target: StartTarget, change: str, shown: str
) -> None:
    """
    The error names the alteration; no row of the batch is loaded, and no state claims the batch.
    """
    code, out, err = load_around(database, start_target, f"ALTER TABLE things {change}")
    assert (code, b"2" in out) == (1, False), err
    assert f"table things was altered while it was being loaded ({shown}" in err
    assert loaded(database) == 1 or "MyISAM" in change  # which knows no way back


@pytest.mark.parametrize(
    "change", ["ADD INDEX (number)", "ADD COLUMN mine INT NULL", "COMMENT 'mine'"]
)
def test_an_alteration_that_does_no_harm_is_none(
    database: TestDatabase, start_target: StartTarget, change: str
) -> None:
    """
    An index or a column of the user's may be added meanwhile.
    """
    code, out, err = load_around(database, start_target, f"ALTER TABLE things {change}")
    assert (code, out) == (0, b"1\n2\n"), err
    assert loaded(database) == 2


def test_a_warning_of_the_merge_is_an_error(
    database: TestDatabase, start_target: StartTarget
) -> None:
    """
    A warning of the merge is an error that names the table.
    """
    change = "ALTER TABLE things MODIFY number DECIMAL(5,0)"
    code, out, err = load_around(database, start_target, change)
    assert (code, b"2" in out) == (1, False), err
    assert re.search("ERROR table things: .*'number'", err)
    assert loaded(database) == 1
