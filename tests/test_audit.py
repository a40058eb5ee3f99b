"""`make audit` succeeds only if every package was checked and no advisory names a package."""

from __future__ import annotations

import json

import pytest

from demo.audit import NOT_CHECKED, VULNERABLE, to_verdict

FINE = {"name": "fine", "version": "1.0", "vulns": []}
SKIPPED = {"name": "skipped", "skip_reason": "Dependency not found on PyPI"}
VULNERABLE_PACKAGE = {
    "name": "harmed",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": []}],
}


@pytest.mark.parametrize(
    ("packages", "code", "line"),
    [
        ([FINE, FINE], 0, "2 of 2 packages were checked."),
        ([FINE, VULNERABLE_PACKAGE], VULNERABLE, "harmed 2.0: PYSEC-2026-1 (fixed in 2.1)"),
        ([VULNERABLE_PACKAGE, SKIPPED], VULNERABLE, "1 of 2 packages were checked."),
        ([SKIPPED], NOT_CHECKED, "0 of 1 packages were checked."),
        (
            [FINE, SKIPPED],
            NOT_CHECKED,
            "Not checked, since the advisories could not be reached: skipped",
        ),
        (
            [],
            NOT_CHECKED,
            "Not checked, since the advisories could not be reached: no package",
        ),
    ],
)
def test_verdicts(packages: list[dict[str, object]], code: int, line: str) -> None:
    """
    An advisory decides the exit code; unchecked packages are never a success.
    """
    exit_code, lines = to_verdict(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert (exit_code, line in lines) == (code, True), lines


@pytest.mark.parametrize("report", ["", "{}", "[]", '{"dependencies": '])
def test_no_network(report: str) -> None:
    """
    Without a report there is one line with the reason.
    """
    code, lines = to_verdict(report, "Traceback ...\nConnectionError: no such host\n")
    assert code == NOT_CHECKED
    problem = "Nothing was checked: the advisories could not be reached: "
    assert lines == [f"{problem}ConnectionError: no such host"]
