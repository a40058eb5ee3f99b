"""What in the data is missing or wrong: a table of checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engagements_report.page.document import Check, Section, Table
from engagements_report.page.formatting import percent
from engagements_report.page.sections.parts import SectionInput


def build_quality(section_input: SectionInput) -> Section:
    """Return the section on faults in the data: those found, and all checks."""
    rows = section_input.rows
    wrong = sum(row["state"] == "wrong" for row in rows)
    lead = f"{wrong} of {len(rows)} checks found a fault." if wrong else "No check found a fault."
    table = Table(
        "By check; the first four cover all days",
        ["check", "state", "found", "of", "share"],
        [
            [row["what"], Check(row["state"]), row["num"], row["out_of"], _quality_share(row)]
            for row in rows
        ],
        kind="whole",
    )
    return replace(section_input.section, lead=lead, table=table, folded=not wrong)


def _quality_share(row: Mapping[str, Any]) -> str | None:
    return None if row["share"] is None else percent(row["share"])
