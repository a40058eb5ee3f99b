"""
Weekly goals of people, from a JSON file.

    {"calls": 60, "meetings_held": 5, "teams": {"Sales EMEA": {"calls": 40}},
     "people": {"ada@seller.example": {"calls": 80}}}

A person's own goal counts before that of a team, and that before the goal of all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from engagements_report.exceptions import UsageError
from engagements_report.queries.measures import Figures
from engagements_report.queries.people import Owner

MEASURES = tuple(name for name in Figures._fields if name != "call_ms")
GROUPS = ("teams", "people")
WEEK_DAYS = 7

Numbers = Mapping[str, float]
"""Goals a week by measure."""


@dataclass(frozen=True)
class Goals:
    """Goals a week: of all, of teams by name, and of people by id, e-mail address or name."""

    of_all: Numbers = field(default_factory=dict)
    teams: Mapping[str, Numbers] = field(default_factory=dict)
    people: Mapping[str, Numbers] = field(default_factory=dict)

    @property
    def measures(self) -> list[str]:
        """The measures that anyone has a goal for."""
        groups = [self.of_all, *self.teams.values(), *self.people.values()]
        return [name for name in MEASURES if any(name in goals for goals in groups)]

    def share(self, owner: Owner, measure: str, number: int, days: int) -> Fraction | None:
        """Return the share that `number` is of the goal for so many days; None without a goal."""
        of_owner = [self.people.get(name, {}) for name in (str(owner.id), owner.email, owner.name)]
        of_teams = [self.teams.get(name, {}) for _, name in owner.teams]
        for goals in (*of_owner, *of_teams, self.of_all):
            if measure in goals:
                return Fraction(number) * WEEK_DAYS / (Fraction(goals[measure]) * days)
        return None


def read_goals(path: Path) -> Goals:
    """Return the goals of a file; raises UsageError, which names the fault."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f'{path}: must be an object such as {{"calls": 60}}')
    of_all = {name: value for name, value in content.items() if name not in GROUPS}
    groups = [content.get(name, {}) for name in GROUPS]
    for name, group in zip(GROUPS, groups, strict=True):
        if not isinstance(group, dict) or not all(isinstance(it, dict) for it in group.values()):
            raise UsageError(f"{path}: {name} must be an object of objects")
    for goals in (of_all, *(it for group in groups for it in group.values())):
        _check(path, goals)
    return Goals(of_all, *groups)


def _check(path: Path, goals: Mapping[str, Any]) -> None:
    for name, value in goals.items():
        if name not in MEASURES:
            raise UsageError(f"{path}: {name!r} is not one of {', '.join(MEASURES)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
            raise UsageError(f"{path}: {name}: must be a number above 0, a week")
