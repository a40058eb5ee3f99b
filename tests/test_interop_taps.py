"""The comparison behind `make interop-taps` finds each difference, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from demo.interop_taps.replay import Replay
from demo.interop_taps.sources import Rows, Source
from demo.interop_taps.trial import compare
from demo.interop_taps.values import Kind, is_stored_as_sent, normalize

DATE_TIME = {"type": "string", "format": "date-time"}


@pytest.mark.parametrize(
    ("schema", "sent", "stored"),
    [
        ({}, "a", "a"),
        ({}, None, None),
        ({}, True, "1"),
        ({}, Decimal(9007199254740993), "9007199254740993"),
        ({}, Decimal("0.1"), "0.1000000000"),
        ({}, Decimal("1e-300"), "1e-300"),
        ({}, {"b": Decimal("1.10")}, '{"b": 1.10}'),
        ({}, "00FF10", b"\x00\xff\x10"),
        (DATE_TIME, "2020-01-01T00:00:00.5+05:30", "2019-12-31 18:30:00.500000"),
        ({"format": "time"}, "12:00:00+02:00", "10:00:00.000000"),
        (DATE_TIME, "0000-00-00T00:00:00Z", None),
        ({"format": "date"}, "0000-00-00", None),
        ({"format": "time"}, "0:00:00", "00:00:00.000000"),
        ({"format": "time"}, "-35 days, 1:00:01", "-838:59:59.000000"),
    ],
)
def test_another_notation_is_no_difference(
    schema: Mapping[str, Any], sent: Any, stored: Any
) -> None:
    """
    MySQL's notation of a value is accepted for the tap's.
    """
    assert is_stored_as_sent(schema, sent, stored)


@pytest.mark.parametrize(
    ("schema", "sent", "stored"),
    [
        ({}, "a", "a "),
        ({}, "", None),
        ({}, None, ""),
        ({}, True, "0"),
        ({}, Decimal(9007199254740993), "9007199254740992"),
        ({}, Decimal("1234567890123456789.01"), "1234567890123456800"),
        ({}, {"b": Decimal("1.10")}, '{"b": 1.11}'),
        ({}, "00FF10", b"\x00\xff\x11"),
        (DATE_TIME, "2020-01-01T00:00:00.000001Z", "2020-01-01 00:00:00.000000"),
        (DATE_TIME, "2020-01-01T00:00:00+05:30", "2020-01-01 00:00:00.000000"),
        (DATE_TIME, "2020-01-01T00:00:00Z", None),
        ({"format": "time"}, "-12:00:00", "12:00:00.000000"),
    ],
)
def test_another_value_is_a_difference(schema: Mapping[str, Any], sent: Any, stored: Any) -> None:
    """
    A digit, a blank, a microsecond or an offset that is lost is found.
    """
    assert not is_stored_as_sent(schema, sent, stored)


def test_bits_and_single_precision() -> None:
    """
    Sources' own notations of bits and of four-byte numbers are understood, others are not equal.
    """
    assert normalize(Kind.BITS, b"\x01\x55") == normalize(Kind.BITS, 341)
    assert normalize(Kind.BITS, b"\x01\x55") != normalize(Kind.BITS, True)
    assert normalize(Kind.SINGLE, "0.1") == normalize(Kind.SINGLE, 0.10000000149011612)
    assert normalize(Kind.SINGLE, "0.1") != normalize(Kind.SINGLE, "0.11")


class _Source(Source):
    kinds = {"id": Kind.NUMBER, "text": Kind.TEXT, "unsent": Kind.TEXT}

    def fill(self) -> None:
        """Hold what `read` returns."""

    def read(self) -> Rows:
        return {key: {"id": key, "text": key, "unsent": "x"} for key in "123"}


def test_whose_difference_it_is() -> None:
    """
    The target's differences are between MySQL and the RECORDs, the tap's between these and the
    source; a row that is missing counts, too.
    """
    replay = Replay()
    replay.read(
        f'{{"type": "RECORD", "stream": "s", "record": {{"id": "{key}", "text": "{text}"}}}}'
        for key, text in (("1", "1"), ("2", "changed by the tap"))
    )
    stored = {"1": {"id": "1", "text": "changed by the target"}, "2": {"id": "2", "text": "2"}}
    verdict = compare(_Source(), replay, stored)
    assert verdict.target_faults.keys() == {"text"}
    assert verdict.tap_faults.keys() == {"text", "rows"}
    assert (verdict.rows, verdict.values, verdict.omissions) == (2, 4, ["unsent"])
    assert compare(_Source(), replay, {}).target_faults == {"rows": "missing ['1', '2'], extra []"}


def test_replay_follows_deletions_and_versions() -> None:
    """
    A row is gone by its record's `_sdc_deleted_at` or by an older version, and comes back by a
    record without it.
    """
    replay = Replay()
    record = '{{"type": "RECORD", "stream": "s", "version": {}, "record": {}}}'.format
    replay.read(
        (
            record(1, '{"id": 1}'),
            record(1, '{"id": 2}'),
            record(1, '{"id": 3, "_sdc_deleted_at": "2020-01-01T00:00:00Z"}'),
            record(2, '{"id": 2}'),
            '{"type": "ACTIVATE_VERSION", "stream": "s", "version": 2}',
            '{"type": "STATE", "value": {"a": 1}}',
        )
    )
    assert replay.live.keys() == {"2"}
    replay.read([record(2, '{"id": 3}')])
    assert replay.live.keys() == {"2", "3"}
    assert replay.state == {"a": 1}
