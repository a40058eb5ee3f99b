"""The owners of a portal: names, e-mail addresses and teams, as far as they are loaded."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engagements_report.exceptions import UsageError
from engagements_report.queries.database import Database
from engagements_report.queries.periods import NO_OWNER
from engagements_report.queries.statements import SqlText

COLUMNS = ("id", "firstName", "lastName", "email", "teams")
NO_OWNER_NAME, NO_TEAM_NAME = "(no owner)", "(no team)"
NOT_LOADED = "owners is not loaded: select that stream in the tap's catalog"


@dataclass(frozen=True)
class Owner:
    """An owner; `teams` are (id, name), the primary team first. Texts may be empty."""

    id: int
    name: str
    email: str = ""
    teams: tuple[tuple[str, str], ...] = ()

    @property
    def team(self) -> str:
        """The name of the primary team, else of the first."""
        return self.teams[0][1] if self.teams else NO_TEAM_NAME


@dataclass(frozen=True)
class People:
    """The owners by id, and notes on a table or column that is missing."""

    owners: Mapping[int, Owner] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def name(self, owner_id: int) -> str:
        """Return an owner's name, else the e-mail address, else `owner 70`."""
        if owner_id == NO_OWNER:
            return NO_OWNER_NAME
        owner = self.owners.get(owner_id)
        return (owner and (owner.name or owner.email)) or f"owner {owner_id}"

    def team(self, owner_id: int) -> str:
        """Return the name of an owner's primary team, NO_TEAM_NAME for none."""
        owner = self.owners.get(owner_id)
        return owner.team if owner else NO_TEAM_NAME


def read_people(database: Database) -> People:
    """Return the owners that are loaded; without their table none, and a note."""
    existing = database.columns().get("owners", set())
    if "id" not in existing:
        return People(notes=(NOT_LOADED,))
    names = [name if name in existing else f"NULL AS {name}" for name in COLUMNS]
    rows = database.query(SqlText(f"SELECT {', '.join(names)} FROM owners ORDER BY id")).rows
    lacking = ", ".join(name for name in COLUMNS if name not in existing)
    note = f"owners lacks {lacking}: select that field in the tap's catalog"
    return People({row[0]: _to_owner(row) for row in rows}, (note,) if lacking else ())


def _to_owner(row: Sequence[object]) -> Owner:
    owner_id, first, last, email, teams = row
    assert isinstance(owner_id, int), "the column is a whole number"
    name = " ".join(str(part) for part in (first, last) if part).strip()
    return Owner(owner_id, name, str(email or ""), _to_teams(teams))


def _to_teams(text: object) -> tuple[tuple[str, str], ...]:
    """Return (id, name) of each team of a JSON list such as [{"id": "4", "name": "West"}]."""
    try:
        teams = json.loads(text) if isinstance(text, (str, bytes)) else []
    except ValueError:
        return ()
    teams = [team for team in teams or () if isinstance(team, dict)]
    teams.sort(key=lambda team: team.get("primary") is not True)
    return tuple(
        (str(team.get("id", "")), str(team.get("name") or f"team {team.get('id')}"))
        for team in teams
    )


def find_owner(people: People, text: str) -> int:
    """
    Return the id of the owner with this id, e-mail address or name; NO_OWNER for `none`.

    Case does not count. Raises UsageError if no owner or more than one has it; a number that is no
    known owner's id is taken as it is.
    """
    wanted = text.strip().casefold()
    if wanted == "none":
        return NO_OWNER
    if wanted.isdecimal():
        return int(wanted)
    matches = [
        owner
        for owner in people.owners.values()
        if wanted and wanted in (owner.email.casefold(), owner.name.casefold())
    ]
    if len(matches) == 1:
        return matches[0].id
    if matches:
        ids = ", ".join(str(owner.id) for owner in matches)
        raise UsageError(f"--owner: {text!r} is the name of several owners: give the id ({ids})")
    known = [text for it in people.owners.values() for text in (it.name, it.email) if text]
    raise UsageError(
        f"--owner: no owner has the name or e-mail {text!r}{_hint(people, text, known)}"
    )


def find_team(people: People, text: str) -> frozenset[int]:
    """
    Return the ids of the owners in the team of this name or id, primary or not.

    Case does not count. Raises UsageError for a team that no owner is in.
    """
    wanted = text.strip().casefold()
    members = frozenset(
        owner.id
        for owner in people.owners.values()
        if any(wanted in (team_id, name.casefold()) for team_id, name in owner.teams)
    )
    if not members:
        known = {name for owner in people.owners.values() for _, name in owner.teams}
        raise UsageError(f"--team: no owner is in a team {text!r}{_hint(people, text, known)}")
    return members


def select_owners(people: People, owners: Iterable[str], teams: Iterable[str]) -> tuple[int, ...]:
    """
    Return the ids of these owners, or of these teams' owners, or of those that are both.

    Empty for neither: all count. Raises UsageError for unknown names, and if nobody is both.
    """
    ids = list(dict.fromkeys(find_owner(people, text) for text in owners))
    members = frozenset[int]().union(*(find_team(people, text) for text in teams))
    if not members:
        return tuple(ids)
    if ids and not members.intersection(ids):
        raise UsageError("--owner and --team: none of these owners is in one of these teams")
    return tuple(one for one in ids or sorted(members) if one in members)


def _hint(people: People, text: str, known: Collection[str]) -> str:
    """Return what is similar to a name, or why no name is known."""
    if people.notes:
        return f": {people.notes[0]}"
    by_folded = {name.casefold(): name for name in sorted(known)}
    near = [name for name in by_folded if text.strip().casefold() in name][:3]
    near = near or difflib.get_close_matches(text.casefold(), by_folded, n=3, cutoff=0.5)
    return f"; did you mean {', '.join(by_folded[name] for name in near)}?" if near else ""
