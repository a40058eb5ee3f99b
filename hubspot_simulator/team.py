"""The sales team of a lifelike portal: who works in it, and how HubSpot lists them as owners."""

from __future__ import annotations

from typing import NamedTuple

from hubspot_simulator.owners import Owner


class Person(NamedTuple):
    """An owner: `activity` is the share of the work, relative to the others."""

    owner_id: int
    first_name: str
    last_name: str
    team: str
    zone: str
    activity: float


PEOPLE = (
    Person(41629779, "Ada", "Lindqvist", "Sales EMEA", "Europe/Berlin", 1.4),
    Person(41629780, "Jürgen", "Brandt", "Sales EMEA", "Europe/Berlin", 1.0),
    Person(41629781, "Inés", "Ferrer", "Sales EMEA", "Europe/Madrid", 0.9),
    Person(41629782, "Olu", "Adeyemi", "Sales EMEA", "Europe/London", 1.2),
    Person(41629783, "Grace", "Palmer", "Sales Americas", "America/New_York", 1.5),
    Person(41629784, "Ben", "Castillo", "Sales Americas", "America/Chicago", 0.8),
    Person(41629785, "Noor", "Haddad", "Sales Americas", "America/Los_Angeles", 1.1),
    Person(41629786, "Łukasz", "Nowak", "Customer Success", "Europe/Warsaw", 1.0),
    Person(41629787, "Mei", "Tanaka", "Customer Success", "Asia/Tokyo", 0.7),
    Person(41629788, "Zoë", "Byrne", "Customer Success", "Europe/Dublin", 0.5),
)
WHO_CALLS_LESS = PEOPLE[4]
TEAM_IDS = {"Sales EMEA": 368389, "Sales Americas": 368390, "Customer Success": 368391}


def owners() -> list[Owner]:
    """Return the team as `/crm/v3/owners` lists them."""
    return [
        {
            "id": str(person.owner_id),
            "email": f"{person.first_name.lower()}@seller.example",
            "type": "PERSON",
            "firstName": person.first_name,
            "lastName": person.last_name,
            "userId": user_id(person),
            "userIdIncludingInactive": user_id(person),
            "createdAt": "2019-12-25T13:01:35.228Z",
            "updatedAt": "2026-01-31T08:00:00.5Z",
            "archived": False,
            "teams": [{"id": str(TEAM_IDS[person.team]), "name": person.team, "primary": True}],
        }
        for person in PEOPLE
    ]


def user_id(person: Person) -> int:
    """Return the id of an owner as a user."""
    return 9_586_504 + PEOPLE.index(person)
