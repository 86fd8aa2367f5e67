"""What must be true of time: nothing early, nothing late, nothing that was promised forgotten or put off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.sim import due
from tests.sim.account import Account
from tests.sim.stream import Stream
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.policy import Cadence


def nothing_comes_early(stream: Stream, one: Recorded) -> Iterator[str]:
    """What the clock does is due by then, and is what the plan says."""
    event = one.event
    named = _named(event, stream)
    if named is None:
        return
    dues = stream.dues
    for name, at in ((name, dues.get(name)) for name in named):
        if at is None:
            yield f"{type(event).__name__}: `{name}` is not due at all, only {sorted(dues)}"
        elif at > one.at:
            yield f"{type(event).__name__}: `{name}` is due at {at}"
    if (
        isinstance(event, events.PromiseBroken | events.UpdateMissed)
        and dues.get(event.deadline) != event.due_at
    ):
        yield f"{event.deadline} was due at {dues.get(event.deadline)}, not at {event.due_at}"


def _named(event: events.IncidentEvent, stream: Stream) -> list[str] | None:
    """What of the account's list an event of the clock carries out; None for whatever people do."""
    match event:
        case events.PromiseBroken() | events.UpdateMissed():
            return [event.deadline]
        case events.PromiseWarned():
            soon = [name for name in stream.dues if name.endswith(f" before {event.deadline}")]
            return [min(soon, key=lambda name: stream.dues[name])] if soon else [f"before {event.deadline}"]
        case events.CarriedStepTaken():
            return [f"step {event.step} of {event.incident or event.level}, carried"]
        case events.AcknowledgementLapsed():
            return ["forgotten"]
        case events.ThresholdHeld():
            return [f"threshold {event.threshold}"]
        case events.StallWarned():
            return ["warning"]
        case events.RoundStarted() if stream.began_anew and stream.account.status == "triggered":
            return []
        case events.RoundStarted() if stream.account.status == "triggered":
            return ["a new round"]
        case _:
            return None


def nothing_due_is_passed_over(stream: Stream, one: Recorded, calm_since: datetime) -> Iterator[str]:
    """While the engine turns, whatever falls due is done at that very moment."""
    for name, at in stream.dues.items():
        came = max(at, stream.known_since[name])
        if calm_since <= came < one.at:
            yield f"at {one.at} `{name}` has not been done, and fell due at {came}"


def overdue(stream: Stream, now: datetime) -> list[due.Owed]:
    """Promises that were broken before now, and nobody has looked yet."""
    dues = stream.dues
    late = [one for one in due.promises(stream.account) if not one.kept and one.due < now] if dues else []
    return [one for one in late if stream.known_since[one.id] < now]


def no_broken_promise_slips_away(late: list[due.Owed], stream: Stream) -> Iterator[str]:
    """What was not kept in time is recorded, whatever happens afterwards."""
    left = {one.id: one for one in due.promises(stream.account)}
    for one in late:
        if one.id not in stream.account.broken and (one.id not in left or left[one.id].kept):
            yield f"{one.id} was due at {one.due}, and nobody has heard of it"


def no_promised_page_is_put_off(stream: Stream, one: Recorded, calm_since: datetime) -> Iterator[str]:
    """Neither being raised or forgotten nor a merge or another plan puts off a page that has a time."""
    for pledge in stream.pledges.open:
        came = max(pledge.due, pledge.made_at)
        if calm_since <= came < one.at:
            yield f"{pledge.what} was to page {pledge.left} at {pledge.due}, and has not at {one.at}"


def nothing_promised_is_left(stream: Stream, now: datetime) -> Iterator[str]:
    """At rest nothing is overdue: by an account of the events, not by the engine's own list."""
    for name, at in stream.dues.items():
        if at <= now:
            yield f"{stream.id}: `{name}` fell due at {at}"
    for pledge in stream.pledges.open:
        if pledge.due <= now:
            yield f"{stream.id}: {pledge.what} was to page {pledge.left} at {pledge.due}"


def updates_are_missed_once_an_interval(stream: Stream, one: Recorded) -> Iterator[str]:
    """An update that does not come is recorded once for its interval, and the next lies ahead of it."""
    event = one.event
    if not isinstance(event, events.UpdateMissed):
        return
    if event.deadline in stream.account.broken:
        yield f"{event.deadline} is missed again"
    cadence = next(each for each in _cadences(stream.account) if each.audience == event.audience)
    every = due.interval(stream.account, cadence)
    if every is not None:
        past, rest = divmod(event.next_from - event.due_at, every)
        if rest or past < 0 or not event.next_from <= one.at < event.next_from + every:
            yield f"{event.deadline}, due at {event.due_at}, goes on from {event.next_from}, every {every}"
    elif event.next_from != event.due_at:
        yield f"{event.deadline} goes on from {event.next_from}"


def _cadences(account: Account) -> Iterator[Cadence]:
    yield from next(one.updates for one in account.policy.levels if one.id == account.level)


def warnings_come_in_time(stream: Stream, one: Recorded) -> Iterator[str]:
    """People are warned of what is still due, and before it is."""
    event = one.event
    if isinstance(event, events.PromiseWarned):
        due_at = stream.dues.get(event.deadline)
        if one.at >= event.due_at or event.due_at != due_at:
            yield f"warned of {event.deadline}, due at {due_at}, not {event.due_at}"


def promises_break_once(stream: Stream, one: Recorded) -> Iterator[str]:
    """A broken promise is recorded exactly once."""
    if isinstance(one.event, events.PromiseBroken) and one.event.deadline in stream.account.broken:
        yield f"{one.event.deadline} is broken again"


def one_extension(stream: Stream, one: Recorded) -> Iterator[str]:
    """What waits for progress is put off once, by as much as the plan grants, before its time."""
    event, account = one.event, stream.account
    if not isinstance(event, events.ProgressExtended):
        return
    first = next(due.rungs(account), None)
    granted = account.policy.progress.extend_by
    if account.extended_until is not None or not granted:
        yield f"extended again until {event.until}"
    elif first is None or event.until != first[2] + granted or not granted > timedelta(0):
        yield f"extended until {event.until}; the next step is {first}"


EVENT_RULES = (
    nothing_comes_early,
    updates_are_missed_once_an_interval,
    promises_break_once,
    warnings_come_in_time,
    one_extension,
)
TIMELY_RULES = (nothing_due_is_passed_over, no_promised_page_is_put_off)
"""Of each event while the engine turns."""
