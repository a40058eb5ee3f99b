"""The change feed: cursors, and that no change is lost."""

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


class Reader:
    """A client that follows the feed's cursor; `records` is its copy of the portal, by id."""

    def __init__(self, portal: Portal, limit: int, delay_ms: int) -> None:
        self.records: dict[int, object] = {}
        self._portal, self._limit, self._delay_ms = portal, limit, delay_ms
        self._cursor = portal.cursor_at(0, delay_ms)

    def read_page(self) -> bool:
        """Read a page; returns whether there are more."""
        cursor = Cursor.decode(self._cursor.encode())
        page = self._portal.changed_after(cursor, self._limit, self._delay_ms)
        for body in page.bodies:
            record = msgspec.json.decode(body)
            self.records[record["engagement"]["id"]] = record
        assert len(page.bodies) <= self._limit
        self._cursor = page.cursor
        return page.more


@settings(max_examples=200, deadline=None)
@given(steps=STEPS, delay_ms=st.sampled_from([0, 1, 5]), limit=st.integers(1, 4))
def test_a_reader_misses_no_change(steps: list[tuple[str, int]], delay_ms: int, limit: int) -> None:
    """
    Whatever changes between pages, a client that follows the cursor ends with every record.
    """
    clock = Clock()
    portal = Portal(clock)
    reader = Reader(portal, limit, delay_ms)
    for verb, number in steps:
        if verb == "wait":
            clock.now_ms += number
        elif verb == "read":
            reader.read_page()
        else:
            change(portal, verb, number, clock.now_ms)
    clock.now_ms += delay_ms
    while reader.read_page():
        pass

    existing = {record["engagement"]["id"]: record for record in portal.records()}
    assert {record_id: reader.records.get(record_id) for record_id in existing} == existing


def change(portal: Portal, verb: str, record_id: int, now_ms: int) -> None:
    """Create, update or delete a record, if the portal's records allow the change."""
    exists = record_id in {record["engagement"]["id"] for record in portal.records()}
    if verb == "create" and not exists:
        portal.create(note(record_id))
    elif verb == "update" and exists:
        portal.update(record_id, metadata={"at": now_ms})
    elif verb == "delete" and exists:
        portal.delete(record_id)


def test_a_cursor_is_serialized_as_text() -> None:
    """A cursor is decoded from its text; any other text raises an error."""
    cursor = Cursor(12, 40, NOW_MS)

    assert Cursor.decode(cursor.encode()) == cursor
    for text in ("", "x", "MTox", "bm90OmE6Y3Vyc29y", "ü"):
        with pytest.raises(ValueError, match="not a cursor"):
            Cursor.decode(text)
