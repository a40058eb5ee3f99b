"""How fast the tap asks, on a clock that only waits move."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubspot_api.rate_limit import PAUSE_AT_NONE_LEFT_S, WINDOW_S, RateLimiter
from tests.tap.conftest import Waits

Steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.floats(0, 3)),
        st.tuples(st.just("idle"), st.floats(0, 12)),
        st.tuples(st.just("pause"), st.floats(0, 30)),
    ),
    max_size=60,
)


def ask(rate_limiter: RateLimiter) -> None:
    with rate_limiter.slot():
        pass


@given(most=st.integers(1, 8), steps=Steps)
def test_never_more_in_ten_seconds(most: int, steps: list[tuple[str, float]]) -> None:
    """
    However requests, idle time and pauses mix, no ten seconds hold more than the limit, whenever
    HubSpot counts a request: between start and response.
    """
    waits = Waits()
    rate_limiter = RateLimiter(most, waits.clock, waits.sleep)
    requests_made: list[tuple[float, float]] = []
    paused_until = 0.0
    for step, seconds in steps:
        if step == "ask":
            with rate_limiter.slot():
                began_s = waits.now_s
                assert began_s >= paused_until
                waits.now_s += seconds
            requests_made.append((began_s, waits.now_s))
        elif step == "idle":
            waits.now_s += seconds
        else:
            rate_limiter.pause(seconds)
            paused_until = max(paused_until, waits.now_s + seconds)
    for (_, answered_s), (began_s, _) in zip(requests_made, requests_made[most:], strict=False):
        assert began_s - answered_s >= WINDOW_S - 1e-9


def test_no_wait_below_the_limit(waits: Waits) -> None:
    """
    The first requests of a window go out at once; the next waits for the first to be ten s old.
    """
    rate_limiter = RateLimiter(3, waits.clock, waits.sleep)
    for _ in range(3):
        ask(rate_limiter)
        waits.now_s += 1.0
    assert waits.slept == []
    ask(rate_limiter)
    assert waits.slept == [7.0]
    assert rate_limiter.waited_s == 7.0


def test_all_wait_together(waits: Waits) -> None:
    """
    A shorter pause does not end a longer pause.
    """
    rate_limiter = RateLimiter(100, waits.clock, waits.sleep)
    rate_limiter.pause(5.0)
    rate_limiter.pause(1.0)
    ask(rate_limiter)
    ask(rate_limiter)
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

    rate_limiter = RateLimiter(most, waits.clock, sleep)

    def ask_often() -> None:
        for _ in range(5):
            ask(rate_limiter)

    threads = [threading.Thread(target=ask_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The last of 20 is in the window after all the full ones before it.
    assert waits.now_s >= (20 - 1) // most * WINDOW_S - 1e-9


def test_all_that_is_allowed_is_under_way(waits: Waits) -> None:
    """
    With all allowed requests in flight, the next waits for a response.
    """
    answered = threading.Event()

    def sleep(seconds: float) -> None:
        waits.sleep(seconds)
        answered.set()

    rate_limiter = RateLimiter(1, waits.clock, sleep)
    began = threading.Event()

    def ask_slowly() -> None:
        with rate_limiter.slot():
            began.set()
            answered.wait(60)

    slow = threading.Thread(target=ask_slowly)
    slow.start()
    assert began.wait(60)
    ask(rate_limiter)
    slow.join()
    assert waits.now_s >= WINDOW_S


def test_none_left_by_our_own_doing_is_no_pause(waits: Waits) -> None:
    """
    None left after all of our own requests is no pause; none left after fewer is, since others
    use the token, too.
    """
    rate_limiter = RateLimiter(5, waits.clock, waits.sleep)
    for rest in (4, 3, 2, 1, 0):
        with rate_limiter.slot():
            rate_limiter.update_from_headers(5, rest)
    waits.now_s += WINDOW_S - 0.5
    ask(rate_limiter)
    assert waits.slept == [0.5]
    rate_limiter = RateLimiter(5, waits.clock, waits.sleep)
    with rate_limiter.slot():
        rate_limiter.update_from_headers(5, 0)
    ask(rate_limiter)
    assert waits.slept == [0.5, PAUSE_AT_NONE_LEFT_S]


def test_special_requests_count_against_the_general_limit(waits: Waits) -> None:
    """
    Requests with a limit of their own keep to both limits.
    """
    general = RateLimiter(4, waits.clock, waits.sleep)
    special = general.special(2, 1.0)
    assert general.special(2, 1.0) is special
    for limiter in (special, special, special, general):
        with limiter.slot():
            pass
    assert waits.slept == [1.0]
    with general.slot():
        pass
    assert waits.now_s == 10.0
