"""The ladder: who is paged when, what happens when nobody can be, and the way round a channel that fails."""

from __future__ import annotations

from tocsin.core.incident import events
from tocsin.core.incident.deadlines import moot, step_deadline
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging import page, send
from tocsin.core.incident.status import Status
from tocsin.core.incident.targets import find
from tocsin.core.model import Alarm
from tocsin.core.policy import Milestone


def start_round(draft: Draft, reason: str) -> None:
    """Begin the ladder again, its clock from now, and take what is due at once."""
    draft.add(events.RoundStarted(draft.state.round + 1, reason))
    take_due_steps(draft)


def take_due_steps(draft: Draft) -> None:
    """Take every rung whose time has come, in order."""
    while (index := _next_step(draft)) is not None:
        if step_deadline(draft.state, index, draft.level.ladder[index]).due_at > draft.now:
            return
        take_step(draft, index)


def take_step(draft: Draft, index: int) -> None:
    """Take one rung. Where it reaches nobody the next follows at once, and after the last the catch-all."""
    missing: list[str] = []
    until = Milestone.ACKNOWLEDGED
    step: int | None = index
    while step is not None:
        until = draft.level.ladder[step].until
        if _take_one(draft, step, missing):
            return
        step = _next_step(draft)
    _page_catch_all(draft, until, missing)


def advance(draft: Draft, missing: list[str]) -> None:
    """The path is blocked here: take the next rung now, or page the catch-all when there is none."""
    index = _next_step(draft)
    if index is None:
        _page_catch_all(draft, Milestone.ACKNOWLEDGED, missing)
    else:
        take_step(draft, index)


def go_around(draft: Draft, page_id: int) -> None:
    """A ring did not get through: the next by a channel not tried yet goes now, or else the ladder moves on.

    Later rings by channels that have been tried keep their times: the outbox is trying those already.
    """
    open_page = draft.state.page(page_id)
    if open_page is None:
        return
    tried = {ring.channel for number, ring in enumerate(open_page.rings) if number not in open_page.waiting}
    untried = [number for number in open_page.waiting if open_page.rings[number].channel not in tried]
    if untried:
        send(draft, open_page, untried[0])
    pages = draft.state.pages
    if draft.state.status is Status.TRIGGERED and all(one.undeliverable for one in pages):
        advance(draft, [f"no channel reaches {one.person}" for one in pages])


def _next_step(draft: Draft) -> int | None:
    ladder = draft.level.ladder
    taken = draft.state.steps_taken
    return next(
        (index for index in range(taken, len(ladder)) if not moot(draft.state, ladder[index].until)), None
    )


def _take_one(draft: Draft, index: int, missing: list[str]) -> bool:
    """Take one rung by itself; whether it finds anybody. Those it cannot reach are added to `missing`."""
    step = draft.level.ladder[index]
    found = find(draft, step.targets)
    paged = tuple(person.id for person, _ in found.paged)
    draft.add(events.StepTaken(draft.state.round, index, paged, found.unreachable, found.answered))
    for person, why in found.paged:
        page(draft, person, f"{why}, step {index + 1} of {draft.level.id}, until {step.until}", step.until)
    missing += found.unreachable
    return bool(paged or found.answered)


def _page_catch_all(draft: Draft, until: Milestone, missing: list[str]) -> None:
    """The ladder has found nobody: page the catch-all, and when that is no use, say so aloud."""
    found = find(draft, draft.policy.catch_all)
    asked = {open_page.person for open_page in draft.state.pages}
    for person, why in found.paged:
        if person.id not in asked:
            page(draft, person, f"{why}, catch-all: nobody else could be reached", until)
    somebody_knows = draft.state.answered or any(not one.undeliverable for one in draft.state.pages)
    if not somebody_knows:
        draft.add(events.NobodyReached(tuple(dict.fromkeys((*missing, *found.unreachable)))))
        draft.effects.append(Alarm(f"{draft.state.id}: nobody can be reached through the plan"))
