"""The circuit breaker as a pure state machine: `now` is an argument, every function returns a new state.

    closed --(too many failures)--> open --(cooldown over)--> half-open --(probe succeeds)--> closed
                                     ^-----------(probe fails)-----'

What a caller may rely on:
- while half-open there is at most one probe on its way; every other caller is refused at once;
- a probe whose caller vanished does not block: after `probe_seconds` another one is admitted, and the late
  answer of the first is ignored (its ticket is stale), as is any answer to a call from before a change;
- `permanent` is set by rule (open for long, or many probes failed in a row) and cleared only by closing. The
  breaker still probes, so that a dependency that comes back is used again.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Position(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True)
class Policy:
    """When to open and how to come back. Seconds and counts; a rate is a share of 1."""

    window_seconds: float = 60.0
    calls_min: int = 10  # fewer calls in the window say nothing about a rate
    failure_rate: float = 0.5
    failures_in_a_row: int = 5  # opens at once, also with few calls
    open_seconds: float = 10.0  # first cooldown, doubled after each failed probe
    open_seconds_max: float = 60.0
    probe_seconds: float = 15.0  # longer than the longest call
    permanent_after_seconds: float = 600.0
    permanent_after_probes: int = 10

    def __post_init__(self) -> None:
        counts = (self.calls_min, self.failures_in_a_row, self.permanent_after_probes)
        seconds = (self.window_seconds, self.open_seconds, self.probe_seconds, self.permanent_after_seconds)
        if min(counts) < 1 or min(seconds) <= 0 or not 0 < self.failure_rate <= 1:
            raise ValueError(
                "A breaker policy needs counts of at least 1, seconds above 0 and a rate in (0, 1]."
            )
        if self.open_seconds_max < self.open_seconds:
            raise ValueError("open_seconds_max must not be below open_seconds.")


SLICES = 10  # the window moves in tenths: exact enough, and constant memory


# Tuples, because they are made anew with each call, and that costs a third of what a dataclass does.


class Slice(NamedTuple):
    number: int
    calls: int
    failures: int


class Breaker(NamedTuple):
    """Everything the breaker knows."""

    position: Position = Position.CLOSED
    generation: int = 0  # grows with each change and each probe: the fence for late answers
    slices: tuple[Slice, ...] = ()
    in_a_row: int = 0
    since: float = 0.0  # when this position began
    opened_since: float | None = None  # when the present outage began (kept through half-open)
    cooldown_seconds: float = 0.0
    probes_failed: int = 0
    probe_until: float | None = None  # while a probe is on its way
    permanent: bool = False


class Ticket(NamedTuple):
    """The permission for one call; hand it back with the outcome."""

    generation: int
    probe: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What became visible, for history and notices."""

    before: Position
    after: Position
    reason: str
    permanent: bool = False


def admit(breaker: Breaker, policy: Policy, now: float) -> tuple[Breaker, Ticket | None, Change | None]:
    """Ask for one call. None instead of a ticket: refused, do not call."""
    if breaker.position is Position.CLOSED:
        return breaker, Ticket(breaker.generation, probe=False), None
    if breaker.position is Position.OPEN:
        if now < breaker.since + breaker.cooldown_seconds:
            return breaker, None, None
        change = Change(Position.OPEN, Position.HALF_OPEN, "the cooldown is over; one probe is sent")
        return *_probe(breaker._replace(position=Position.HALF_OPEN, since=now), policy, now), change
    if breaker.probe_until is not None and now < breaker.probe_until:
        return breaker, None, None
    return *_probe(breaker, policy, now), None


def _probe(breaker: Breaker, policy: Policy, now: float) -> tuple[Breaker, Ticket]:
    generation = breaker.generation + 1
    sent = breaker._replace(generation=generation, probe_until=now + policy.probe_seconds)
    return sent, Ticket(generation, probe=True)


def report(
    breaker: Breaker, policy: Policy, now: float, ticket: Ticket, succeeded: bool
) -> tuple[Breaker, Change | None]:
    """Tell the outcome of an admitted call. A stale ticket changes nothing."""
    if ticket.generation != breaker.generation:
        return breaker, None
    if ticket.probe:
        return (
            close(breaker, now, "the probe succeeded") if succeeded else _probe_failed(breaker, policy, now)
        )
    breaker = _count(breaker, policy, now, succeeded)
    if succeeded:
        return breaker, None
    reason = _why_open(breaker, policy)
    return open_now(breaker, policy, now, reason) if reason else (breaker, None)


def abandon(breaker: Breaker, ticket: Ticket) -> Breaker:
    """The call was cancelled and says nothing: a probe's place is free again at once."""
    if ticket.probe and ticket.generation == breaker.generation:
        return breaker._replace(probe_until=None)
    return breaker


def _count(breaker: Breaker, policy: Policy, now: float, succeeded: bool) -> Breaker:
    number = int(now // (policy.window_seconds / SLICES))
    slices, failed = breaker.slices, not succeeded
    if slices and slices[-1].number >= number:  # ">" if the clock stood or went back: count into the newest
        last = slices[-1]
        slices = (*slices[:-1], Slice(last.number, last.calls + 1, last.failures + failed))
    else:
        kept = tuple(s for s in slices if s.number > number - SLICES)
        slices = (*kept, Slice(number, 1, int(failed)))
    # Written out, because this runs once per call and `_replace` takes three times as long.
    return Breaker(
        breaker.position,
        breaker.generation,
        slices,
        breaker.in_a_row + 1 if failed else 0,
        breaker.since,
        breaker.opened_since,
        breaker.cooldown_seconds,
        breaker.probes_failed,
        breaker.probe_until,
        breaker.permanent,
    )


def _why_open(breaker: Breaker, policy: Policy) -> str:
    if breaker.in_a_row >= policy.failures_in_a_row:
        return f"{breaker.in_a_row} calls failed in a row"
    calls = sum(s.calls for s in breaker.slices)
    failures = sum(s.failures for s in breaker.slices)
    if calls >= policy.calls_min and failures >= policy.failure_rate * calls:
        return f"{failures} of {calls} calls failed within {policy.window_seconds:g} s"
    return ""


def open_now(breaker: Breaker, policy: Policy, now: float, reason: str) -> tuple[Breaker, Change | None]:
    """Open from closed: by the rules, or because somebody said so."""
    if breaker.position is not Position.CLOSED:
        return breaker, None
    opened = Breaker(
        position=Position.OPEN,
        generation=breaker.generation + 1,
        since=now,
        opened_since=now,
        cooldown_seconds=policy.open_seconds,
    )
    return opened, Change(Position.CLOSED, Position.OPEN, reason)


def _probe_failed(breaker: Breaker, policy: Policy, now: float) -> tuple[Breaker, Change]:
    failed = breaker._replace(
        position=Position.OPEN,
        generation=breaker.generation + 1,
        since=now,
        cooldown_seconds=min(breaker.cooldown_seconds * 2, policy.open_seconds_max),
        probes_failed=breaker.probes_failed + 1,
        probe_until=None,
    )
    return failed, Change(Position.HALF_OPEN, Position.OPEN, "the probe failed")


def judge(breaker: Breaker, policy: Policy, now: float) -> tuple[Breaker, Change | None]:
    """Apply the rule for `permanently open`. Call it now and then; it changes at most that flag."""
    if breaker.position is Position.CLOSED or breaker.permanent or breaker.opened_since is None:
        return breaker, None
    seconds = now - breaker.opened_since
    if seconds >= policy.permanent_after_seconds:
        reason = f"open for {seconds:.0f} s"
    elif breaker.probes_failed >= policy.permanent_after_probes:
        reason = f"{breaker.probes_failed} probes failed in a row"
    else:
        return breaker, None
    change = Change(breaker.position, breaker.position, f"permanently open: {reason}", permanent=True)
    return breaker._replace(permanent=True), change


def close(breaker: Breaker, now: float, reason: str) -> tuple[Breaker, Change | None]:
    """Close and forget the window: by a good probe, or because somebody reset it."""
    if breaker.position is Position.CLOSED:
        return breaker._replace(slices=(), in_a_row=0), None
    closed = Breaker(generation=breaker.generation + 1, since=now)
    return closed, Change(breaker.position, Position.CLOSED, reason)
