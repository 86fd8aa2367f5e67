"""The ladder: who is paged when, what happens when nobody can be, and the way round a channel that fails."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.aloud import are, called
from tocsin.core.incident import commands, events
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.pages import page, send
from tocsin.core.incident.paging.targets import find
from tocsin.core.incident.paging.telling import give_tasks, tell, tell_lead
from tocsin.core.incident.promises.deadlines import moot
from tocsin.core.incident.promises.steps import stalled_step, step_times, taken
from tocsin.core.incident.state.open_page import Page
from tocsin.core.incident.state.standing import already_over
from tocsin.core.incident.status import Status
from tocsin.core.model import Actor, Alarm, PersonId, Refused, StageId
from tocsin.core.policy import Clock, Milestone, Stage, Step
from tocsin.core.recorded import recorded


def start_round(draft: Draft, reason: str, since: datetime | None = None) -> None:
    """Begin the ladder again, its clock from `since` or now, and take what is due at once."""
    draft.add(events.RoundStarted(draft.state.round + 1, reason, since))
    take_due_steps(draft)


def take_due_steps(draft: Draft) -> None:
    """Take every rung whose time has come, in order."""
    while (first := next(step_times(draft.state, draft.policy), None)) is not None:
        if first.due_at > draft.now:
            return
        take_step(draft, first.index)


def take_step(draft: Draft, index: int, *, blocked: bool = False) -> None:
    """Take one rung. Where it reaches nobody the next follows at once, and after the last the catch-all.

    A rung that pages nobody by the plan reaches nobody only where the path is `blocked` before it.
    """
    missing: list[str] = []
    until = Milestone.ACKNOWLEDGED
    step: int | None = index
    while step is not None:
        rung = draft.level.ladder[step]
        if rung.targets:
            until = rung.until
        if _take_one(draft, step, missing) or not (rung.targets or blocked):
            return
        blocked = True
        step = _next_step(draft)
    page_catch_all(draft, until, missing)


def escalate(draft: Draft, command: commands.Escalate, actor: Actor) -> Refused | None:
    """A person asks for the next rung, also for one that has no clock."""
    state = draft.state
    if state.status.over:
        return already_over(state)
    step = _next_step(draft, by_hand=True)
    if step is None:
        return Refused(f"The ladder of {state.level} has no further step for {state.id}.")
    draft.add(events.Escalated(command.reason), actor)
    take_step(draft, step)
    return None


def extend(draft: Draft, command: commands.ExtendProgress, actor: Actor) -> Refused | None:
    """Put off the rung that is to come for want of progress, once."""
    state, longer = draft.state, draft.policy.progress.extend_by
    if state.status.over:
        return already_over(state)
    if not longer:
        return Refused("The plan grants no extension.")
    if state.extended_until is not None:
        return Refused(f"{state.id} was extended already, and the plan grants that once.")
    step = stalled_step(state, draft.policy)
    if step is None:
        return Refused(f"No step of {state.id} waits for progress.")
    draft.add(events.ProgressExtended(step.due_at + longer, command.reason), actor)
    return None


def warn(draft: Draft, index: int) -> None:
    """Tell whoever leads that the next rung is near, unless something moves; not when it comes now."""
    step = stalled_step(draft.state, draft.policy)
    assert step is not None
    assert step.index == index
    draft.add(events.StallWarned(draft.state.round, index, step.due_at))
    if step.due_at > draft.now:
        at = recorded(step.due_at)
        follows = f"step {index + 1} of {draft.level.id} follows at {at}"
        tell_lead(draft, f"No progress is recorded. Without any, {follows}.")


def advance(draft: Draft, missing: list[str]) -> None:
    """The path is blocked here: take the next rung now, or page the catch-all when there is none."""
    index = _next_step(draft)
    if index is None:
        page_catch_all(draft, Milestone.ACKNOWLEDGED, missing)
    else:
        take_step(draft, index, blocked=True)


def go_around(draft: Draft, before: Page) -> None:
    """A ring did not get through: the next by a channel not tried yet goes now, or else the ladder moves on.

    `before` is the page before it was refused: each page moves the ladder on once, when its last channel
    refuses, for good or for now. Later rings by channels that have been tried keep their times, and the
    outbox goes on trying what it was refused for now.
    """
    open_page = draft.state.page(before.id)
    if open_page is None:
        return
    tried = {ring.channel for number, ring in enumerate(open_page.rings) if number not in open_page.waiting}
    untried = [number for number in open_page.waiting if open_page.rings[number].channel not in tried]
    if untried:
        send(draft, open_page, untried[0])
    pages = draft.state.pages
    if draft.state.status is not Status.TRIGGERED or before.turned_away:
        return
    if all(one.turned_away for one in pages):
        advance(draft, [f"no channel reaches {one.person}" for one in pages])


def _next_step(draft: Draft, *, by_hand: bool = False) -> int | None:
    """The rung that comes next. What has no clock is left to people."""
    for index, step in enumerate(draft.level.ladder):
        wanted = not taken(draft.state, index) and not moot(draft.state, step.until)
        if wanted and (by_hand or step.clock is not Clock.HAND):
            return index
    return None


def _take_one(draft: Draft, index: int, missing: list[str]) -> bool:
    """Take one rung by itself; whether it finds anybody. Those it cannot reach are added to `missing`."""
    step = draft.level.ladder[index]
    found = find(draft, step.targets)
    paged = tuple(person.id for person, _ in found.paged)
    who = (draft.state.round, index, paged, found.unreachable, found.answered)
    draft.add(events.StepTaken(*who, step.stage, step.clock is Clock.PROGRESS))
    for person, why in found.paged:
        page(draft, person, f"{why}, step {index + 1} of {draft.level.id}, until {step.until}", step.until)
    besides(draft, index, step, paged)
    missing += found.unreachable
    return bool(paged or found.answered)


def besides(draft: Draft, index: int, step: Step, paged: tuple[PersonId, ...]) -> None:
    """What a rung brings besides its pages: people who are told, and tasks."""
    stage = draft.policy.stages.get(step.stage) if step.stage is not None else None
    stage = stage or Stage(StageId(""))
    name = f"{stage.id} ({draft.level.id})" if stage.id else f"step {index + 1} of {draft.level.id}"
    whom = called(step.targets, draft.name)
    who = f"{whom} {are(step.targets)} paged" if step.targets else "nobody else is paged"
    expected = f"; expected now: {step.promise}" if step.promise else ""
    tell(draft, (*step.tell, *stage.tell), f"{name[:1].upper()}{name[1:]}: {who}{expected}.", paged)
    give_tasks(draft, (*step.tasks, *stage.tasks), name)


def page_catch_all(draft: Draft, until: Milestone, missing: list[str]) -> None:
    """The path has found nobody: page the catch-all, once a round, and when that is no use, say so aloud."""
    found = find(draft, draft.policy.catch_all)
    asked = {one.person for one in draft.state.pages if one.id > draft.state.round_pages}
    for person, why in found.paged:
        if person.id not in asked:
            page(draft, person, f"{why}, catch-all: nobody else could be reached", until)
    somebody_knows = draft.state.answered or any(not one.turned_away for one in draft.state.pages)
    if not somebody_knows:
        draft.add(events.NobodyReached(tuple(dict.fromkeys((*missing, *found.unreachable)))))
        draft.effects.append(Alarm(f"{draft.state.id}: nobody can be reached through the plan"))
