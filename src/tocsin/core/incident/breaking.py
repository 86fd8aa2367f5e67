"""Promises that are broken: recorded, and said to whoever leads."""

from __future__ import annotations

from tocsin.core.incident import events
from tocsin.core.incident.deadlines import deadlines
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.targets import lead
from tocsin.core.incident.telling import tell
from tocsin.core.model import Deadline, DeadlineState

MADE_TO_PEOPLE = ("acknowledge", "expect", "promise")
"""Kinds of deadlines that people keep or break; all others Tocsin carries out itself."""

_LADDER_SEES_TO_IT = ("acknowledge", "expect")


def own_up(draft: Draft) -> None:
    """Record the promises that were missed before what happens now would hide them."""
    for one in deadlines(draft.state, draft.policy):
        if kind(one) in MADE_TO_PEOPLE and one.state is DeadlineState.DUE and one.due_at <= draft.now:
            break_promise(draft, one)


def break_promise(draft: Draft, one: Deadline) -> None:
    """It has not been kept in time."""
    draft.add(events.PromiseBroken(one.id, one.promise, one.due_at))
    if kind(one) not in _LADDER_SEES_TO_IT:
        told = {f"promise:{promise.id}": promise.tell for promise in draft.policy.promises}
        told |= {f"promise:{promise.id}": promise.tell for promise in draft.policy.review_steps}
        who = next((to for id, to in told.items() if to and one.id.startswith(id)), ())
        tell(draft, who or lead(draft), f"“{one.promise}” did not happen in time.")


def kind(one: Deadline) -> str:
    """The first word of a deadline's id."""
    return one.id.partition(":")[0]
