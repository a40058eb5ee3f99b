"""Where reports are written: full, closed and ASCII outputs, files that exist, missing rights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROGRAMS, TestDatabase, clean_environment
from tests.report import june_2018
from tests.report.tables import create_tables, fill_engagements, run


def shell(database: TestDatabase, command: str, **environment: str) -> tuple[int, bytes, str]:
    """Run a command line with engagements-report; return exit code, stdout and stderr."""
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        env=clean_environment() | database.environment | {"PATH": path, **environment},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def june(database: TestDatabase) -> None:
    create_tables(database)
    fill_engagements(database, [*june_2018.rows(), (1_530_000_000_000, "SMS 🎉")])


@pytest.mark.parametrize("command", ["rolling", "sql rolling", "html -"])
def test_an_output_that_cannot_be_written(database: TestDatabase, command: str) -> None:
    """
    A full disk and a closed stdout end with 1 and one line.
    """
    june(database)
    for redirect, words in ((">/dev/full", "No space left on device"), (">&-", "stdout is closed")):
        code, _, err = shell(database, f"engagements-report {command} {redirect}")
        assert (code, err.count("\n")) == (1, 1), err
        assert words in err


def test_an_output_in_ascii(database: TestDatabase) -> None:
    """
    An ASCII terminal gets a table in ASCII; files for programs are UTF-8 whatever the terminal is.
    """
    june(database)
    code, out, err = shell(database, "engagements-report hours", PYTHONIOENCODING="ascii")
    assert (code, err) == (0, "") and out.isascii()
    code, out, err = shell(database, "engagements-report daily", PYTHONIOENCODING="ascii")
    assert code == 0 and b"SMS \\U0001f389" in out
    for report_format in ("csv", "json", "markdown"):
        command = f"engagements-report daily --format {report_format}"
        code, out, err = shell(database, command, PYTHONIOENCODING="ascii")
        assert code == 0 and "SMS 🎉" in out.decode(), err


def test_a_page_is_written_whole(database: TestDatabase, tmp_path: Path) -> None:
    """
    A page replaces an older one at once, through a link, too, with the same permissions, and leaves
    no file beside; a pipe is written as it is, and `-` is stdout.
    """
    june(database)
    page, link = tmp_path / "page.html", tmp_path / "link.html"
    page.write_text("old")
    link.symlink_to(page)
    page.chmod(0o640)
    before = page.stat().st_ino
    assert run(database, "html", link).code == 0
    assert link.is_symlink() and page.read_text().startswith("<!doctype html>")
    assert page.stat().st_ino != before and page.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.html", "page.html"]
    code, out, _ = shell(database, "engagements-report html /dev/stdout | cat")
    assert code == 0 and out.decode().endswith("</html>\n")
    done = run(database, "--html", "-", "daily")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("<!doctype html>") and done.out.endswith("</html>\n")


def test_a_page_with_a_failed_report(database: TestDatabase, tmp_path: Path) -> None:
    """
    A failed report is named on stderr; with --strict the exit code is 1, and the page is written.
    """
    june(database)
    database.query("DROP TABLE engagement_meetings")
    for options, code in (((), 0), (("--strict",), 1)):
        page = tmp_path / f"{code}.html"
        done = run(database, "html", page, *options)
        assert done.code == code
        assert "meetings: This report cannot be made" in done.err
        assert page.read_text().endswith("</html>\n")


def test_a_missing_right_is_named(database: TestDatabase) -> None:
    """
    A table that the user may not read is named with the right, not as a stream to select.
    """
    june(database)
    database.query("CREATE USER clerk@'%' IDENTIFIED BY 'secret'")
    try:
        database.query(f"GRANT SELECT ON `{database.name}`.engagements TO clerk@'%'")
        clerk = {"TARGET_MYSQL_USER": "clerk", "TARGET_MYSQL_PASSWORD": "secret"}
        code, _, err = shell(database, "engagements-report meetings", **clerk)
        assert code == 1
        assert "let an administrator grant this user the right SELECT" in err
        code, _, err = shell(database, "engagements-report quality", **clerk)
        assert code == 0
        assert "this user may not read owners: grant it the right SELECT" in err
        assert "select that stream" not in err
    finally:
        database.query("DROP USER clerk@'%'")


def test_programs_load_no_rich() -> None:
    """
    What prints tables for people takes a sixth of a start, and is loaded for them alone.
    """
    code = "import sys; from engagements_report import cli; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
