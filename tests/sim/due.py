"""What is due when, by hand: from an account of the events and from the plan, without asking the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.sim.account import Account, Heard
from tocsin.core.incident import events
from tocsin.core.model import StageId
from tocsin.core.policy import Advance, Cadence, Clock, Level, Milestone, Moment, Promise, Step

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that people have promised. `kept` promises are of no concern any more."""

    id: str
    due: datetime
    kept: bool = False


def rungs(account: Account) -> Iterator[tuple[int, Step, datetime]]:
    """The rungs still to come, each with the time at which it is taken if nothing else happens."""
    assert account.ladder_at is not None
    assert account.level_at is not None
    before = account.last_step_at if 0 in account.taken and account.last_step_at else account.ladder_at
    stalled = account.escalated_at or account.level_at
    ahead: datetime | None = None
    ladder = account.ladder
    last = max((number for number, step in enumerate(ladder) if step.clock is not Clock.HAND), default=-1)
    for number, step in enumerate(ladder):
        if number in account.taken or step.clock is Clock.HAND or account.moot(step.until):
            continue
        if step.clock is Clock.PROGRESS:
            # Escalation goes on from where it was, until it has been through.
            if number < account.come_to <= last:
                continue
            moves = [at for kind, at in account.moved.items() if kind in account.policy.progress.counts]
            at = max(stalled, *moves, stalled) + step.after
            at = max(at, account.extended_until or at)
        elif step.clock is Clock.ANSWER:
            at = before + step.after
        else:
            at = account.ladder_at + step.after
        before = ahead = at = max(at, ahead) if ahead else at
        stalled = at if step.clock is Clock.PROGRESS else stalled
        yield number, step, at


def again(account: Account) -> datetime | None:
    """When the ladder begins anew, where it has been through and nobody has answered."""
    level = _level(account)
    if level.repeat_every is None or account.status != "triggered" or account.last_step_at is None:
        return None
    if any(rungs(account)):
        return None
    assert account.ladder_at is not None
    return max(account.last_step_at, account.ladder_at) + level.repeat_every


def forgotten(account: Account) -> datetime | None:
    """When it counts as forgotten: too long after it was taken, or after the last progress."""
    lasts = _level(account).acknowledgement_lasts
    if account.status != "acknowledged" or lasts is None or account.acknowledged_at is None:
        return None
    moves = [at for kind, at in account.moved.items() if kind in account.policy.progress.counts]
    return max(account.acknowledged_at, *moves, account.acknowledged_at) + lasts


def warning(account: Account) -> tuple[datetime, datetime] | None:
    """When whoever leads is warned that nothing moves, and of which time."""
    first, before = next(rungs(account), None), account.policy.progress.warn_before
    if first is None or first[1].clock is not Clock.PROGRESS:
        return None
    if not timedelta(0) < before < first[1].after or account.warned_of == first[2]:
        return None
    return first[2] - before, first[2]


def carried(account: Account) -> Iterator[events.CarriedStep]:
    """Pages that were promised before the ladder began anew, and are wanted still."""
    yield from (one for one in account.carried.values() if not account.moot(one.until))


def thresholds(account: Account) -> Iterator[tuple[str, datetime]]:
    """When each condition will have held for long enough."""
    lasts = {row.threshold: row.lasts for row in account.policy.classifications if row.threshold}
    for name, (since, held) in account.thresholds.items():
        if not held and name in lasts:
            yield name, since + lasts[name]


def everything(account: Account) -> Iterator[tuple[str, datetime]]:
    """All that the clock must see to, but for the rings of pages."""
    for owed in promises(account):
        if not owed.kept:
            yield owed.id, owed.due
            yield from _reminders(account, owed)
    if account.over:
        return
    for number, _, at in rungs(account):
        yield f"step {number}", at
    for one in carried(account):
        yield f"step {one.step} of {one.incident or one.level}, carried", one.due_at
    for name, at in thresholds(account):
        yield f"threshold {name}", at
    for what, when in (("a new round", again(account)), ("forgotten", forgotten(account))):
        if when is not None:
            yield what, when
    if (warn := warning(account)) is not None:
        yield "warning", warn[0]


def _reminders(account: Account, owed: Owed) -> Iterator[tuple[str, datetime]]:
    """When whoever it concerns is warned of a promise: once for each time that the plan names."""
    before: list[timedelta] = []
    for promise in (*account.policy.promises, *account.policy.review_steps):
        before += promise.warn if promise_id(account, promise) == owed.id else ()
    for cadence in _level(account).updates:
        every = interval(account, cadence)
        if owed.id.startswith("update:") and owed.id.endswith(f":{cadence.audience}"):
            before += [one for one in cadence.warn if every is None or one < every]
    said = account.said.get(owed.id)
    for length in before:
        if said is None or said < owed.due - length:
            yield f"{length} before {owed.id}", owed.due - length


def promises(account: Account) -> list[Owed]:
    """All that people have promised and not broken yet."""
    found = [*_of_the_level(account), *_tasks(account), *_of_the_plan(account), *_updates(account)]
    return [one for one in found if one.id not in account.broken]


def _level(account: Account) -> Level:
    return next(one for one in account.policy.levels if one.id == account.level)


def _of_the_level(account: Account) -> Iterator[Owed]:
    level, tail = _level(account), _anew(account)
    assert account.level_at is not None
    taken = account.answered_at is not None
    if level.acknowledge_within and (taken or not account.over):
        yield Owed(f"acknowledge:{level.id}{tail}", account.level_at + level.acknowledge_within, taken)
    for number, step in enumerate(level.ladder):
        if step.promise and step.clock is Clock.LADDER:
            kept = _kept(account, step.until)
            if kept or not account.over:
                yield Owed(f"expect:{level.id}:{number}{tail}", account.level_at + step.after, kept)
    within = level.respond_within or level.acknowledge_within
    for role in account.policy.roles.values():
        kept = role.id in account.roles or role.id in account.by_default
        if level.id in role.at and within and (kept or not account.over):
            yield Owed(f"role:{role.id}:{level.id}{tail}", account.level_at + within, kept)


def _tasks(account: Account) -> Iterator[Owed]:
    for id, at in account.tasks.items():
        if not account.over or id in account.done:
            yield Owed(id, at, id in account.done)


def standing(account: Account) -> Iterator[tuple[Promise, datetime]]:
    """The promises of the plan that hold now, with the time that each counts from."""
    policy = account.policy
    if account.false_alarm or account.status == "merged":
        return
    review = account.over and any(account.holds(one) for one in policy.review_due_when)
    for one in (*policy.promises, *(policy.review_steps if review else ())):
        at = account.reached(one.anchor)
        if one.by_level and one.anchor is Milestone.OPENED:
            at = account.level_at
        if at is not None and (one.when is None or account.holds(one.when)):
            yield one, at


def promise_id(account: Account, promise: Promise) -> str:
    """What a promise is called in the events: another one at another level's time, and after a reopening."""
    own = f":{account.level}" if account.level in promise.by_level else ""
    if promise.anchor is not Milestone.OPENED:
        return f"promise:{promise.id}{own}" + (f":{account.reopened}" if account.reopened else "")
    return f"promise:{promise.id}{own}" + (_anew(account) if own else "")


def _anew(account: Account) -> str:
    """What tells the promises of a level apart from those that it made when its clocks began before."""
    times = len(account.begun[account.level])
    return f":{times - 1}" if times > 1 else ""


def _of_the_plan(account: Account) -> Iterator[Owed]:
    for one, at in standing(account):
        id = promise_id(account, one)
        within = next(
            (length for level, length in one.by_level.items() if level == account.level), one.within
        )
        kept = id in account.done if one.kept_by is None else _kept(account, one.kept_by)
        yield Owed(id, at + within, kept)


def _kept(account: Account, until: Milestone) -> bool:
    if until is Milestone.ACKNOWLEDGED and not account.over:
        return account.answered_at is not None
    return account.reached(until) is not None


def _updates(account: Account) -> Iterator[Owed]:
    for one in _level(account).updates:
        heard = account.heard.get(one.audience)
        due = _next_update(account, one, heard)
        if due is not None:
            yield Owed(f"update:{heard.count + 1 if heard else 1}:{one.audience}", due)


def interval(account: Account, cadence: Cadence) -> timedelta | None:
    """From one update to the next, as the stages that it came to make it; None: there is no next."""
    if cadence.at is Moment.DAILY:
        return timedelta(days=1)
    if cadence.at is not None or cadence.every is None:
        return None
    known = account.policy.stages
    return (
        cadence.every
        * min([100, *(known[one].updates_every for one in known if one in account.stages)])
        / 100
    )


def _next_update(account: Account, one: Cadence, heard: Heard | None) -> datetime | None:
    assert account.level_at is not None
    within = one.first_within or _level(account).respond_within or timedelta(0)
    if one.at in (Moment.RESOLVED, Moment.CHANGE):
        at = account.reached(Milestone.RESOLVED)
        if one.at is Moment.CHANGE:
            at = None if account.over else max(account.level_at, *account.milestones.values())
        elif account.false_alarm or account.status not in ("resolved", "closed"):
            at = None
        return None if at is None or (heard is not None and heard.at >= at) else at + within
    every = timedelta(days=1) if one.at is Moment.DAILY else one.every
    if account.over:
        return None
    if heard is None and one.first_within is not None:
        return account.level_at + one.first_within
    if every is None:
        return None
    # A level that wants it more often counts from when it became that level.
    since = max(heard.at, account.moved.get(Advance.LEVEL, heard.at)) if heard else account.level_at
    found = [since + every]
    for id, at in account.stages.items() if one.at is None else ():
        if id in account.policy.stages:
            # A stage counts from when it came: what was not asked for before then is not late.
            scale = account.policy.stages[StageId(id)].updates_every
            found.append(max(since, at) + every * scale / 100)
    return min(found)
