"""The program run in this process: starting Python for each report would take minutes."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from engagements_report import cli
from tests.conftest import TestDatabase
from tests.report.html_page import Write


@dataclass(frozen=True)
class Reports:
    """Runs engagements-report with the arguments of a command line, on the test's database."""

    output: pytest.CaptureFixture[str]

    def out(self, *arguments: object) -> str:
        """Return the program's output."""
        code = cli.run(cli.parse(list(map(str, arguments))))
        out, err = self.output.readouterr()
        assert code == 0, err
        return out

    def csv(self, *arguments: object) -> str:
        return self.out(*arguments, "--format", "csv")

    def rows(self, *arguments: object) -> list[tuple[str, ...]]:
        """Return a report's rows, as CSV has them."""
        return [tuple(row) for row in csv.reader(io.StringIO(self.csv(*arguments)))][1:]


@pytest.fixture
def reports(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Reports:
    for name, value in database.environment.items():
        monkeypatch.setenv(name, value)
    return Reports(capsys)


@pytest.fixture
def write(reports: Reports, tmp_path: Path) -> Write:
    """Write the page with these arguments, and return the HTML."""

    def write(*arguments: object) -> str:
        file = tmp_path / "report.html"
        assert reports.out("html", file, *arguments) == ""
        return file.read_text(encoding="utf-8")

    return write
