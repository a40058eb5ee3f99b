"""Owners and teams by id, e-mail or name."""

from __future__ import annotations

import json

import pytest

from engagements_report.exceptions import UsageError
from engagements_report.queries.people import Owner, People, find_owner, find_team, select_owners
from tests.conftest import TestDatabase
from tests.report.tables import create_tables, run

WEST, EAST = ("4", "West"), ("5", "East")
PEOPLE = People(
    {
        1: Owner(1, "Ada Byron", "ada@seller.example", (WEST, EAST)),
        2: Owner(2, "Łukasz Nowak", "", (EAST,)),
        3: Owner(3, "", "mei@seller.example"),
        4: Owner(4, "Łukasz Nowak", "other@seller.example"),
    }
)


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("none", 0),
        ("1", 1),
        ("404", 404),
        ("ada byron", 1),
        ("ADA@seller.example", 1),
        (" Mei@Seller.example ", 3),
    ],
)
def test_an_owner_has_an_id_a_name_and_an_address(text: str, owner: int) -> None:
    """
    Case and spaces around do not count; a number is an id, known or not.
    """
    assert find_owner(PEOPLE, text) == owner


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("łukasz nowak", r"the name of several owners: give the id \(2, 4\)"),
        ("Ada Byrne", "no owner has the name or e-mail 'Ada Byrne'; did you mean Ada Byron"),
        ("mei", "did you mean mei@seller.example?"),
        ("", "no owner has the name or e-mail ''"),
    ],
)
def test_a_name_that_is_no_single_owner(text: str, message: str) -> None:
    """
    A name of nobody, or of several owners, is an error that names those who may be meant.
    """
    with pytest.raises(UsageError, match=message):
        find_owner(PEOPLE, text)


def test_teams() -> None:
    """
    A team has all of its owners, primary or not, by its name or id; with owners, both must hold.
    """
    assert find_team(PEOPLE, "east") == {1, 2}
    assert find_team(PEOPLE, "4") == {1}
    assert select_owners(PEOPLE, [], ["West", "East"]) == (1, 2)
    assert select_owners(PEOPLE, ["2", "3"], ["East"]) == (2,)
    assert select_owners(PEOPLE, ["3", "none", "3"], []) == (3, 0)
    with pytest.raises(UsageError, match="none of these owners is in one of these teams"):
        select_owners(PEOPLE, ["3"], ["East"])
    with pytest.raises(UsageError, match="no owner is in a team 'Wst'; did you mean West"):
        find_team(PEOPLE, "Wst")


def test_teams_as_they_are_loaded(database: TestDatabase) -> None:
    """
    The primary team is an owner's; odd values of teams are no team. Without the stream owners an
    error names it.
    """
    create_tables(database)
    database.query("ALTER TABLE owners ADD teams LONGTEXT")
    teams = [{"id": "4", "name": "West"}, {"id": "5", "name": "East", "primary": True}]
    for owner, text in ((1, json.dumps(teams)), (2, "no JSON"), (3, None), (4, '["West", null]')):
        database.query(
            "INSERT INTO owners (id, firstName, teams) VALUES (%s, 'A', %s)", (owner, text)
        )
        database.query(
            "INSERT INTO engagements (createdAt, type, ownerId)"
            f" VALUES (1530000000000, 'CALL', {owner}), (1530000000000, 'CALL', 0)"
        )
    week = ("--from", "2018-06-25", "--to", "2018-07-01", "--format", "csv")
    lines = run(database, "teams", *week).out.splitlines()[1:]
    assert [line.split(",")[:3] for line in lines] == [
        ["(no owner)", "0", "4"],
        ["(no team)", "3", "3"],
        ["East", "1", "1"],
        ["(all teams)", "4", "8"],
    ]
    assert "no engagements of type NOTE" in run(database, "changes", *week, "--type", "NOTE").err
    database.query("DROP TABLE owners")
    done = run(database, "owners", "--team", "West")
    assert (done.code, done.out) == (2, "")
    assert "no owner is in a team 'West': owners is not loaded" in done.err
