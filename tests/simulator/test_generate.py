"""Generated engagements: reproducible, and as odd as real engagements."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import msgspec
import pytest

from hubspot_simulator.generate import TYPE_SHARES
from hubspot_simulator.portal import Portal
from tests.simulator.conftest import NOW_MS, Clock

THREE_YEARS_MS = 3 * 365 * 86_400_000


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    return Portal.generate(5_000, seed=7, clock=Clock()).records()


def test_a_seed_gives_the_same_portal_each_time() -> None:
    """The same seed, size and clock give the same records; another seed gives others."""
    first, second, other = (
        Portal.generate(300, seed=seed, clock=Clock()).records() for seed in (7, 7, 8)
    )
    assert first == second
    assert first != other


@pytest.mark.parametrize("count", [0, 1, 14, 1_000])
def test_any_size_can_be_generated(count: int) -> None:
    """A portal has the requested number of records, and every type from fourteen records on."""
    portal = Portal.generate(count, seed=1)
    kinds = {record["engagement"]["type"] for record in portal.records()}

    assert count == len(portal)
    assert min(count, len(TYPE_SHARES)) == len(kinds)


def test_ids_pass_two_to_the_31_and_reach_twelve_digits(records: list[dict[str, Any]]) -> None:
    """Half of the ids fit 32 bits and have small gaps, the others reach twelve digits."""
    ids = [record["engagement"]["id"] for record in records]
    gaps = [after - before for before, after in zip(ids, ids[1:], strict=False)]

    assert sum(record_id < 2**31 for record_id in ids) == 2_500
    assert ids == sorted(set(ids))
    assert len(str(ids[-1])) == 12
    assert max(gaps[:2_499]) <= 40 < 1_000_000_000 < max(gaps[2_500:])


@pytest.mark.parametrize("distribution", ["even", "dense"])
def test_other_distributions_of_ids(distribution: Any) -> None:
    """Ids can have no gaps across 2**31, or equal gaps up to twelve digits."""
    records = Portal.generate(1_000, seed=7, distribution=distribution).records()
    ids = [record["engagement"]["id"] for record in records]

    assert ids == sorted(set(ids))
    if distribution == "dense":
        assert ids[-1] - ids[0] == 999
        assert ids[0] < 2**31 < ids[-1]
    else:
        assert 0.9e9 < (ids[500] - ids[0]) / 500 < 1.1e9


def test_times_are_realistic(records: list[dict[str, Any]]) -> None:
    """createdAt ascends with the id; lastUpdated is later, sometimes by years or in waves."""
    created_ms = [record["engagement"]["createdAt"] for record in records]
    updated_ms = [record["engagement"]["lastUpdated"] for record in records]

    assert created_ms == sorted(created_ms)
    assert NOW_MS - THREE_YEARS_MS <= created_ms[0] <= created_ms[-1] <= NOW_MS
    assert all(a <= b <= NOW_MS for a, b in zip(created_ms, updated_ms, strict=True))
    assert any(b - a > 365 * 86_400_000 for a, b in zip(created_ms, updated_ms, strict=True))
    assert Counter(updated_ms).most_common(5)[-1][1] > 5


def test_oddities_of_real_responses_occur(records: list[dict[str, Any]]) -> None:
    """The generator has every oddity of the recorded responses."""
    inners = [record["engagement"] for record in records]
    details = [record["metadata"] for record in records]
    threads = {type(detail["threadId"]) for detail in details if "threadId" in detail}
    recipients = [person for detail in details for person in detail.get("to", [])]
    text = msgspec.json.encode(records).decode()

    assert {"engagement", "associations", "metadata"} == set.intersection(*map(set, records))
    assert any("attachments" not in record for record in records)
    assert any("listMemberships" in record for record in records)
    assert any("leadIds" in record["associations"] for record in records)
    assert any(inner["timestamp"] > 10**17 for inner in inners)
    assert any(inner["timestamp"] < 10**10 for inner in inners)
    assert any("ownerId" not in inner for inner in inners)
    assert any(inner.get("ownerId") == 0 for inner in inners)
    assert any("createdBy" not in inner for inner in inners)
    assert any("conversionIdentifier" in inner for inner in inners)
    assert {} in details
    assert {int, str} == threads
    assert {"firstName": "John"} in recipients
    assert "🚀" in text
    assert "\\u0000" in text
    assert max(len(detail.get("html", "")) for detail in details) == 1_000_000
    assert 1_000 < (len(text.encode()) - 1_000_000) / len(records) < 1_500


def test_a_hundred_thousand_are_generated_in_seconds() -> None:
    """Benchmarks start with 100,000 records: 10,000 take less than 2 s of CPU."""
    start = time.process_time()
    Portal.generate(10_000, seed=7)

    assert time.process_time() - start < 2.0
