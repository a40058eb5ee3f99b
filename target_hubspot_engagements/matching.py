"""
Matches engagements to inputs: by the trace id, else by the values. Pure.

HubSpot promises no order of a batch's results, and recorded responses lack the trace ids.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from hubspot_api.json_codec import parse_json, to_json
from target_hubspot_engagements.validation import TIMESTAMP
from target_hubspot_engagements.values import to_datetime_text

OWNER = "hubspot_owner_id"
_is_time = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z").fullmatch
_is_decimal = re.compile(r"-?\d+\.0+").fullmatch

Texts = Mapping[str, Any]
"""The texts of an engagement's properties; HubSpot sends null for an absent value."""


class Result(NamedTuple):
    """An engagement that HubSpot has, as a response shows it."""

    id: int
    texts: Texts
    trace_id: str | None = None


def comparable(value: Any) -> str:
    """Return a property's text in a form in which the same value has the same text."""
    text = "" if value is None else str(value).strip().strip(";")
    if _is_time(text):
        try:
            return to_datetime_text(text)
        except ValueError:
            return text
    if _is_decimal(text):
        return text.partition(".")[0]
    if text[:1] == "{":
        return _comparable_json(text)
    return " ".join(text.split())


def _comparable_json(text: str) -> str:
    try:
        value = parse_json(text.encode())
    except ValueError:
        return text
    content = {key: one for key, one in value.items() if one not in (None, [], {})}
    return to_json(dict(sorted(content.items()))).decode()


def is_same(texts: Texts, existing: Texts) -> bool:
    """Tell whether an existing engagement has all values that were written."""
    return all(
        comparable(text) == comparable(existing.get(name))
        for name, text in texts.items()
        if text not in (None, "")
    )


def moment(texts: Texts) -> str:
    """Return when an engagement happened, in Unix ms."""
    return comparable(texts.get(TIMESTAMP))


def is_of_moment(texts: Texts, existing: Texts) -> bool:
    """Tell whether moment and owner are the same: HubSpot reformats neither."""
    owner = comparable(texts.get(OWNER))
    return moment(texts) == moment(existing) and owner in ("", comparable(existing.get(OWNER)))


def match_results(
    inputs: Sequence[Texts], results: Iterable[Result], refused: Iterable[int] = ()
) -> dict[int, int]:
    """
    Return the ids of a batch's results by the place of the input.

    An input without a matching result has no id: the outcome is unknown. A `refused` input has an
    id if a result is certainly its own: HubSpot has created it, and refused a part of it.
    """
    rest = dict(enumerate(inputs))
    ids: dict[int, int] = {}
    others = []
    for result in results:
        trace_id = result.trace_id or ""
        place = int(trace_id) if trace_id.isdecimal() else -1
        if place in rest:
            ids[place] = result.id
            del rest[place]
        else:
            others.append(result)
    refused_rest = {place: rest.pop(place) for place in {*refused} & rest.keys()}
    for is_match in (is_same, is_of_moment):
        others = _match_once(rest, others, ids, is_match)
    if not rest:
        _match_once(refused_rest, others, ids, is_same)
    return ids


def _match_once(
    rest: dict[int, Texts], results: Sequence[Result], ids: dict[int, int], is_match: Any
) -> list[Result]:
    """Match results that fit a single input, and return the others."""
    places = defaultdict(list)
    for place, texts in rest.items():
        places[moment(texts)].append(place)
    claims: dict[int, list[Result]] = defaultdict(list)
    others: list[Result] = []
    for result in results:
        fitting = [
            place
            for place in places.get(moment(result.texts), ())
            if is_match(rest[place], result.texts)
        ]
        (claims[fitting[0]] if len(fitting) == 1 else others).append(result)
    for place, claimants in claims.items():
        if len(claimants) > 1:
            others += claimants
            continue
        ids[place] = claimants[0].id
        del rest[place]
    return others
