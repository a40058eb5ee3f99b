"""The portal that other taps are measured on."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.programs.even_portal import EARLIEST_MS, LATEST_MS, even_portal
from benchmarks.programs.v3 import KINDS, OBJECTS, PROPERTIES, Objects

ENGAGEMENTS = 500


def test_even_portal_has_what_every_tap_can_read() -> None:
    """
    There are as many engagements as were asked for, and none of them ends another tap's sync.
    """
    records = even_portal(ENGAGEMENTS, seed=7).records()
    assert len(records) == ENGAGEMENTS
    for one in records:
        assert one["engagement"]["type"] in KINDS
        assert EARLIEST_MS < one["engagement"]["timestamp"] < LATEST_MS
        assert "\x00" not in one["metadata"].get("body", "")


def test_v3_has_every_engagement_once() -> None:
    """
    The pages of all kinds of objects together hold each engagement once, with the properties
    that are announced for its kind.
    """
    records = even_portal(ENGAGEMENTS, seed=7).records()
    objects = Objects(records)
    seen = [
        found["properties"]["hs_object_id"]
        for kind in set(KINDS.values())
        for found in _all_of(objects, kind)
    ]
    assert sorted(seen, key=int) == [str(one["engagement"]["id"]) for one in records]


def _all_of(objects: Objects, kind: str) -> list[dict[str, Any]]:
    names = [one["name"] for one in _ask(objects, PROPERTIES + kind)["results"]]
    found: list[dict[str, Any]] = []
    params = {"limit": "100"}
    while True:
        page = _ask(objects, OBJECTS + kind, params)
        assert all(list(one["properties"]) == names for one in page["results"])
        found += page["results"]
        if "paging" not in page:
            return found
        params = {**params, "after": page["paging"]["next"]["after"]}


def _ask(objects: Objects, path: str, params: dict[str, str] | None = None) -> Any:
    answer = objects.answer(path, params or {})
    assert answer is not None
    return json.loads(answer.body)
