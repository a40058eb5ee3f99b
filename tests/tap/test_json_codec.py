"""JSON in and out: nothing is rounded, nothing is lost, every text can be written as UTF-8."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_api.json_codec import parse_json, to_json, without_nul

Scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
Json = st.recursive(
    Scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(value=Json)
def test_round_trip(value: Any) -> None:
    """
    Any JSON value, integers of any size included, is the same after out and in.
    """
    assert parse_json(to_json(value)) == value
    assert json.loads(to_json(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"cut \\ud83d"', "cut \ufffd"),
        (b'{"\\udc00": ["\\ud83d\\ud83d\\ude00"]}', {"\ufffd": ["\ufffd😀"]}),
        (b'"\xed\xa0\x80"', "\ufffd"),
        (b"636418459634654854", 636418459634654854),
        (b"[1e400, -1e400, 1e22]", ["1e400", "-1e400", 1e22]),
        (b"[NaN, Infinity]", ["NaN", "Infinity"]),
    ],
)
def test_awkward_texts(text: bytes, value: Any) -> None:
    """
    Values beyond strict JSON or UTF-8 are replaced or kept as text, and can be written.
    """
    assert parse_json(text) == value
    assert json.loads(to_json(parse_json(text)).decode()) == value


@pytest.mark.parametrize(
    "text",
    [b"", b"<html>", b'{"a":', b'{"a": "\\u00', b'"\xff"', b"[1,]", b'"a\x00b"', 100_000 * b"["],
)
def test_what_is_no_json(text: bytes) -> None:
    """
    Anything else is a ValueError, however deeply nested.
    """
    with pytest.raises(ValueError):
        parse_json(text)


@given(value=Json)
def test_without_nul(value: Any) -> None:
    """
    U+0000 alone is removed.
    """
    cleaned = to_json(without_nul(value))
    assert b"\\u0000" not in cleaned.replace(b"\\\\", b"")
    if b"\\u0000" not in to_json(value):
        assert without_nul(value) == value
