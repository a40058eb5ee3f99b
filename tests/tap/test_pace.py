"""How fast the tap asks, on a clock that only waits move."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_hubspot_engagements.pace import PAUSE_AT_NONE_LEFT_S, WINDOW_S, Pace
from tests.tap.conftest import Waits

Steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.floats(0, 3)),
        st.tuples(st.just("idle"), st.floats(0, 12)),
        st.tuples(st.just("pause"), st.floats(0, 30)),
    ),
    max_size=60,
)


def ask(pace: Pace) -> None:
    with pace.turn():
        pass


@given(most=st.integers(1, 8), steps=Steps)
def test_never_more_in_ten_seconds(most: int, steps: list[tuple[str, float]]) -> None:
    """
    However requests, idle time and pauses mix, no ten seconds hold more than the limit, whenever
    HubSpot counts a request: between its beginning and its answer.
    """
    waits = Waits()
    pace = Pace(most, waits.clock, waits.sleep)
    asked: list[tuple[float, float]] = []
    paused_until = 0.0
    for step, seconds in steps:
        if step == "ask":
            with pace.turn():
                began_s = waits.now_s
                assert began_s >= paused_until
                waits.now_s += seconds
            asked.append((began_s, waits.now_s))
        elif step == "idle":
            waits.now_s += seconds
        else:
            pace.pause(seconds)
            paused_until = max(paused_until, waits.now_s + seconds)
    for (_, answered_s), (began_s, _) in zip(asked, asked[most:], strict=False):
        assert began_s - answered_s >= WINDOW_S - 1e-9


def test_no_wait_below_the_limit(waits: Waits) -> None:
    """
    The first requests of a window go out at once; the next waits for the first to be ten s old.
    """
    pace = Pace(3, waits.clock, waits.sleep)
    for _ in range(3):
        ask(pace)
        waits.now_s += 1.0
    assert waits.slept == []
    ask(pace)
    assert waits.slept == [7.0]
    assert pace.waited_s == 7.0


def test_all_wait_together(waits: Waits) -> None:
    """
    A shorter pause does not end a longer one.
    """
    pace = Pace(100, waits.clock, waits.sleep)
    pace.pause(5.0)
    pace.pause(1.0)
    ask(pace)
    ask(pace)
    assert waits.slept == [5.0]


@pytest.mark.parametrize("most", [1, 7])
def test_threads_share_one_pace(most: int) -> None:
    """
    Threads that ask at the same time are counted together.
    """
    waits = Waits()
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            waits.sleep(seconds)

    pace = Pace(most, waits.clock, sleep)

    def ask_often() -> None:
        for _ in range(5):
            ask(pace)

    threads = [threading.Thread(target=ask_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The last of 20 is in the window after all the full ones before it.
    assert waits.now_s >= (20 - 1) // most * WINDOW_S - 1e-9


def test_all_that_is_allowed_is_under_way(waits: Waits) -> None:
    """
    Where every request that is allowed still waits for its answer, the next waits for one of them.
    """
    answered = threading.Event()

    def sleep(seconds: float) -> None:
        waits.sleep(seconds)
        answered.set()

    pace = Pace(1, waits.clock, sleep)
    began = threading.Event()

    def ask_slowly() -> None:
        with pace.turn():
            began.set()
            answered.wait(60)

    slow = threading.Thread(target=ask_slowly)
    slow.start()
    assert began.wait(60)
    ask(pace)
    slow.join()
    assert waits.now_s >= WINDOW_S


def test_none_left_by_our_own_doing_is_no_pause(waits: Waits) -> None:
    """
    HubSpot says that none is left: where we asked for all of them we know when to go on; where we
    did not, others ask, too.
    """
    pace = Pace(5, waits.clock, waits.sleep)
    for left in (4, 3, 2, 1, 0):
        with pace.turn():
            pace.heed(5, left)
    waits.now_s += WINDOW_S - 0.5
    ask(pace)
    assert waits.slept == [0.5]
    pace = Pace(5, waits.clock, waits.sleep)
    with pace.turn():
        pace.heed(5, 0)
    ask(pace)
    assert waits.slept == [0.5, PAUSE_AT_NONE_LEFT_S]
