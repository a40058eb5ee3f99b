"""The associations of engagements and objects, as pairs of ids. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from hubspot_api.activity_properties import OBJECT_TYPES
from tap_hubspot_engagements.engagement import Engagement, FastPath
from tap_hubspot_engagements.objects.associations import Target
from tap_hubspot_engagements.objects.object_types import kind_of
from tap_hubspot_engagements.objects.to_engagement import parse_id
from tap_hubspot_engagements.records import ids_under
from tap_hubspot_engagements.streams import ENGAGEMENTS, Pair
from tap_hubspot_engagements.typed_engagement import TypedEngagement


def fast_pairs(pair: Pair) -> FastPath:
    """Return the fast path to the associations that come with engagements."""

    def assemble(engagement: Engagement) -> Sequence[bytes]:
        ids = ids_under(pair.key, {"associations": associations_of(engagement)})
        return [
            b'{"from_id":%d,"to_id":%d,"associationTypes":null}' % (engagement.id, one)
            for one in ids
        ]

    return assemble


def associations_of(engagement: Engagement) -> Any:
    """Return the associations of an engagement in the shape of v1's JSON."""
    if isinstance(engagement, TypedEngagement):
        try:
            return engagement.association_ids()
        except msgspec.ValidationError:
            return msgspec.json.decode(engagement.parts.associations)
    return engagement.whole.get("associations")


def kind_in(pair: Pair, member: Engagement) -> str | None:
    """Return the type of an engagement or object in the paths of associations; None without."""
    if pair.root == ENGAGEMENTS.tap_stream_id or pair.root in OBJECT_TYPES:
        return kind_of(member.type)
    return pair.root


def types_by_id(targets: Iterable[Target]) -> Mapping[int, list[Any]]:
    """Return the association types of each record; one with several labels may come twice."""
    types: dict[int, list[Any]] = {}
    for target in targets:
        to_id = parse_id(target.toObjectId)
        if isinstance(to_id, int):
            labels = types.setdefault(to_id, [])
            labels += [label for label in target.associationTypes or () if label not in labels]
    return types
