"""The level: raised or lowered by alerts and people, and what the plan's clocks make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from tocsin.core.incident import commands, events
from tocsin.core.incident.breaking import own_up
from tocsin.core.incident.deadlines import describe
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.events import CarriedStep
from tocsin.core.incident.ladder import start_round
from tocsin.core.incident.paging import page
from tocsin.core.incident.standing import already_over
from tocsin.core.incident.state import Incident
from tocsin.core.incident.status import Status
from tocsin.core.incident.steps import StepTime, step_times
from tocsin.core.incident.targets import find, ids
from tocsin.core.incident.updates import announce
from tocsin.core.model import Actor, ActorKind, LevelId, Refused
from tocsin.core.policy import Clock, Policy, Rebase
from tocsin.core.severity import Judgement

_PAGES_AT_A_TIME = (Clock.LADDER, Clock.ANSWER)
"""Clocks that promise a page at a time; the others wait for what people do or leave undone."""


def set_level(draft: Draft, command: commands.SetLevel, actor: Actor) -> Refused | None:
    """A person says how bad it is."""
    state, known = draft.state, {level.id: level for level in draft.policy.levels}
    if state.status.over:
        return already_over(state)
    if command.level not in known:
        return Refused(f"The plan has no level {command.level}; it has {', '.join(known)}.")
    if command.level == state.level:
        return Refused(f"{state.id} is {state.level} already.")
    if known[command.level].rank < draft.level.rank:
        raise_level(draft, Judgement(known[command.level], command.reason), actor)
        return None
    return lower_to(draft, command.level, command.reason, actor)


def raise_level(draft: Draft, judged: Judgement, actor: Actor) -> None:
    """It is worse: unanswered again, and nobody is paged later than the milder level had promised."""
    own_up(draft)
    before, level = draft.state, judged.level.id
    since = before.opened_at if draft.policy.reclassify.clocks is Rebase.OPENED else None
    carried = tuple(_carried(before, draft.policy, level, since or draft.now, draft.now))
    draft.add(events.LevelRaised(level, before.level, judged.reason, since, carried), actor)
    start_round(draft, f"raised from {before.level} to {level}", since)
    announce(draft)


def lower_to(draft: Draft, level: LevelId, reason: str, actor: Actor) -> Refused | None:
    """It is milder: whoever has it keeps it, and steps that would be past count as taken and page nobody."""
    lower = draft.policy.reclassify.lower
    if lower and (actor.kind is not ActorKind.PERSON or actor.id not in ids(draft, lower)):
        return Refused(f"Only {describe(lower)} may lower the level of {draft.state.id}.")
    own_up(draft)
    before = draft.state
    since = before.opened_at if draft.policy.reclassify.clocks is Rebase.OPENED else None
    draft.add(events.LevelLowered(level, before.level, reason, since), actor)
    past = _if_it_began(draft.state, draft.policy, level, since or draft.now)
    taken = max((one.index + 1 for one in past if one.due_at <= draft.now), default=0)
    again = f"lowered from {before.level} to {level}"
    draft.add(events.RoundStarted(draft.state.round + 1, again, since, taken))
    announce(draft)
    return None


def take_carried(draft: Draft, carried: CarriedStep) -> None:
    """A page that the milder level had promised for now: whoever was not asked since it was raised is."""
    found = find(draft, carried.targets)
    asked = {one.person for one in draft.state.pages if one.id > draft.state.round_pages}
    paged = [(person, why) for person, why in found.paged if person.id not in asked]
    people = tuple(person.id for person, _ in paged)
    draft.add(events.CarriedStepTaken(carried.level, carried.step, people, found.unreachable, found.answered))
    for person, why in paged:
        page(draft, person, f"{why}, step {carried.step + 1} as {carried.level} promised", carried.until)


def _carried(
    state: Incident, policy: Policy, level: LevelId, since: datetime, now: datetime
) -> Iterator[CarriedStep]:
    """Pages that the old level had promised for earlier than the new one would bring them."""
    new = [
        (target, max(one.due_at, now))
        for one in _if_it_began(state, policy, level, since)
        for target in one.step.targets
    ]
    for one in _promised(state, policy):
        late = [
            target
            for target in one.step.targets
            if not any(target == paged and at <= one.due_at for paged, at in new)
        ]
        if late:
            yield CarriedStep(state.level, one.index, one.due_at, tuple(late), one.step.until)


def _promised(state: Incident, policy: Policy) -> list[StepTime]:
    """Rungs with a time that are still to come; after the last of them, those of the next round."""
    left = [one for one in step_times(state, policy) if one.step.clock in _PAGES_AT_A_TIME]
    level = policy.level(state.level)
    if left or level.repeat_every is None or state.status is not Status.TRIGGERED:
        return left
    if state.last_step_at is None:
        return left
    again_at = max(state.last_step_at, state.ladder_at) + level.repeat_every
    return _if_it_began(state, policy, state.level, again_at)


def _if_it_began(state: Incident, policy: Policy, level: LevelId, at: datetime) -> list[StepTime]:
    """When the rungs of a level's ladder fall due if it begins at `at`, as far as they have a time."""
    begun = replace(state, level=level, ladder_at=at, steps_taken=0)
    return [one for one in step_times(begun, policy) if one.step.clock in _PAGES_AT_A_TIME]
