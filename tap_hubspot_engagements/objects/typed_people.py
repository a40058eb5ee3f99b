"""
Senders and recipients of e-mails as typed structs: the fast path of people.py. Pure.

`hs_email_headers` is decoded straight into structs. Anything that people.py would treat in another
way than a plain list of people is left to people.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from hubspot_api.activity_properties import HEADERS, PEOPLE, PERSON_PARTS, ROLES
from tap_hubspot_engagements.objects.people import read_people
from tap_hubspot_engagements.properties import PERSON_TYPES, Person, StrictStruct

# A header's null takes precedence over a property, so a person with a null is left to people.py.
_HeaderPerson: Any = msgspec.defstruct(
    "HeaderPerson", [(name, str, None) for name in PERSON_TYPES], bases=(Person,), gc=False
)


class _Headers(StrictStruct):
    from_: _HeaderPerson | None = msgspec.field(default=None, name="from")
    sender: _HeaderPerson | None = None
    to: list[_HeaderPerson] | None = None
    cc: list[_HeaderPerson] | None = None
    bcc: list[_HeaderPerson] | None = None


_decode_headers = msgspec.json.Decoder(_Headers).decode
_get_headers = attrgetter(HEADERS)
_get_parts = {
    role: attrgetter(*(f"hs_email_{role}_{part}" for part in PERSON_PARTS))
    for role in (*PEOPLE, *ROLES)
}
_get_raws = attrgetter(*(f"hs_email_{role}_raw" for role in ROLES))
_PERSON_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(PEOPLE, Person),
    **dict.fromkeys(ROLES, list[Person]),
}

assert tuple(PERSON_PARTS.values()) == tuple(PERSON_TYPES), "a person is built by position"

TypedPeople = tuple[Mapping[str, Person | None], Mapping[str, Sequence[Person] | None]]
"""As in Details: `from` and `sender`, and the lists of recipients by role."""


def read_typed_people(properties: Any) -> TypedPeople:
    """Return an e-mail's people; raise ValueError if they are not all typed."""
    text = _get_headers(properties)
    try:
        headers = _decode_headers(text) if text else None
    except msgspec.DecodeError:
        headers = None
    return (headers and _from_headers(headers, properties)) or _from_fallback(properties)


def _from_headers(headers: _Headers, properties: Any) -> TypedPeople | None:
    """Return the people of headers, completed by properties; None for people.py to read them."""
    recipients = {"to": headers.to, "cc": headers.cc, "bcc": headers.bcc}
    for (role, people), raw in zip(recipients.items(), _get_raws(properties), strict=True):
        if people is None:
            if any(_get_parts[role](properties)):
                return None
            continue
        if raw is None:
            continue
        texts = raw.split(";")
        if len(texts) != len(people):
            return None
        for person, part in zip(people, texts, strict=True):
            if person.raw is None:
                person.raw = part or None
    senders = {
        "from": _complete(headers.from_, _get_parts["from"](properties)),
        "sender": _complete(headers.sender, _get_parts["sender"](properties)),
    }
    return senders, recipients


def _complete(person: Person | None, parts: Sequence[str | None]) -> Person:
    """Return a sender with the parts that the headers lack, in the order of PERSON_TYPES."""
    if person is None:
        return Person(*parts)
    email, first_name, last_name, raw = parts
    if person.email is None:
        person.email = email
    if person.firstName is None:
        person.firstName = first_name
    if person.lastName is None:
        person.lastName = last_name
    if person.raw is None:
        person.raw = raw
    return person


def _from_fallback(properties: Any) -> TypedPeople:
    senders: dict[str, Person | None] = dict.fromkeys(PEOPLE)
    recipients: dict[str, Sequence[Person] | None] = dict.fromkeys(ROLES)
    for role, people in read_people(properties.__getattribute__).items():
        kind = _PERSON_TYPES.get(role)
        if kind is None:
            raise ValueError(role)
        typed = msgspec.convert(people, kind)
        if role in PEOPLE:
            senders[role] = typed
        else:
            recipients[role] = typed
    return senders, recipients
