"""The circuit breaker: its table, and its promises under any sequence of calls, answers, losses and time."""

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tocsin_guard import breaker as b
from tocsin_guard.breaker import Breaker, Policy, Position, Ticket

POLICY = Policy(
    window_seconds=60,
    calls_min=10,
    failure_rate=0.5,
    failures_in_a_row=5,
    open_seconds=10,
    open_seconds_max=40,
    probe_seconds=15,
    permanent_after_seconds=300,
    permanent_after_probes=4,
)


def calls(breaker: Breaker, outcomes: str, now: float, step: float = 0.1) -> tuple[Breaker, float]:
    """ "+" is a call that succeeds, "-" one that fails; refused ones are not made."""
    for outcome in outcomes:
        breaker, ticket, _ = b.admit(breaker, POLICY, now)
        if ticket is not None:
            breaker, _ = b.report(breaker, POLICY, now, ticket, outcome == "+")
        now += step
    return breaker, now


@pytest.mark.parametrize(
    ("outcomes", "step", "position"),
    [
        pytest.param("+" * 50, 0.1, Position.CLOSED, id="healthy stays closed"),
        pytest.param("----", 0.1, Position.CLOSED, id="four failures in a row are not yet five"),
        pytest.param("-----", 0.1, Position.OPEN, id="five in a row open at once"),
        pytest.param("----+----", 0.1, Position.CLOSED, id="a success starts the row anew"),
        pytest.param("--+--+--+--", 0.1, Position.OPEN, id="half of ten and more calls open by rate"),
        pytest.param("-++-++-++-++-++", 0.1, Position.CLOSED, id="a third is below the rate"),
        pytest.param("--+--+--+--", 30, Position.CLOSED, id="the same over minutes is too old"),
    ],
)
def test_when_it_opens(outcomes: str, step: float, position: Position) -> None:
    assert calls(Breaker(), outcomes, 1000.0, step)[0].position is position


def opened(now: float = 1000.0) -> Breaker:
    return calls(Breaker(), "-----", now, 0)[0]


def test_it_says_why_it_opened() -> None:
    _, change = b.open_now(Breaker(), POLICY, 5.0, "five failed")
    assert change == b.Change(Position.CLOSED, Position.OPEN, "five failed")


def test_while_open_everybody_is_refused_until_the_cooldown_is_over() -> None:
    assert b.admit(opened(), POLICY, 1009.9)[1] is None
    breaker, ticket, change = b.admit(opened(), POLICY, 1010.0)
    assert ticket is not None
    assert ticket.probe
    assert change is not None
    assert (change.before, change.after) == (Position.OPEN, Position.HALF_OPEN)
    assert b.admit(breaker, POLICY, 1010.0)[1] is None, "a second caller is not a probe"


def test_a_good_probe_closes_and_a_failed_one_doubles_the_cooldown_up_to_its_bound() -> None:
    breaker, ticket, _ = b.admit(opened(), POLICY, 1010.0)
    assert ticket is not None
    assert b.report(breaker, POLICY, 1011.0, ticket, True)[0].position is Position.CLOSED
    now, waits = 1010.0, []
    breaker = opened()
    for _ in range(4):
        breaker, ticket, _ = b.admit(breaker, POLICY, now)
        assert ticket is not None
        breaker, _ = b.report(breaker, POLICY, now, ticket, False)
        waits.append(breaker.cooldown_seconds)
        now += breaker.cooldown_seconds
    assert waits == [20, 40, 40, 40]


def test_a_lost_probe_makes_room_for_another_and_its_late_answer_counts_for_nothing() -> None:
    breaker, lost, _ = b.admit(opened(), POLICY, 1010.0)
    assert lost is not None
    assert b.admit(breaker, POLICY, 1024.9)[1] is None
    breaker, second, _ = b.admit(breaker, POLICY, 1025.0)
    assert second is not None
    assert b.report(breaker, POLICY, 1026.0, lost, True) == (breaker, None)
    assert b.report(breaker, POLICY, 1026.0, second, True)[0].position is Position.CLOSED


def test_a_cancelled_probe_frees_its_place_at_once() -> None:
    breaker, ticket, _ = b.admit(opened(), POLICY, 1010.0)
    assert ticket is not None
    assert b.admit(b.abandon(breaker, ticket), POLICY, 1010.0)[1] is not None


def test_an_answer_from_before_the_outage_does_not_close_it() -> None:
    _, old, _ = b.admit(Breaker(), POLICY, 999.0)
    assert old is not None
    breaker = opened()
    assert b.report(breaker, POLICY, 1001.0, old, True) == (breaker, None)


def test_permanently_open_is_flagged_by_time_or_by_probes_once_and_cleared_by_closing() -> None:
    assert b.judge(opened(), POLICY, 1299.0)[1] is None
    breaker, change = b.judge(opened(), POLICY, 1300.0)
    assert change is not None
    assert breaker.permanent
    assert change.permanent
    assert b.judge(breaker, POLICY, 1400.0) == (breaker, None)
    breaker, ticket, _ = b.admit(breaker, POLICY, 1400.0)
    assert ticket is not None, "it still probes"
    assert not b.report(breaker, POLICY, 1400.0, ticket, True)[0].permanent
    probed = opened()._replace(probes_failed=4)
    assert b.judge(probed, POLICY, 1100.0)[0].permanent


def test_a_clock_that_stands_or_goes_back_neither_crashes_nor_grows_the_window() -> None:
    breaker = Breaker()
    for now in (1000.0, 900.0, 1000.0, 1000.0, 0.0):
        breaker, _ = b.report(breaker, POLICY, now, Ticket(0, False), True)
    assert len(breaker.slices) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Policy(calls_min=0),
        lambda: Policy(failure_rate=0),
        lambda: Policy(failure_rate=1.1),
        lambda: Policy(open_seconds=0),
        lambda: Policy(open_seconds=100, open_seconds_max=10),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: Callable[[], Policy]) -> None:
    with pytest.raises(ValueError, match=r"policy|open_seconds_max"):
        wrong()


class AnyHistory(RuleBasedStateMachine):
    """Calls in any number and order, late and lost answers, resets, time in small and large steps."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.now = Breaker(), 0.0
        self.under_way: list[Ticket] = []
        self.probes: list[tuple[Ticket, float]] = []
        self.reported_since_closed: list[bool] = []

    def _moved(self, change: b.Change | None, before: Breaker) -> None:
        """Every visible change is told, and nothing else is."""
        told = change is not None and change.before is not change.after
        assert told == (before.position is not self.breaker.position)
        if self.breaker.position is Position.CLOSED and before.position is not Position.CLOSED:
            self.reported_since_closed = []

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 7.0, 16.0, 61.0, 700.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def call(self) -> None:
        before = self.breaker
        self.breaker, ticket, change = b.admit(before, POLICY, self.now)
        self._moved(change, before)
        if before.position is Position.CLOSED:
            assert ticket is not None
            assert not ticket.probe
        if ticket is None:
            return
        self.under_way.append(ticket)
        if ticket.probe:
            live = [p for p, until in self.probes if p in self.under_way[:-1] and self.now < until]
            assert not live, "two probes at once"
            self.probes.append((ticket, self.now + POLICY.probe_seconds))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), succeeded=st.booleans())
    def answer(self, data: st.DataObject, succeeded: bool) -> None:
        ticket = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        before = self.breaker
        self.breaker, change = b.report(before, POLICY, self.now, ticket, succeeded)
        self._moved(change, before)
        if ticket.generation != before.generation:
            assert self.breaker == before, "a stale answer changed something"
            return
        if before.position is Position.HALF_OPEN:
            assert ticket.probe
            assert self.breaker.position is (Position.CLOSED if succeeded else Position.OPEN)
        if before.position is Position.CLOSED:
            self.reported_since_closed.append(succeeded)
            if self.breaker.position is Position.OPEN:
                assert not succeeded, "a success opened it"
                failures = self.reported_since_closed.count(False)
                assert failures >= min(POLICY.failures_in_a_row, POLICY.calls_min * POLICY.failure_rate)
            else:
                assert not self._row_is_full(), "enough failures in a row, and still closed"

    def _row_is_full(self) -> bool:
        row = self.reported_since_closed[-POLICY.failures_in_a_row :]
        return len(row) == POLICY.failures_in_a_row and not any(row)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        ticket = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        self.breaker = b.abandon(self.breaker, ticket)

    @rule()
    def reset(self) -> None:
        before = self.breaker
        self.breaker, change = b.close(before, self.now, "reset")
        self._moved(change, before)
        self.reported_since_closed = []
        assert self.breaker.position is Position.CLOSED

    @rule()
    def judge(self) -> None:
        before = self.breaker
        self.breaker, change = b.judge(before, POLICY, self.now)
        assert (change is not None) == (self.breaker.permanent and not before.permanent)

    @invariant()
    def what_it_holds_agrees(self) -> None:
        closed = self.breaker.position is Position.CLOSED
        assert closed == (self.breaker.opened_since is None)
        assert not (closed and self.breaker.permanent)
        assert self.breaker.probe_until is None or self.breaker.position is Position.HALF_OPEN
        assert len(self.breaker.slices) <= b.SLICES
        assert self.breaker.cooldown_seconds <= POLICY.open_seconds_max

    @invariant()
    def it_never_stays_shut_for_ever(self) -> None:
        later = self.now + POLICY.open_seconds_max + POLICY.probe_seconds
        assert b.admit(self.breaker, POLICY, later)[1] is not None


TestAnyHistory = AnyHistory.TestCase
