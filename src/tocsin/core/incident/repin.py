"""Another version of the plan for an incident that runs. What was taken stays taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tocsin.core.incident import commands, events
from tocsin.core.incident.breaking import own_up
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.standing import already_over
from tocsin.core.model import Actor, Refused
from tocsin.core.policy import Step


def repin(draft: Draft, command: commands.Repin, actor: Actor) -> Refused | None:
    """Go by the other version from now on; a step that was taken is known again by whom it is for."""
    state, new = draft.state, command.policy
    if state.status.over:
        return already_over(state)
    if new.version == state.policy_version:
        return Refused(f"{state.id} goes by that version of the plan already.")
    level = next((one for one in new.levels if one.id == state.level), None)
    if level is None:
        has = ", ".join(one.id for one in new.levels)
        return Refused(f"That version has no level {state.level}; it has {has}. Set another level first.")
    own_up(draft)
    taken = _taken(draft.level.ladder[: state.steps_taken], level.ladder)
    draft.add(events.Repinned(new.version, state.policy_version, taken, command.changes), actor)
    draft.policy = new
    return None


def _taken(taken: Sequence[Step], ladder: Sequence[Step]) -> int:
    """How many rungs of the new ladder count as taken: up to the last that is one of those taken.

    Where none of them is there any more, as many as were taken: better a page late than all of them again.
    """
    left = Counter((step.targets, step.tell, step.stage) for step in taken)
    last = 0
    for number, step in enumerate(ladder, 1):
        identity = (step.targets, step.tell, step.stage)
        if left[identity]:
            left[identity] -= 1
            last = number
    return last or min(len(taken), len(ladder))
