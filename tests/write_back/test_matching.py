"""Which result belongs to which input, and what became of a creation: the pure decisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_hubspot_engagements.matching import Result, comparable, match_results
from target_hubspot_engagements.reconcile import Doubt, decide
from target_hubspot_engagements.values import to_datetime_text, to_text

AT = "1795161600000"
CALL = {"hs_timestamp": AT, "hubspot_owner_id": "70", "hs_call_body": "x"}


def doubt(key: int, body: str = "x", contact: str = "101") -> Doubt:
    texts = {**CALL, "hs_call_body": body}
    return Doubt(("calls", f"[{key}]"), "calls", texts, {"contacts": [contact]}, 1, 1)


def engagement(hubspot_id: int, **texts: str) -> Result:
    return Result(hubspot_id, {**CALL, **texts})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (AT, "2026-11-20T08:00:00Z"),
        ("1795161600007", "2026-11-20T08:00:00.007Z"),
        ("5000", "5000.0"),
        ("101;102", ";101;102"),
        ("", None),
        ("a  b", " a b\n"),
        ('{"to":[],"from":{"email":"a"}}', '{"from": {"email": "a"}}'),
    ],
)
def test_the_same_value_in_another_form(one: str, other: str | None) -> None:
    """
    HubSpot writes times, numbers and lists in forms of its own.
    """
    assert comparable(one) == comparable(other)


def test_results_are_matched_by_trace_id_first() -> None:
    """
    A trace id decides; without it, the values; with neither, the outcome is not known.
    """
    written = [{**CALL, "hs_call_body": body} for body in "abcd"]
    results = [
        Result(1, {}, "2"),
        engagement(2, hs_call_body="a"),
        engagement(3, hs_call_body="changed by HubSpot"),
    ]
    assert match_results(written, results, refused=[3]) == {2: 1, 0: 2, 1: 3}
    assert match_results(written, results[1:]) == {0: 2}


@pytest.mark.parametrize(
    ("candidates", "settled", "expected"),
    [
        ([engagement(7)], False, "found"),
        ([], True, "absent"),
        ([], False, "undecided"),
        ([engagement(7), engagement(8)], True, "undecided"),
        ([engagement(7, hs_call_body="y")], True, "undecided"),
        ([engagement(9)], True, "absent"),  # 9 belongs to another key
    ],
)
def test_one_creation_in_doubt(candidates: list[Result], settled: bool, expected: str) -> None:
    """
    One that fits is found, none of the moment is absent once it would show, all else is undecided.
    """
    one = doubt(1)
    decision = decide([one], {one.place: candidates}, [9], lambda _: None if settled else "late")
    outcomes = {
        "found": one.place in decision.found,
        "absent": one.place in decision.absent,
        "undecided": one.place in decision.undecided,
    }
    assert outcomes == {name: name == expected for name in outcomes}


def test_creations_with_the_same_content() -> None:
    """
    Of two equal creations one was carried out: which of the two does not matter.
    """
    doubts = [doubt(1), doubt(2)]
    candidates = {one.place: [engagement(7)] for one in doubts}
    decision = decide(doubts, candidates, [], lambda _: None)
    assert (len(decision.found), len(decision.absent), len(decision.undecided)) == (1, 1, 0)


def test_an_engagement_that_two_contents_claim() -> None:
    """
    An engagement that fits creations with different associations is nobody's by guess.
    """
    doubts = [doubt(1), doubt(2, contact="102")]
    candidates = {one.place: [engagement(7)] for one in doubts}
    decision = decide(doubts, candidates, [], lambda _: None)
    assert (decision.found, len(decision.undecided)) == ({}, 2)


def test_a_result_of_a_refused_input() -> None:
    """
    A result belongs to a refused input by its trace id, or by its values if all other inputs have
    theirs.
    """
    written = [{**CALL, "hs_call_body": body} for body in "ab"]
    traced, second = Result(1, {}, "0"), engagement(1, hs_call_body="b")
    assert match_results(written, [traced], refused=[0]) == {0: 1}
    assert match_results(written, [second, engagement(2, hs_call_body="a")], [1]) == {1: 1, 0: 2}


@given(st.integers(min_value=-(2**45), max_value=2**45))
def test_a_moment_survives(at_ms: int) -> None:
    """
    Unix ms as a number, or as digits, stay what they are.
    """
    assert to_datetime_text(to_text(at_ms)) == str(at_ms)


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2026-11-20T08:00:00Z", 1_795_161_600_000),
        ("2026-11-20 08:00:00", 1_795_161_600_000),
        ("2026-11-20T08:00:00.123456Z", 1_795_161_600_123),
        ("2026-11-20T09:00:00.1+0100", 1_795_161_600_100),
        ("2026-11-20T03:00:00-05:00", 1_795_161_600_000),
        ("2026-11-20", 1_795_132_800_000),
    ],
)
def test_forms_of_a_moment(text: str, at_ms: int) -> None:
    """
    ISO 8601 with and without zone, fraction and time; without a zone it is UTC.
    """
    assert to_datetime_text(text) == str(at_ms)
