"""The portal that other taps are measured on."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.programs.even_portal import EARLIEST_MS, LATEST_MS, even_portal
from benchmarks.programs.v3 import KINDS, OBJECTS, PROPERTIES, Objects

ENGAGEMENTS = 500


def test_every_tap_can_read_the_even_portal() -> None:
    """
    The portal has the requested number of engagements, none of which ends another tap's sync.
    """
    records = even_portal(ENGAGEMENTS, seed=7).records()
    assert len(records) == ENGAGEMENTS
    for one in records:
        assert one["engagement"]["type"] in KINDS
        assert EARLIEST_MS < one["engagement"]["timestamp"] < LATEST_MS
        assert "\x00" not in one["metadata"].get("body", "")


def test_v3_has_every_engagement_once() -> None:
    """
    The pages of all kinds together have each engagement once, with the listed properties.
    """
    records = even_portal(ENGAGEMENTS, seed=7).records()
    objects = Objects(records)
    ids = [
        one["properties"]["hs_object_id"]
        for kind in set(KINDS.values())
        for one in _all_of(objects, kind)
    ]
    assert sorted(ids, key=int) == [str(one["engagement"]["id"]) for one in records]


def _all_of(objects: Objects, kind: str) -> list[dict[str, Any]]:
    names = [one["name"] for one in _get(objects, PROPERTIES + kind)["results"]]
    results: list[dict[str, Any]] = []
    params = {"limit": "100"}
    while True:
        page = _get(objects, OBJECTS + kind, params)
        assert all(list(one["properties"]) == names for one in page["results"])
        results += page["results"]
        if "paging" not in page:
            return results
        params = {**params, "after": page["paging"]["next"]["after"]}


def _get(objects: Objects, path: str, params: dict[str, str] | None = None) -> Any:
    response = objects.respond(path, params or {})
    assert response is not None
    return json.loads(response.body)
