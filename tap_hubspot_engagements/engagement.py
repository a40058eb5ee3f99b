"""An engagement in the shape of v1's JSON, from any source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from tap_hubspot_engagements.properties import INNER, INT64_MAX, INT64_MIN

MAX_ID_LENGTH = 18  # digits of an id as text that surely fit into 64 bits


class Engagement(msgspec.Struct, gc=False):
    """
    An engagement, with the facts that every page needs.

    `portal_id`, `type` and `last_updated_ms` (Unix ms) are None if HubSpot does not name them.
    A source may extend this class by a form with a fast path to records.
    """

    has_fast_path: ClassVar[bool] = False
    id: int
    portal_id: int | None
    type: str | None
    last_updated_ms: int | None
    mapping: Mapping[str, Any] | None

    @property
    def whole(self) -> Mapping[str, Any]:
        """The engagement as parsed JSON."""
        assert self.mapping is not None, "classes without a mapping override this"
        return self.mapping

    @classmethod
    def from_mapping(cls, value: object) -> Engagement:
        """
        Return the engagement of parsed JSON.

        An id may be text, as in HubSpot's newer APIs. Raises ValueError for a value without an id.
        """
        inner = value.get(INNER) if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping) or not isinstance(inner, Mapping):
            raise ValueError("an engagement without an id")
        if _is_id_as_text(inner.get("id")):
            inner = {**inner, "id": int(inner["id"])}
            value = {**value, INNER: inner}
        if not is_int64(inner.get("id")):
            raise ValueError("an engagement without an id")
        portal_id, kind, last_updated = map(inner.get, ("portalId", "type", "lastUpdated"))
        return Engagement(
            inner["id"],
            portal_id if is_int64(portal_id) else None,
            kind if isinstance(kind, str) else None,
            last_updated if last_updated.__class__ is int else None,
            value,
        )


FastPath = Callable[[Engagement], "Sequence[bytes] | None"]
"""
From an engagement with `has_fast_path` to its serialized records of one stream.

None sends the engagement to the fallback.
"""


def is_int64(value: object) -> bool:
    """Tell whether a value is an integer of 64 bits; a bool is not."""
    return value.__class__ is int and INT64_MIN <= value <= INT64_MAX


def _is_id_as_text(value: object) -> bool:
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) <= MAX_ID_LENGTH
    )
