"""Messages that want no answer: each goes to exactly those whom the plan names, once by each channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.sim import due
from tests.sim.account import Account
from tests.sim.duty import Duty
from tests.sim.whom import Sent, channels_for_news, meant, takes_turns, views
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.model import ActorKind, PersonId
from tocsin.core.policy import Cadence, Step, Target

if TYPE_CHECKING:
    from tests.sim.stream import Stream

Way = tuple[str, str]
"""A person and a channel."""

IN_BETWEEN = (
    events.PageStarted,
    events.PageWithdrawn,
    events.RingSent,
    events.RingSkipped,
    events.NobodyReached,
)
"""What may stand between an event and the messages about it: its pages."""


@dataclass(slots=True)
class Errand:
    """An event of which people are told: whom the plan names, who hears of it already, and who was told.

    `wanted` is every answer that holds for what a node may have taken for true; None: nobody can say.
    """

    cause: Recorded
    targets: tuple[Target, ...]
    besides: frozenset[str]
    told: Counter[Way] = field(default_factory=Counter)
    wanted: list[Counter[Way]] | None = None


def whoever_is_named_is_told(
    stream: Stream, one: Recorded | None, duty: Duty, sent: Sent | None, *, calm: bool
) -> Iterator[str]:
    """Of an update, a step, a broken promise hear exactly those whom the plan names, once by each channel.

    `one` is None when there is nothing more to read. `sent` is None where nobody knows in which order pages
    went out, and `calm` is false where a node may have decided by what was true long before.
    """
    errand = stream.errand
    if one is not None and isinstance(one.event, IN_BETWEEN):
        return
    if errand is not None and errand.wanted is None and calm:
        errand.wanted = _wanted(stream, errand, duty, sent)
    if one is not None and isinstance(one.event, events.Told):
        if errand is None or not _is_about(errand.cause, one.event, one):
            yield f"{one.event.person} is told “{one.event.words}” for no reason"
        else:
            errand.told[one.event.person, one.event.channel] += 1
        return
    if errand is not None and errand.wanted and errand.told not in errand.wanted:
        yield f"of {errand.cause} hear {dict(errand.told)}; the plan means {list(map(dict, errand.wanted))}"
    stream.errand = None if one is None else Errand(one, *_named(stream, one))


def _is_about(cause: Recorded, told: events.Told, one: Recorded) -> bool:
    update = isinstance(cause.event, events.UpdatePosted)
    return cause.at == one.at and (not update or cause.event.text == told.words)  # type: ignore[union-attr]


def _wanted(stream: Stream, errand: Errand, duty: Duty, sent: Sent | None) -> list[Counter[Way]]:
    turns = takes_turns(stream, errand.targets)
    if turns and sent is None:
        return []
    at, found = errand.cause.at, []
    for known in views(duty, (sent or ()) if turns else (), at):
        people = [one for one in meant(stream, errand.targets, at, known) if one in known.reachable]
        ways = [
            (person, channel)
            for person in people
            if person not in errand.besides
            for channel in channels_for_news(person, stream, known)
        ]
        found.append(Counter(ways))
    return found


def _named(stream: Stream, cause: Recorded) -> tuple[tuple[Target, ...], frozenset[str]]:
    """Whom the plan wants told of an event, and who hears of it already."""
    event, account = cause.event, stream.account
    match event:
        case events.UpdatePosted():
            wrote = [cause.actor.id] if cause.actor.kind is ActorKind.PERSON else []
            return _cadence(account, event.audience).to, frozenset(wrote)
        case events.StepTaken():
            return _with_stage(account, account.ladder[event.step]), frozenset(event.paged)
        case events.CarriedStepTaken():
            carried = account.carried[event.incident, event.level, event.step]
            own = event.incident is None and event.level == account.level
            rungs = account.ladder[event.step : event.step + 1] if own else ()
            whole = [one for one in rungs if one.targets == carried.targets]
            return (_with_stage(account, whole[0]) if whole else ()), frozenset(event.paged)
        case events.TriggerFired():
            (trigger,) = (one for one in account.policy.triggers if one.id == event.trigger)
            return trigger.tell, frozenset(event.paged)
        case events.StallWarned() if event.due_at > cause.at:
            return _lead(stream), frozenset()
        case events.PromiseBroken() | events.PromiseWarned() | events.UpdateMissed():
            if event.deadline.startswith(("acknowledge:", "expect:")):
                return (), frozenset()  # the ladder sees to these
            made = (*account.policy.promises, *account.policy.review_steps)
            named = [one.tell for one in made if due.promise_id(account, one) == event.deadline]
            return (*_lead(stream), *(named[0] if named else ())), frozenset()
        case _:
            return (), frozenset()


def _with_stage(account: Account, step: Step) -> tuple[Target, ...]:
    stage = account.policy.stages.get(step.stage) if step.stage else None
    return (*step.tell, *(stage.tell if stage else ()))


def _cadence(account: Account, audience: str) -> Cadence:
    """That of its level, or else of the worst level that has this audience."""
    own = [one for one in account.policy.levels if one.id == account.level]
    found = [one for level in (*own, *account.policy.levels) for one in level.updates]
    return next(one for one in found if one.audience == audience)


def _lead(stream: Stream) -> tuple[Target, ...]:
    """Who has the plan's first role; else who has taken it; else whoever has that role by default."""
    account, first = stream.account, next(iter(stream.policy.roles), None)
    if first in account.roles:
        return (Target(person=PersonId(account.roles[first])),)
    if account.taker is not None:
        return (Target(person=PersonId(account.taker)),)
    return (Target(role=first),) if first is not None else ()
