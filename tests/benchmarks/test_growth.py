"""The lines that fill large tables and change a few of their rows."""

from __future__ import annotations

import json

from benchmarks.growth import CHILD, OLD, OLD_EVERY, pages
from benchmarks.singer_lines import STREAM


def test_children_follow_the_engagements_of_their_page() -> None:
    """
    Each engagement has one child, after it and before the STATE of their page.
    """
    seen: list[object] = []
    for line in pages(range(2500), change=0):
        message = json.loads(line)
        if message["type"] == "STATE":
            assert not seen
        elif message["stream"] == STREAM:
            seen.append(message["record"]["id"])
        else:
            assert message["stream"] == CHILD
            seen.remove(message["record"]["engagementId"])


def test_a_hundredth_of_the_engagements_is_old() -> None:
    """
    ACTIVATE_VERSION finds a hundredth of the engagements, and none of their children.
    """
    messages = [json.loads(line) for line in pages(range(1000), change=0)]
    old = [one for one in messages if one.get("version") == OLD]
    assert len(old) == 1000 // OLD_EVERY
    assert {one["stream"] for one in old} == {STREAM}
