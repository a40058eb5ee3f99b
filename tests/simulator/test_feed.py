"""The change feed by itself: cursors, and that nothing is lost in it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubspot_simulator.feed import Cursor
from hubspot_simulator.portal import Portal
from tests.simulator.conftest import NOW_MS, Clock, note

STEPS = st.lists(
    st.tuples(st.sampled_from(["create", "update", "delete", "wait", "read"]), st.integers(1, 9)),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, delay_ms=st.sampled_from([0, 1, 5]), limit=st.integers(1, 4))
def test_a_reader_misses_no_change(steps: list[tuple[str, int]], delay_ms: int, limit: int) -> None:
    """
    Whatever is created, edited and deleted between pages, whoever follows the cursor ends with
    every living record as it is, and sees a page at a time.
    """
    clock = Clock()
    portal = Portal(clock)
    seen: dict[int, object] = {}
    cursor = portal.cursor_at(0, delay_ms)

    def read() -> bool:
        nonlocal cursor
        page = portal.changed_after(Cursor.decode(cursor.encode()), limit, delay_ms)
        for body in page.bodies:
            record = msgspec.json.decode(body)
            seen[record["engagement"]["id"]] = record
        assert len(page.bodies) <= limit
        cursor = page.cursor
        return page.more

    for verb, number in steps:
        alive = {record["engagement"]["id"] for record in portal.records()}
        if verb == "create" and number not in alive:
            portal.create(note(number))
        elif verb == "update" and number in alive:
            portal.update(number, metadata={"at": clock.now_ms})
        elif verb == "delete" and number in alive:
            portal.delete(number)
        elif verb == "wait":
            clock.now_ms += number
        elif verb == "read":
            read()
    clock.now_ms += delay_ms
    while read():
        pass

    living = {record["engagement"]["id"]: record for record in portal.records()}
    assert {record_id: seen.get(record_id) for record_id in living} == living


def test_a_cursor_goes_through_text() -> None:
    """A cursor reads back from its text; other text is refused, not guessed at."""
    cursor = Cursor(12, 40, NOW_MS)

    assert Cursor.decode(cursor.encode()) == cursor
    for text in ("", "x", "MTox", "bm90OmE6Y3Vyc29y", "ü"):
        with pytest.raises(ValueError, match="not a cursor"):
            Cursor.decode(text)
