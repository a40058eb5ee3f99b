"""
Senders and recipients of e-mails, from the properties of an e-mail. Pure.

`hs_email_headers` is a JSON text in which addresses and names stay together. The lists such as
`hs_email_to_email` lose that pairing: they are the fallback, and complete the raw texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hubspot_api.activity_properties import HEADERS, PEOPLE, PERSON_PARTS, ROLES
from hubspot_api.json_codec import parse_json

Get = Callable[[str], Any]
"""From the name of a property to its text; None or an empty text for an absent value."""

Json = dict[str, Any]

_PROPERTIES = {
    role: tuple((f"hs_email_{role}_{part}", key) for part, key in PERSON_PARTS.items())
    for role in (*PEOPLE, *ROLES)
}


def read_people(get: Get) -> Json:
    """
    Return the people of an e-mail as members of v1's `metadata`; a role of nobody is left out.

    Texts that cannot be assigned to a person are members, too, under the property's own name.
    """
    headers, members = _read_headers(get)
    for role in PEOPLE:
        if person := _one_person(get, role, headers.get(role)):
            members[role] = person
    for role in ROLES:
        if people := _several_people(get, role, headers.get(role), members):
            members[role] = people
    return members


def _read_headers(get: Get) -> tuple[Mapping[str, Any], Json]:
    """Return sender and recipients by role; other headers, or a text that is none, as a member."""
    text = get(HEADERS)
    if not text:
        return {}, {}
    headers = parse_text(text)
    if not isinstance(headers, dict):
        return {}, {HEADERS: text}
    others = {name: headers[name] for name in sorted(headers.keys() - _PROPERTIES.keys())}
    return headers, {HEADERS: others} if others else {}


def _one_person(get: Get, role: str, person: Any) -> Any:
    """Return a sender, completed by the properties of each part; None for nobody."""
    parts = {key: text for name, key in _PROPERTIES[role] if (text := get(name))}
    if person is None:
        return parts
    return {**parts, **person} if isinstance(person, dict) else person


def _several_people(get: Get, role: str, people: Any, members: Json) -> Any:
    """Return the recipients of a role; add texts without a person to `members`."""
    if people is None:
        return _people_by_position(get, role, members)
    name, key = _PROPERTIES[role][-1]
    raw = get(name)
    if not raw:
        return people
    raws = raw.split(";")
    are_people = isinstance(people, list) and all(isinstance(one, dict) for one in people)
    if not are_people or len(raws) != len(people):
        members[name] = raw
        return people
    return [
        {key: text, **person} if text else person for text, person in zip(raws, people, strict=True)
    ]


def _people_by_position(get: Get, role: str, members: Json) -> list[Json]:
    """Return the recipients that lists of their parts tell; the number of e-mails counts."""
    texts = {name: text for name, _ in _PROPERTIES[role] if (text := get(name))}
    if not texts:
        return []
    number = len(next(iter(texts.values())).split(";"))
    people: list[Json] = [{} for _ in range(number)]
    for name, key in _PROPERTIES[role]:
        parts: Sequence[str] = texts.get(name, "").split(";") if name in texts else ()
        if len(parts) == number:
            for person, part in zip(people, parts, strict=True):
                person.update({key: part} if part else {})
        elif parts:
            members[name] = texts[name]
    return people


def parse_text(text: Any) -> Any:
    """Return a text's JSON, or the text itself if it is none."""
    try:
        return parse_json(text.encode())
    except (AttributeError, ValueError):
        return text
