"""The breaker of one replica, with a clock of the test."""

from augury.inference.service.breaker import FAILURES, OPEN_SECONDS, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.lets_through()
        breaker.failed()
    return breaker, clock


def test_it_opens_after_so_many_failures_in_a_row_and_no_fewer() -> None:
    breaker = Breaker(Clock())
    for _ in range(5):
        for _ in range(FAILURES - 1):
            breaker.failed()
        assert breaker.is_closed
        breaker.succeeded()
    for _ in range(FAILURES):
        assert breaker.lets_through()
        breaker.failed()
    assert not breaker.is_closed
    assert not breaker.lets_through()


def test_after_a_while_one_call_is_let_through_to_find_out() -> None:
    breaker, clock = opened()
    clock.now += OPEN_SECONDS - 0.01
    assert not breaker.lets_through()
    clock.now += 0.01
    assert breaker.lets_through()
    assert not breaker.lets_through()
    breaker.succeeded()
    assert breaker.is_closed
    assert breaker.lets_through()
    assert breaker.lets_through()


def test_a_probe_that_fails_doubles_the_pause_up_to_a_limit() -> None:
    breaker, clock = opened()
    pauses = []
    for _ in range(8):
        begun = clock.now
        while not breaker.lets_through():
            clock.now += 0.25
        pauses.append(clock.now - begun)
        breaker.failed()
    assert pauses == [1, 2, 4, 8, 15, 15, 15, 15]


def test_calls_that_were_on_their_way_do_not_lengthen_the_pause() -> None:
    breaker, clock = opened()
    clock.now += OPEN_SECONDS
    assert breaker.lets_through()
    breaker.succeeded()
    breaker.failed()
    assert breaker.is_closed


def test_a_probe_of_which_nobody_tells_does_not_close_the_way_for_good() -> None:
    breaker, clock = opened()
    clock.now += OPEN_SECONDS
    assert breaker.lets_through()
    clock.now += 14.9
    assert not breaker.lets_through()
    clock.now += 0.1
    assert breaker.lets_through()
    assert not breaker.lets_through()
    breaker.succeeded()
    assert breaker.is_closed
