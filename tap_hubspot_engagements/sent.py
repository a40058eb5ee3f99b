"""
Engagements as HubSpot sent them: decoded at once where they are as expected, whole on demand.

Making objects of everything that HubSpot sends costs several times as much as all the rest of a
sync. An engagement whose keys are known and whose values have their types is decoded into structs,
with what only passes through left as text; any other has the careful way of records.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from tap_hubspot_engagements.json_text import check_utf8, parse_json, to_json
from tap_hubspot_engagements.mending import Broken, id_in, take_apart
from tap_hubspot_engagements.records import (
    CALL_TYPES,
    EMAIL_TYPES,
    EMAILS,
    INNER,
    INNER_TYPES,
    INT64_MAX,
    INT64_MIN,
    MEETING_TYPES,
    NOTE_TYPES,
    OUTER_TYPES,
    PEOPLE,
    PERSON_TYPES,
    ROLES,
    TASK_TYPES,
    TEXT_OF_INT,
    has_type,
    last_updated_ms,
    type_of,
)

LINE_BREAKS = (b"\n", b"\r")  # in JSON only between values, where HubSpot has none
Int64 = Annotated[int, Meta(ge=INT64_MIN, le=INT64_MAX)]
# What a struct holds of each of records.py's types; what lists and objects hold stays text.
HELD: Mapping[Any, Any] = {
    int: Int64,
    bool: bool,
    str: str,
    list: list[Raw],
    dict: dict[str, Raw],
    TEXT_OF_INT: str,
}


def _struct(name: str, types: Mapping[str, Any]) -> Any:
    """Return a struct of these properties, null where they are missing, and of no others."""
    fields: list[Any] = [(f"f_{one}", held, default) for one, (held, default) in types.items()]
    renamed = {f"f_{one}": one for one in types}
    return msgspec.defstruct(name, fields, rename=renamed, forbid_unknown_fields=True, gc=False)


def _nullable(types: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (HELD[kind] | None, None) for name, kind in types.items()}


PERSON: Any = _struct("Person", _nullable(PERSON_TYPES))
_Inner = _struct("Inner", {**_nullable(INNER_TYPES), "id": (Int64, msgspec.NODEFAULT)})
_Engagement = _struct(
    "Engagement",
    {
        INNER: (_Inner, msgspec.NODEFAULT),
        **dict.fromkeys(OUTER_TYPES, (Raw, Raw(b"null"))),
    },
)
_Email = _struct(
    "Email",
    {
        **_nullable(EMAIL_TYPES),
        **dict.fromkeys(PEOPLE, (PERSON | None | UnsetType, None)),
        **dict.fromkeys(ROLES, (list[PERSON] | None | UnsetType, None)),
    },
)


class _List(msgspec.Struct, gc=False):
    results: list[Raw]
    hasMore: bool  # HubSpot's name
    offset: Any = None
    after: Any = None
    total: Any = None


_decode_list = msgspec.json.Decoder(_List).decode
_decode_engagement = msgspec.json.Decoder(_Engagement).decode
_TYPED = {"NOTE": NOTE_TYPES, "TASK": TASK_TYPES, "CALL": CALL_TYPES, "MEETING": MEETING_TYPES}
_DETAILS: Mapping[str, Any] = {
    **{kind: _struct(kind.title(), _nullable(types)) for kind, types in _TYPED.items()},
    **dict.fromkeys(EMAILS, _Email),
}
_DECODE_DETAILS = {
    kind: msgspec.json.Decoder(struct | None).decode for kind, struct in _DETAILS.items()
}


@dataclass(frozen=True)
class Details:
    """
    The metadata of an engagement: its own columns as members of a JSON object, and an e-mail's
    people, each None where there is nobody.
    """

    members: bytes
    people: Mapping[str, Any]
    recipients: Mapping[str, Any]


class Sent(msgspec.Struct, gc=False):
    """
    An engagement, as text or parsed already.

    `decoded` has fields f_engagement (in it f_id and so on), f_metadata and so on; it is None where
    something in it is not as expected.
    """

    text: Raw | None
    decoded: Any = None
    parsed: Mapping[str, Any] | None = None
    parsed_details: Details | None = None

    @property
    def whole(self) -> Mapping[str, Any]:
        """All that HubSpot sent."""
        if self.parsed is None:
            assert self.text is not None, "it has one of the two"
            self.parsed = parse_json(bytes(self.text))
        return self.parsed

    @property
    def id(self) -> int:
        found: int = self.decoded.f_engagement.f_id if self.decoded else self.whole[INNER]["id"]
        return found

    @property
    def portal_id(self) -> int | None:
        """The portal that it belongs to; None where it does not say."""
        if self.decoded:
            found: int | None = self.decoded.f_engagement.f_portalId
            return found
        portal = self.whole[INNER].get("portalId")
        return portal if has_type(portal, int) else None

    @property
    def kind(self) -> str | None:
        """HubSpot's `type`."""
        found: str | None = (
            self.decoded.f_engagement.f_type if self.decoded else type_of(self.whole)
        )
        return found

    @property
    def last_updated_ms(self) -> int | None:
        """When it was last updated, in Unix ms; None where it does not say."""
        if self.decoded:
            found: int | None = self.decoded.f_engagement.f_lastUpdated
            return found
        return last_updated_ms(self.whole)

    def details(self) -> Details | None:
        """Return the metadata of a type that has a stream; None where it is not as expected."""
        if self.parsed_details is None:
            try:
                kind = self.decoded.f_engagement.f_type
                self.parsed_details = _read_details(kind, self.decoded.f_metadata)
            except msgspec.ValidationError:
                return None
        return self.parsed_details


@dataclass(frozen=True)
class Listing:
    """A page of a list, not yet decoded: HubSpot's cursors and total are whatever it sent."""

    results: Sequence[Any]
    has_more: bool
    offset: Any
    after: Any
    total: Any

    broken: Sequence[Broken] = ()

    def engagements(self) -> list[Sent]:
        """Return the engagements; raises ValueError where one has no id."""
        decode = _to_sent if isinstance(next(iter(self.results), None), Raw) else sent_whole
        return [decode(one) for one in self.results]


def read_list(text: bytes) -> Listing:
    """Return a page of engagements; ValueError for half of one."""
    if any(one in text for one in LINE_BREAKS):
        return _read_carefully(text)  # it would be copied into the midst of a message
    try:
        check_utf8(text)  # what passes through as text is not looked at again
        page = _decode_list(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_carefully(text)
    return Listing(page.results, page.hasMore, page.offset, page.after, page.total)


def read_mended(text: bytes) -> Listing:
    """
    Return a page of engagements without those that cannot be read, which are in `broken`.

    Raises ValueError for half of a page.
    """
    body, texts = take_apart(text)
    good: list[Any] = []
    broken: list[Broken] = []
    for one in texts:
        try:
            engagement = parse_json(one, strict=False)
            sent_whole(engagement)
            good.append(engagement)
        except ValueError as error:
            broken.append(Broken(id_in(one), str(error)))
    offset, after, total = body.get("offset"), body.get("after"), body.get("total")
    return Listing(good, body["hasMore"], offset, after, total, broken)


def read_one(text: bytes) -> Sent | None:
    """Return an engagement that was asked for by its id, None of an empty answer; ValueError."""
    return sent_whole(parse_json(text)) if text.strip() else None


def sent_whole(engagement: Any) -> Sent:
    """Return what is parsed already; ValueError where it has no id to go by."""
    inner = engagement.get(INNER) if isinstance(engagement, Mapping) else None
    if isinstance(inner, Mapping) and _is_id_as_text(inner.get("id")):
        # As HubSpot's newer API has them.
        inner = {**inner, "id": int(inner["id"])}
        engagement = {**engagement, INNER: inner}
    if not isinstance(inner, Mapping) or not has_type(inner.get("id"), int):
        raise ValueError("an engagement without an id")
    return Sent(None, parsed=engagement)


def _is_id_as_text(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19


def _to_sent(text: Raw) -> Sent:
    try:
        return Sent(text, _decode_engagement(text))
    except msgspec.ValidationError:
        return sent_whole(parse_json(bytes(text)))


def _read_carefully(text: bytes) -> Listing:
    body = parse_json(text)
    if not isinstance(body, dict):
        raise ValueError("not an object")
    results, has_more = body.get("results"), body.get("hasMore")
    if not isinstance(results, list) or not isinstance(has_more, bool):
        raise ValueError("results or hasMore is missing")
    return Listing(results, has_more, body.get("offset"), body.get("after"), body.get("total"))


def _read_details(kind: str, text: Any) -> Details:
    found = _DECODE_DETAILS[kind](text) or _DETAILS[kind]()
    people, recipients = {}, {}
    if kind in EMAILS:
        people = {name: getattr(found, f"f_{name}") for name in PEOPLE}
        recipients = {role: getattr(found, f"f_{role}") for role in ROLES}
        # They are no members of their e-mail's record.
        for name in (*PEOPLE, *ROLES):
            setattr(found, f"f_{name}", UNSET)
    return Details(to_json(found)[1:-1], people, recipients)
