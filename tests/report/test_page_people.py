"""The page of a sales team: what changed most, people, their goals, and links into HubSpot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engagements_report.exceptions import UsageError
from engagements_report.page.goals import read_goals
from engagements_report.page.links import address_of
from engagements_report.queries.last_engagements import LastEngagement
from tests.conftest import TestDatabase
from tests.report import sales_team
from tests.report.conftest import Reports
from tests.report.html_page import Page, Write
from tests.report.sales_team import LAST_WEEK, NAMES, TEAMS


def rows_of(page: Page) -> dict[str, dict[str, str]]:
    """Return the rows of the table of people by name and column."""
    head, *rows = page.tables["people"]
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_the_falls_are_told_first(database: TestDatabase, write: Write) -> None:
    """
    A fall of calls by a third, and of one person's by 60 %, are what changed most; nothing else is.
    """
    sales_team.fill(database)
    page = Page(write(*LAST_WEEK))
    changes = page.text("changes")
    assert "▼ −60 % Ada Ampere , calls: 20 against 50 ▼ −33 % Calls : 100 against 150" in changes
    assert changes.count("against") == 2
    assert "Compared with the mean of 8 weeks before; chance is left out." in changes
    assert "Calls 100 10 weeks: 150, " in page.text("head")
    assert "▼ −33 % 150 the week before 150 mean of 8 weeks" in page.text("head")
    assert "Week 11, 9 to 15 March 2026" in page.texts["head"]


def test_changes_are_those_of_the_report(
    database: TestDatabase, reports: Reports, write: Write
) -> None:
    """
    The page tells the changes of the report `changes`, in its order.
    """
    sales_team.fill(database)
    of_report = [(row[1], round(float(row[3]))) for row in reports.rows("changes", *LAST_WEEK)]
    texts = [text for text in Page(write(*LAST_WEEK)).texts["changes"] if " against " in text]
    of_page = [text.split(": ")[1].split(" against ") for text in texts]
    assert [(now, int(mean)) for now, mean in of_page] == of_report


def test_a_change_of_engagements_without_a_type(
    database: TestDatabase, reports: Reports, write: Write
) -> None:
    """
    Engagements whose type is empty are named as such, in the report and on the page.
    """
    sales_team.fill(database)
    database.query("UPDATE engagements SET type = '' WHERE type = 'CALL'")
    sentences = [row[0] for row in reports.rows("changes", *LAST_WEEK)]
    assert sentences == [
        "Ada Ampere: engagements without a type fell by 60 %, to 20 from 50.0",
        "Engagements without a type fell by 33 %, to 100 from 150.0",
    ]
    on_page = Page(write(*LAST_WEEK)).text("changes")
    assert "Ada Ampere , engagements without a type: 20 against 50" in on_page
    assert "Engagements without a type : 100 against 150" in on_page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "2026-01-12", "--to", "2026-01-18"), "The data covers 1 period before"),
        (("--from", "2026-03-02", "--to", "2026-03-08"), "Nothing changed more than chance"),
        (LAST_WEEK, "Not all of these days are loaded"),
    ],
)
def test_why_no_change_is_told(
    database: TestDatabase, write: Write, arguments: tuple[str, ...], words: str
) -> None:
    """
    Without enough weeks before, in a week as any other, or in one that is not all loaded, a
    sentence says why there is none.
    """
    sales_team.fill(database)
    database.query("UPDATE engagements SET _sdc_batched_at = '2026-03-13 12:00:00'")
    page = Page(write(*arguments))
    assert words in page.text("changes")
    is_loaded = arguments != LAST_WEEK
    assert ("All of these days are in." in page.text("head")) == is_loaded
    assert ("from 2026-03-13 on nothing is complete" in page.text("head")) != is_loaded


def test_the_row_of_a_person(database: TestDatabase, write: Write) -> None:
    """
    A row has a person's team, numbers and change; the weeks; and what others have recorded.
    """
    sales_team.fill(database)
    sunday_ms = 1_772_960_400_000  # 8 March 2026, 9:00 UTC
    tasks = ("(9001, NULL, 'NOT_STARTED')", "(9002, NULL, 'COMPLETED')")
    for number in (9001, 9002):
        database.query(
            "INSERT INTO engagements (id, createdAt, `timestamp`, type, ownerId)"
            " VALUES (%s, %s, %s, 'TASK', 70)",
            (number, sunday_ms, sunday_ms),
        )
    database.query(
        "INSERT INTO engagement_tasks (engagementId, completionDate, status) VALUES "
        + ", ".join(tasks)
    )
    people = rows_of(Page(write(*LAST_WEEK)))
    assert list(people) == ["Bea Bohr", "Cem Curie", "Ada Ampere"]
    ada = people["Ada Ampere"]
    assert (ada["team"], ada["calls"], ada["change"]) == ("West", "20", "▼ −60 %")
    odd = sum(
        number % 2
        for number, at_ms, kind, owner in sales_team.rows()
        if kind == "CALL" and owner == 70 and at_ms >= sunday_ms
    )
    assert ada["connected"] == f"{int(100 * odd / 20 + 0.5)} %"
    assert (ada["e-mails"], ada["overdue"], ada["last seen"]) == ("30", "1", "13 Mar")
    assert ada["10 weeks"].strip() == "10 weeks: 80, 80, 80, 80, 80, 80, 80, 80, 82, 50"


def test_a_section_a_person(database: TestDatabase, write: Write) -> None:
    """
    Each person has 14-day lines and the last engagements, newest first, each linked into HubSpot.
    """
    sales_team.fill(database)
    last_of_ada = [row for row in sales_team.rows() if row[3] == 70][-10:]
    newest = max(last_of_ada, key=lambda row: (row[1], row[0]))
    database.query(
        "INSERT INTO engagement_associations VALUES (%s, 'company', 5), (%s, 'contact', 88)",
        (newest[0], newest[0]),
    )
    html = write(*LAST_WEEK)
    page = Page(html)
    section = html.split('id="p70"')[1].split("</details>")[0]
    assert [section.count(f'class="line {name}"') for name in ("call", "email")] == [1, 1]
    assert (
        "50 engagements, 20 calls, 30 e-mails sent"
        in html.split('id="p70"')[0].rsplit("<details", 1)[1]
    )
    assert "EMAIL 4.3 (±0 %)" in page.text("p70") and "CALL 5.0 (−30 %)" in page.text("p70")
    rows = page.tables["p70"]
    assert len(rows) == 6
    titles = {"CALL": f"Call {newest[0]}", "EMAIL": f"Offer <{newest[0]}>"}
    assert rows[0][1:] == [newest[2], titles[newest[2]]]
    assert rows[0][0].startswith("13 Mar, ")
    links = [link for link in page.addresses if link.startswith("https://")]
    assert f"https://app.hubspot.com/contacts/4321/record/0-1/88?engagement={newest[0]}" in links
    assert len(links) == 6 * len(NAMES)


def test_where_hubspot_shows_an_engagement() -> None:
    """
    On the timeline of a record that it is tied to; else on its own page; nowhere without portal.
    """
    call = LastEngagement(7, 4321, "CALL", 70, 0, "", ("deal", 9))
    assert address_of(call) == "https://app.hubspot.com/contacts/4321/record/0-3/9?engagement=7"
    untied = call._replace(record=None)
    assert address_of(untied) == "https://app.hubspot.com/contacts/4321/record/0-48/7"
    assert address_of(untied._replace(type="HOLOGRAM")) is None
    assert address_of(call._replace(portal=None)) is None


def test_goals(database: TestDatabase, write: Write, tmp_path: Path) -> None:
    """
    A person's goal counts before the team's, the team's before that of all; two weeks have twice.
    """
    sales_team.fill(database)
    goals = {
        "calls": 50,
        "teams": {"West": {"calls": 25}},
        "people": {"cem@seller.example": {"calls": 10}, "71": {"emails_sent": 60}},
    }
    file = tmp_path / "goals.json"
    file.write_text(json.dumps(goals))
    people = rows_of(Page(write(*LAST_WEEK, "--goals", file)))
    shares = {name: row["calls of goal"].strip() for name, row in people.items()}
    assert shares == {"Ada Ampere": "80 %", "Bea Bohr": "80 %", "Cem Curie": "400 %"}
    assert people["Bea Bohr"]["e-mails sent of goal"].strip() == "50 %"
    assert people["Ada Ampere"]["e-mails sent of goal"] == "–"
    two_weeks = ("--from", "2026-03-02", "--to", "2026-03-15")
    people = rows_of(Page(write(*two_weeks, "--goals", file)))
    assert people["Ada Ampere"]["calls of goal"].strip() == "140 %"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "is no JSON"),
        ("[]", 'must be an object such as {"calls": 60}'),
        ('{"cals": 60}', "'cals' is not one of engagements, calls"),
        ('{"calls": 0}', "calls: must be a number above 0"),
        ('{"calls": true}', "calls: must be a number above 0"),
        ('{"teams": {"West": 5}}', "teams must be an object of objects"),
    ],
)
def test_goals_that_are_none(tmp_path: Path, text: str, fault: str) -> None:
    """
    A fault in the file of goals is named.
    """
    file = tmp_path / "goals.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r".*") as raised:
        read_goals(file)
    assert str(file) in str(raised.value) and fault in str(raised.value)


def test_teams_that_people_can_be_filtered_by(database: TestDatabase, write: Write) -> None:
    """
    Each team has a radio button, and a rule that hides the others; nobody is hidden at first.
    """
    sales_team.fill(database)
    html = write(*LAST_WEEK)
    teams = sorted(set(TEAMS.values()))
    for nth, team in enumerate(teams):
        assert f'id="team-{nth}"> {team}</label>' in html
        assert f"body:has(#team-{nth}:checked) .of-team:not(.t{nth}){{display:none}}" in html
    for owner, team in TEAMS.items():
        row = f'<tr class="of-team t{teams.index(team)}"><th class="short"><a href="#p{owner}">'
        assert row in html
    assert html.count('<details class="person of-team t') == 3
    assert 'id="team-all" checked' in html


def test_teams_are_compared(database: TestDatabase, reports: Reports, write: Write) -> None:
    """
    Each team's engagements and calls are those of the report `teams`.
    """
    sales_team.fill(database)
    head, *rows = Page(write(*LAST_WEEK)).tables["teams"]
    assert head == ["team", "engagements", "change", "calls", "change"]
    assert rows == [
        ["East", "70", "▼ −12 %", "40", "▼ −20 %"],
        ["West", "120", "▼ −25 %", "60", "▼ −40 %"],
    ]
    of_report = {row[0]: (row[2], row[6]) for row in reports.rows("teams", *LAST_WEEK)}
    assert all(of_report[row[0]] == (row[1], row[3]) for row in rows)
