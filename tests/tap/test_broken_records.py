"""An unreadable record holds up no other; the run names that record, the next run retries."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubspot_simulator import faults
from hubspot_simulator.faults import Fault
from hubspot_simulator.portal import Portal
from hubspot_simulator.responses import Response, json_response
from hubspot_simulator.server import Simulator
from tap_hubspot_engagements import skipped
from tap_hubspot_engagements.exceptions import SkippedError
from tap_hubspot_engagements.v1 import unlistable
from tap_hubspot_engagements.v1.repair import MAX_LEVELS, split_page
from tap_hubspot_engagements.v1.unlistable import (
    MAX_ID,
    MAX_REQUESTED_BY_ID,
    first_readable,
    unlisted,
)
from tests.tap.conftest import (
    Run,
    Serve,
    Tap,
    attempt,
    last_state,
    load,
    mark,
    of_type,
    paths,
    records,
    replicate,
    select_everything,
)

IDS = range(1, 31)
BAD = 17


@pytest.fixture
def hubspot(serve: Serve) -> Simulator:
    """Thirty notes, an hour apart."""
    portal = Portal()
    for number in IDS:
        at_ms = portal.now_ms - (40 - number) * 3_600_000
        inner = {"id": number, "type": "NOTE", "createdAt": at_ms, "lastUpdated": at_ms}
        portal.create({"engagement": inner, "metadata": {"body": "text"}})
    return serve(portal)


@pytest.fixture
def tap(hubspot: Simulator, tmp_path: Path) -> Tap:
    return Tap(tmp_path, hubspot)


def ids(run: Run) -> set[int]:
    return {record["id"] for record in records(run.messages)}


def page_with(hubspot: Simulator, change: Callable[[bytes], bytes]) -> Fault:
    """Return the whole portal's page with the text of a single record changed."""
    texts = [json.dumps(record).encode() for record in hubspot.portal.records()]
    texts[BAD - 1] = change(texts[BAD - 1])
    body = b'{"results":[%b],"hasMore":false,"offset":30}' % b",".join(texts)
    return Fault(path="paged", times=None, response=Response(200, body))


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(text: bytes) -> bytes:
        assert old in text
        return text.replace(old, new)

    return change


MENDED: dict[str, tuple[Callable[[bytes], bytes], Callable[[dict[str, Any]], bool]]] = {
    "id as text": (replaced(b'"id": 17', b'"id": "17"'), lambda record: True),
    "not UTF-8": (
        replaced(b'"text"', b'"caf\xe9"'),
        lambda record: record["metadata"]["body"] == "caf\ufffd",
    ),
    "a line feed in a text": (
        replaced(b'"text"', b'"a\nb"'),
        lambda record: record["metadata"]["body"] == "a\nb",
    ),
    "a number of 5,000 digits": (
        replaced(b'"type"', b'"ownerId": ' + 5000 * b"7" + b', "type"'),
        lambda record: record["extra"]["ownerId"] == 5000 * "7",
    ),
    "1,000 levels": (
        replaced(b'"text"', 1000 * b"[" + 1000 * b"]"),
        lambda record: "[" * 700 in json.dumps(record["metadata"]["body"]),
    ),
}


@pytest.mark.parametrize(("change", "kept"), MENDED.values(), ids=MENDED)
def test_what_can_be_mended(
    change: Callable[[bytes], bytes],
    kept: Callable[[dict[str, Any]], bool],
    tap: Tap,
    hubspot: Simulator,
) -> None:
    """
    An odd record arrives with the others, odd values included.
    """
    hubspot.faults.add(page_with(hubspot, change))
    run = tap(catalog=select_everything())
    assert run.code == 0, run.err
    assert ids(run) == set(IDS)
    (record,) = (one for one in records(run.messages) if one["id"] == BAD)
    assert kept(record)


BROKEN = {
    "an id of 5,000 digits": replaced(b'"id": 17', b'"id": ' + 5000 * b"7"),
    "an id past 64 bits": replaced(b'"id": 17', b'"id": 99999999999999999999'),
    "no id": replaced(b'"id": 17, ', b""),
    "no engagement": lambda _: b"null",
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_mended(
    change: Callable[[bytes], bytes], tap: Tap, hubspot: Simulator
) -> None:
    """
    All others arrive, a line names the missing record, nothing is flagged, and the run ends with 1.
    """
    hubspot.faults.add(page_with(hubspot, change))
    run = tap()
    assert run.code == 1
    assert ids(run) == set(IDS) - {BAD}
    (error,) = (line for line in run.err.splitlines() if line.startswith("ERROR"))
    assert "engagements that could not be read, while all others were: 1:" in error
    assert not of_type(run.messages, "ACTIVATE_VERSION")
    assert "lastUpdated" in mark(last_state(run.messages))


def unreadable(text: bytes) -> bytes:
    """Break a record whose id stays visible."""
    begin, end = text.index(b'{"id"'), text.index(b', "metadata"')
    return text[:begin] + b"[" + text[begin:end] + b"]" + text[end:]


def test_a_record_that_is_had_by_its_id(tap: Tap, hubspot: Simulator) -> None:
    """
    A record that is broken in the list is requested by id: nothing is missing.
    """
    hubspot.faults.add(page_with(hubspot, unreadable))
    run = tap()
    assert run.code == 0, run.err
    assert ids(run) == set(IDS)
    assert paths(hubspot).count(str(BAD)) == 1


@pytest.mark.parametrize(
    "refusal", [faults.EXPIRED_TOKEN, faults.DAILY_LIMIT_REACHED], ids=["token", "daily limit"]
)
def test_a_refusal_is_no_broken_record(refusal: Fault, tap: Tap, hubspot: Simulator) -> None:
    """
    If the token or the daily limit fails at the request by id, that is the error, and no record is
    blamed.
    """
    hubspot.faults.add(page_with(hubspot, unreadable))
    hubspot.faults.add(refusal.at(path=f"/{BAD}", times=None))
    run = tap()
    assert run.code != 0
    assert "left out" not in run.err and "could not be read" not in run.err
    assert "skipped" not in mark(last_state(run.messages, {"bookmarks": {"engagements": {}}}))


def test_a_record_that_is_had_later(tap: Tap, hubspot: Simulator) -> None:
    """
    The state keeps skipped ids; the next run retries, until the record is readable or deleted.
    """
    hubspot.faults.add(page_with(hubspot, unreadable))
    hubspot.faults.add(faults.SERVER_ERROR.at(path=f"/{BAD}", times=None))
    run = tap()
    assert run.code == 1
    assert f"{BAD} (" in run.err
    state = last_state(run.messages)
    assert mark(state)["skipped"] == [BAD]

    again = tap(state=state)
    assert (again.code, mark(last_state(again.messages))["skipped"]) == (1, [BAD])

    hubspot.faults.clear()
    had = tap(state=last_state(again.messages))
    assert had.code == 0, had.err
    assert BAD in ids(had)
    assert "skipped" not in mark(last_state(had.messages))

    hubspot.portal.delete(BAD)
    missing = tap(state=last_state(again.messages))
    assert missing.code == 0, missing.err
    assert "skipped" not in mark(last_state(missing.messages))


def without_id(hubspot: Simulator, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Remove the id of BAD from each list, until the returned function is called."""
    respond = hubspot.handle
    mended = False

    def handle(request: Any, body: bytes) -> Any:
        result, share = respond(request, body)
        if result and not mended and b'"results"' in result.body:
            result = replace(result, body=result.body.replace(b'"id":%d,' % BAD, b""))
        return result, share

    def mend() -> None:
        nonlocal mended
        mended = True

    monkeypatch.setattr(hubspot, "handle", handle)
    return mend


@pytest.mark.parametrize("page_size", [4, 250])
def test_a_record_without_an_id(
    page_size: int, tap: Tap, hubspot: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A record without an id is requested by page in each run, until readable.
    """
    mend = without_id(hubspot, monkeypatch)
    run = tap(page_size=page_size)
    assert (run.code, ids(run)) == (1, set(IDS) - {BAD}), run.err
    assert "without an id, in the page " in run.err
    pages = mark(last_state(run.messages))["unread"]
    assert pages == ([{"ranges": [[16, 21]]}] if page_size == 4 else [{"ranges": [[0, None]]}])

    again = tap(page_size=page_size, state=last_state(run.messages))
    assert (again.code, mark(last_state(again.messages))["unread"]) == (1, pages)
    assert not of_type(again.messages, "ACTIVATE_VERSION")

    mend()
    had = tap(page_size=page_size, state=last_state(again.messages))
    assert had.code == 0, had.err
    assert BAD in ids(had)
    assert "unread" not in mark(last_state(had.messages))


def test_the_state_says_that_a_pass_is_over_once_its_rows_are_flagged(
    tap: Tap, hubspot: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Of a full pass at whose end the last run's records are written, too, a kill loses no deletion.
    """
    mend = without_id(hubspot, monkeypatch)
    state = last_state(tap(page_size=4).messages)
    mend()
    run = tap("--full-refresh", page_size=4, state=state)
    assert run.code == 0, run.err
    kinds = [one["type"] for one in run.messages]
    before = run.messages[: kinds.index("ACTIVATE_VERSION")]
    marks = [mark(one["value"]) for one in of_type(before, "STATE")]
    assert marks and all(one.get("doubted") or one.get("backfill") for one in marks)


def test_a_change_without_an_id(
    tap: Tap, hubspot: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A change that cannot even be identified keeps the bookmark, so that each run lists it again.
    """
    state = last_state(tap().messages)
    bookmark = mark(state)["lastUpdated"]
    for number in (BAD, BAD + 1):
        hubspot.portal.update(number, metadata={"body": "changed"})
    mend = without_id(hubspot, monkeypatch)
    for page_size in (1, 250):
        run = tap(state=state, page_size=page_size)
        assert (run.code, BAD in ids(run), BAD + 1 in ids(run)) == (1, False, True), run.err
        assert "without an id, among the changes" in run.err
        state = last_state(run.messages)
        assert mark(state)["lastUpdated"] == bookmark

    mend()
    had = tap(state=state)
    assert had.code == 0, had.err
    assert BAD in ids(had)
    assert mark(last_state(had.messages))["lastUpdated"] > bookmark


def test_a_change_without_an_id_before_any_bookmark(
    tap: Tap, hubspot: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    With a start_date and no bookmark, the next run reads everything.
    """
    start_date = datetime.fromtimestamp(hubspot.portal.now_ms / 1000, timezone.utc) - timedelta(1)
    mend = without_id(hubspot, monkeypatch)
    run = tap(start_date=start_date.isoformat())
    assert run.code == 1
    mend()
    had = tap(start_date=start_date.isoformat(), state=last_state(run.messages))
    assert had.code == 0, had.err
    assert BAD in ids(had)


def test_more_are_left_out_than_a_state_keeps(
    tap: Tap, hubspot: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Then the next run reads everything, as after a full pass that is not believed.
    """
    monkeypatch.setattr(skipped, "MAX_IN_STATE", 0)
    hubspot.faults.add(page_with(hubspot, replaced(b'"id": 17, ', b"")))
    messages, error = attempt(hubspot)
    assert isinstance(error, SkippedError)
    assert mark(last_state(messages))["doubted"] is True
    hubspot.faults.clear()
    table = load({}, replicate(hubspot, last_state(messages)))
    assert set(table) == set(IDS)


def test_what_is_left_out_is_not_taken_for_deleted(tap: Tap, hubspot: Simulator) -> None:
    """
    A resumed full pass retries the skipped record before anything is flagged.
    """
    hubspot.faults.add(page_with(hubspot, unreadable))
    hubspot.faults.add(faults.SERVER_ERROR.at(path=f"/{BAD}", times=None))
    state = last_state(tap().messages)
    earlier = {"signpost": mark(state)["lastUpdated"], "ranges": [[20, None]], "read": 19}
    mark(state)["backfill"] = {**earlier, "highest": 20}
    hubspot.faults.clear()
    hubspot.faults.add(faults.SERVER_ERROR.at(path=f"/{BAD}", times=None))
    run = tap(state=state)
    assert (run.code, of_type(run.messages, "ACTIVATE_VERSION")) == (1, [])
    hubspot.faults.clear()
    run = tap(state=state)
    assert run.code == 0, run.err
    kinds = [(one["type"], one.get("record", {}).get("id")) for one in run.messages]
    assert kinds.index(("RECORD", BAD)) < kinds.index(("ACTIVATE_VERSION", None))


def cannot_list(hubspot: Simulator, *bad: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have HubSpot answer 500 to each list with one of these engagements."""
    respond = hubspot.handle

    def handle(request: Any, body: bytes) -> Any:
        result, share = respond(request, body)
        listed = "results" in str(result and result.body[:20])
        if listed and any(b'"id":%d,' % one in result.body for one in bad):
            result = faults.SERVER_ERROR.response
        return result, share

    monkeypatch.setattr(hubspot, "handle", handle)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_record_that_no_list_can_have(
    workers: int, tap: Tap, hubspot: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A record that fails at every page size is found, and read by id.
    """
    cannot_list(hubspot, BAD, monkeypatch=monkeypatch)
    run = tap(backfill_workers=workers, page_size=4)
    assert run.code == 0, run.err
    assert ids(run) == set(IDS)

    hubspot.faults.add(faults.SERVER_ERROR.at(path=f"/{BAD}", times=None))
    run = tap(backfill_workers=workers, page_size=4)
    assert run.code == 1
    assert ids(run) == set(IDS) - {BAD}
    assert mark(last_state(run.messages))["skipped"] == [BAD]


@pytest.mark.parametrize("workers", [1, 3])
def test_records_in_a_row_that_no_list_can_have(
    workers: int, tap: Tap, hubspot: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Each of several is read by id, with the listable ones between them.
    """
    cannot_list(hubspot, BAD, BAD + 1, BAD + 3, monkeypatch=monkeypatch)
    run = tap(backfill_workers=workers, page_size=4)
    assert run.code == 0, run.err
    assert ids(run) == set(IDS)


def test_a_long_range_that_no_list_shows(
    tap: Tap, hubspot: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    If it is too long to request each id, the run fails, flags nothing, and the next reads it again.
    """
    monkeypatch.setattr(unlistable, "MAX_REQUESTED_BY_ID", 2)
    with monkeypatch.context() as patch:
        cannot_list(hubspot, BAD, BAD + 1, BAD + 2, monkeypatch=patch)
        messages, error = attempt(hubspot, page_size=4)
    assert isinstance(error, SkippedError)
    assert "lists none from 17 to 18, if any exists" in str(error)
    assert {one["record"]["id"] for one in of_type(messages, "RECORD")} == set(IDS) - {17, 18}
    assert not of_type(messages, "ACTIVATE_VERSION")
    state = last_state(messages)
    assert mark(state)["unread"] == [{"ranges": [[16, 20]]}]

    had = tap(state=state)
    assert had.code == 0, had.err
    assert ids(had) >= {17, 18, 19}
    assert "unread" not in mark(last_state(had.messages))


@given(bad=st.integers(1, MAX_ID - 1), offset=st.integers(0, MAX_ID - 2))
def test_the_record_is_found(bad: int, offset: int) -> None:
    """
    From any offset, in some hundred requests at most, whatever the id.
    """
    requests_made: list[int] = []

    def is_readable(at: int) -> bool:
        requests_made.append(at)
        return at >= bad

    result = first_readable(is_readable, offset)
    assert result == (bad if bad > offset else None)
    assert len(requests_made) <= 130


@given(
    st.lists(st.integers(1, 60), min_size=3, max_size=40),
    st.sets(st.integers(0, 39), min_size=1, max_size=6),
)
@example([1, 32, 1, 1], {1, 3})
@example([1, 1, 900, 1, 1], {1, 2, 4})
def test_none_is_passed_over(gaps: list[int], broken: set[int]) -> None:
    """
    Of several broken records, close together or far apart, each is requested by id, or its range.
    """
    ids = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    bad = {one for number, one in enumerate(ids) if number in broken}

    def is_readable(at: int) -> bool:
        return next((one for one in ids if one > at), None) not in bad

    read: set[int] = set()
    by_id: set[int] = set()
    by_range: set[int] = set()
    offset = 0
    while after := [one for one in ids if one > offset]:
        if after[0] not in bad:
            offset = after[0]
            read.add(offset)
            continue
        result = first_readable(is_readable, offset)
        assert result in bad
        for record in unlisted(offset, result, "500"):
            if record.id is not None:
                by_id.add(record.id)
            else:
                assert record.resume is not None
                ((low, high),) = record.resume["ranges"]
                by_range |= set(range(low + 1, high))
                assert len(by_range) > MAX_REQUESTED_BY_ID
        offset = result
    assert read | by_id | by_range >= set(ids)
    assert len(by_id) <= MAX_REQUESTED_BY_ID * len(bad)


def test_a_failure_that_comes_and_goes() -> None:
    """
    If the list fails for another reason meanwhile, no record is blamed.
    """
    for at_number in range(3, 90):
        requests_made = 0

        def is_readable(at: int, number: int = at_number) -> bool:
            nonlocal requests_made
            requests_made += 1
            return at >= 5000 and requests_made != number

        assert first_readable(is_readable, 100) in (5000, None)


def test_no_answer_at_all_is_no_broken_record() -> None:
    """
    If every offset fails, HubSpot is the cause, and no record is left out.
    """
    assert first_readable(lambda _: False, 0) is None


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=20,
        )
    ),
    st.dictionaries(st.sampled_from(["before", "x"]), st.just({"results": [1, {"a": "]"}]})),
)
def test_taking_apart(results: list[Any], more: dict[str, Any]) -> None:
    """
    A page that is taken apart is the same page.
    """
    page = {**more, "results": results, "hasMore": True, "offset": 5}
    body, texts = split_page(json.dumps(page).encode())
    assert [json.loads(text) for text in texts] == results
    assert body == {**page, "results": []}


@pytest.mark.parametrize("cut", range(1, 60, 3))
def test_half_a_page_is_no_page(cut: int) -> None:
    """
    A truncated page is an error, at any cut: the request has to be retried.
    """
    whole = b'{"hasMore":true,"results":[{"engagement":{"id":1}},{"a":[1,2]}],"offset":1}'
    with pytest.raises(ValueError):
        split_page(whole[:-cut])


def test_levels_that_are_kept() -> None:
    """
    Values within the parser's depth do not become text.
    """
    deep = b"[" * (MAX_LEVELS - 1) + b"]" * (MAX_LEVELS - 1)
    _, (text,) = split_page(b'{"results":[%b],"hasMore":false}' % deep)
    assert text == deep


def test_an_empty_page_with_more(tap: Tap, hubspot: Simulator) -> None:
    """
    A page that shows nothing, and has more, is gone on from.
    """
    body = {"results": [], "hasMore": True, "offset": 2}
    hubspot.faults.add(Fault(path="paged", response=json_response(body)))
    run = tap()
    assert run.code == 0, run.err
    assert ids(run) == set(IDS) - {1, 2}
