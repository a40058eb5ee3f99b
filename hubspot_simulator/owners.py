"""
The owners of engagements, in the form of `/crm/v3/owners`.

Ids are strings here and numbers in engagements; archived owners have a list of their own
(HubSpot's owners guide; Estuary's connector).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Owner = dict[str, Any]

FIRST_USER_ID = 9_586_504


def owners(ids: Iterable[int]) -> list[Owner]:
    """Return an owner for each id, in order of id; every third owner is archived."""
    return [_owner(owner_id, number) for number, owner_id in enumerate(sorted(ids))]


def _owner(owner_id: int, number: int) -> Owner:
    archived = number % 3 == 2
    user_id = FIRST_USER_ID + number
    owner: Owner = {
        "id": str(owner_id),
        "email": f"owner{number}@example.com",
        "type": "PERSON",
        "firstName": f"Ada {number}",
        "lastName": "Łovelace 🙂",
        "userId": None if archived else user_id,
        "userIdIncludingInactive": user_id,
        "createdAt": "2019-12-25T13:01:35.228Z",
        "updatedAt": "2026-01-31T08:00:00.5Z",
        "archived": archived,
    }
    if number % 2:  # HubSpot leaves the key out for owners without teams
        owner["teams"] = [{"id": "368389", "name": "Sales", "primary": True}]
    return owner
