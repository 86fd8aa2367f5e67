"""Promises that are broken: recorded, and said to whoever leads."""

from __future__ import annotations

from tocsin.core.incident import events
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.targets import ids, lead
from tocsin.core.incident.paging.telling import tell
from tocsin.core.incident.promises.cadence import interval, update_id
from tocsin.core.incident.promises.promised import promise_id, promised, vacant
from tocsin.core.lengths import span
from tocsin.core.model import Deadline, DeadlineState
from tocsin.core.policy import Target
from tocsin.core.recorded import recorded

_LADDER_SEES_TO_IT = ("acknowledge", "expect")


def own_up(draft: Draft) -> None:
    """Record the promises that were missed before what happens now would hide them."""
    made = sorted(promised(draft.state, draft.policy), key=lambda one: one.due_at)
    for one in made:
        if one.state is DeadlineState.DUE and one.due_at <= draft.now:
            break_promise(draft, one)


def break_promise(draft: Draft, one: Deadline) -> None:
    """It has not been kept in time, as far as anybody knew before."""
    if kind(one) == "role":
        fill_roles(draft)
        if one.id.split(":")[1] in draft.state.by_default:
            return
    if kind(one) == "update":
        _miss_update(draft, one)
    else:
        draft.add(events.PromiseBroken(one.id, one.promise, one.due_at))
    if kind(one) not in _LADDER_SEES_TO_IT:
        tell(draft, _concerned(draft, one), f"“{one.promise}” did not happen in time.")


def warn(draft: Draft, deadline_id: str) -> None:
    """It is due soon: once, however many warnings were missed, and not when it is too late."""
    one = next(one for one in promised(draft.state, draft.policy) if one.id == deadline_id)
    if one.due_at <= draft.now:
        break_promise(draft, one)
        return
    draft.add(events.PromiseWarned(one.id, one.promise, one.due_at))
    left, at = span(one.due_at - draft.now), recorded(one.due_at)
    tell(draft, _concerned(draft, one), f"“{one.promise}” is due in {left}, at {at}.")


def _concerned(draft: Draft, one: Deadline) -> tuple[Target, ...]:
    """Whoever leads, and whom the plan names for that promise."""
    made = (*draft.policy.promises, *draft.policy.review_steps)
    named = next((each.tell for each in made if promise_id(draft.state, each) == one.id), ())
    return (*lead(draft), *named)


def fill_roles(draft: Draft) -> None:
    """Find out to whom roles that this level asks for fall by default, as far as nobody has them.

    A default counts only where it comes to somebody of the directory now: a rota can be empty tonight.
    """
    found = ((role, ids(draft, (Target(role=role),))) for role in vacant(draft.state, draft.policy))
    known = ((role, [one for one in people if one in draft.view.people]) for role, people in found)
    held = tuple((role, people[0]) for role, people in known if people)
    if held:
        draft.add(events.HeldByDefault(held))


def _miss_update(draft: Draft, one: Deadline) -> None:
    """One that was missed, however long ago: the next is due a whole interval later that is still to come."""
    cadence = next(each for each in draft.level.updates if update_id(draft.state, each.audience) == one.id)
    every = interval(draft.state, draft.policy, cadence)
    late = (draft.now - one.due_at) // every if every else 0
    next_from = one.due_at + late * every if every else one.due_at
    draft.add(events.UpdateMissed(one.id, cadence.audience, one.promise, one.due_at, next_from))


def kind(one: Deadline) -> str:
    """The first word of a deadline's id."""
    return one.id.partition(":")[0]
