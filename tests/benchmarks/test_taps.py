"""How the engagements are counted that a tap has written."""

from __future__ import annotations

import pytest

from benchmarks.taps import RECORD


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"RECORD","stream":"engagements","record":{"id":1}}',
        b'{"type": "RECORD", "stream": "engagements", "record": {"id": 1}}',
        b'{"type": "RECORD", "stream": "notes", "record": {"id": "1"}}',
        b'{"type":"RECORD","record":{"stream":"engagements","data":{"id":1}}}',
        b'{"type":"RECORD","record":{"stream":"engagements_notes","data":{"id":"1"}}}',
    ],
)
def test_engagements_are_counted_in_the_messages_of_every_tap(line: bytes) -> None:
    """
    Of Singer and of Airbyte, in the stream of all types and in those of single types.
    """
    assert RECORD.match(line)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"RECORD","stream":"engagement_contacts","record":{"engagement_id":1}}',
        b'{"type":"RECORD","stream":"engagements_notes","record":{"id":1}}',
        b'{"type":"SCHEMA","stream":"engagements","schema":{}}',
        b'{"type":"RECORD","record":{"stream":"contacts","data":{"id":"1"}}}',
    ],
)
def test_other_messages_are_not_counted(line: bytes) -> None:
    """
    Rows of child streams come with their engagement.
    """
    assert not RECORD.match(line)
