"""How fast the tap asks, on a clock that only waits move."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_hubspot_engagements.pace import WINDOW_S, Pace
from tests.tap.conftest import Waits

Steps = st.lists(
    st.one_of(st.just("ask"), st.floats(0, 12), st.tuples(st.just("pause"), st.floats(0, 30))),
    max_size=60,
)


@given(most=st.integers(1, 8), steps=Steps)
def test_never_more_in_ten_seconds(most: int, steps: list[object]) -> None:
    """
    However requests, idle time and pauses mix, no ten seconds hold more than the limit.
    """
    waits = Waits()
    pace = Pace(most, waits.clock, waits.sleep)
    began: list[float] = []
    paused_until = 0.0
    for step in steps:
        if step == "ask":
            pace.wait()
            assert waits.now_s >= paused_until
            began.append(waits.now_s)
        elif isinstance(step, float):
            waits.now_s += step
        elif isinstance(step, tuple):
            pace.pause(step[1])
            paused_until = max(paused_until, waits.now_s + step[1])
    for earlier, later in zip(began, began[most:], strict=False):
        assert later - earlier >= WINDOW_S - 1e-9


def test_no_wait_below_the_limit(waits: Waits) -> None:
    """
    The first requests of a window go out at once; the next waits for the first to be ten s old.
    """
    pace = Pace(3, waits.clock, waits.sleep)
    for _ in range(3):
        pace.wait()
        waits.now_s += 1.0
    assert waits.slept == []
    pace.wait()
    assert waits.slept == [7.0]
    assert pace.waited_s == 7.0


def test_all_wait_together(waits: Waits) -> None:
    """
    A shorter pause does not end a longer one.
    """
    pace = Pace(100, waits.clock, waits.sleep)
    pace.pause(5.0)
    pace.pause(1.0)
    pace.wait()
    pace.wait()
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

    def ask() -> None:
        for _ in range(5):
            pace.wait()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The last of 20 is in the window after all the full ones before it.
    assert waits.now_s >= (20 - 1) // most * WINDOW_S - 1e-9
