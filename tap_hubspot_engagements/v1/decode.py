"""
Decodes pages of engagements, by a fast path and a fallback.

Parsing everything into Python objects costs several times as much as the rest of a sync. The fast
path decodes an engagement with only known keys and expected types into structs, and leaves values
that pass through unchanged as text, with the full precision of their numbers. All others are parsed
into dicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from msgspec import Raw

from hubspot_api.json_codec import NUL_ESCAPE, check_utf8, parse_json, without_nul
from tap_hubspot_engagements.engagement import Engagement, is_int64
from tap_hubspot_engagements.source import Unreadable
from tap_hubspot_engagements.typed_engagement import Details, Parts, TypedEngagement
from tap_hubspot_engagements.v1.details import decode_details
from tap_hubspot_engagements.v1.repair import id_in, split_page

LINE_BREAKS = (b"\n", b"\r")  # in JSON only between values, where HubSpot has none


class V1Engagement(TypedEngagement, gc=False):
    """An engagement on the fast path, with its text."""

    text: Raw

    @property
    def whole(self) -> Mapping[str, Any]:
        """The engagement as parsed JSON, parsed at the first call."""
        if self.mapping is None:
            self.mapping = parse_json(bytes(self.text))
        return self.mapping

    def details(self) -> Details | None:
        """Return the metadata of a type with a stream; None for a type mismatch."""
        if self.decoded_details is None:
            assert self.type is not None, "it has a stream"
            try:
                self.decoded_details = decode_details(self.type, self.parts.metadata)
            except msgspec.ValidationError:
                return None
        return self.decoded_details


class _ListBody(msgspec.Struct, gc=False):
    results: list[Raw]
    hasMore: bool  # HubSpot's name
    offset: Any = None
    after: Any = None
    total: Any = None


_decode_list = msgspec.json.Decoder(_ListBody).decode
_decode_parts = msgspec.json.Decoder(Parts).decode


@dataclass(frozen=True)
class Listing:
    """
    A page of a list as HubSpot sends it; cursors and total may be of any type.

    `results` are texts, parsed engagements, or Engagement objects, all of one kind.
    """

    results: Sequence[Any]
    has_more: bool
    offset: Any
    after: Any
    total: Any
    unreadable: Sequence[Unreadable] = ()

    def decoded(self) -> Listing:
        """Return the page with Engagement objects; raise ValueError for a missing id."""
        first = next(iter(self.results), None)
        if isinstance(first, Engagement):
            return self
        decode = _decode_text if isinstance(first, Raw) else Engagement.from_mapping
        return replace(self, results=[decode(result) for result in self.results])

    def check_total(self) -> None:
        """Raise ValueError unless the list names a total."""
        if not is_int64(self.total):
            raise ValueError("total is missing")


def read_list(text: bytes) -> Listing:
    """Return a page, not yet decoded; raise ValueError for a truncated or incomplete page."""
    if any(line_break in text for line_break in LINE_BREAKS):
        return _parse_list(text)  # the fast path would copy a line break into a message
    try:
        check_utf8(text)  # nothing checks the text of values that pass through
        page = _decode_list(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_list(text)
    return Listing(page.results, page.hasMore, page.offset, page.after, page.total)


def read_repaired_list(text: bytes) -> Listing:
    """
    Return a page, not yet decoded, with unreadable records apart.

    Raises ValueError for an incomplete page.
    """
    body, texts = split_page(text)
    readable: list[Any] = []
    unreadable: list[Unreadable] = []
    for record in texts:
        try:
            engagement = parse_json(record, strict=False)
            Engagement.from_mapping(engagement)
            readable.append(engagement)
        except ValueError as error:
            unreadable.append(Unreadable(id_in(record), str(error)))
    offset, after, total = map(body.get, ("offset", "after", "total"))
    return Listing(readable, body["hasMore"], offset, after, total, unreadable)


def read_one(text: bytes) -> Engagement | None:
    """Return a single engagement, None for an empty text; raise ValueError for anything else."""
    return Engagement.from_mapping(parse_json(text)) if text.strip() else None


def remove_nul(engagement: Engagement) -> Engagement:
    """Return an engagement without U+0000 in its texts: the same object without any."""
    if isinstance(engagement, V1Engagement) and not NUL_ESCAPE.search(engagement.text):
        return engagement
    mapping = without_nul(engagement.whole)
    return engagement if mapping == engagement.whole else Engagement.from_mapping(mapping)


def _decode_text(text: Raw) -> Engagement:
    try:
        parts = _decode_parts(text)
    except msgspec.ValidationError:
        return Engagement.from_mapping(parse_json(bytes(text)))
    inner = parts.engagement
    # By position, which is faster than by name.
    return V1Engagement(
        inner.id, inner.portalId, inner.type, inner.lastUpdated, None, parts, None, text
    )


def _parse_list(text: bytes) -> Listing:
    body = parse_json(text)
    if not isinstance(body, dict):
        raise ValueError("not an object")
    results, has_more = body.get("results"), body.get("hasMore")
    if not isinstance(results, list) or not isinstance(has_more, bool):
        raise ValueError("results or hasMore is missing")
    return Listing(results, has_more, body.get("offset"), body.get("after"), body.get("total"))
