"""Another version of the plan for an incident that runs. What was taken stays taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tocsin.core.incident import commands, events
from tocsin.core.incident.acts.breaking import fill_roles, own_up
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.state.standing import already_over
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
        both = [one.id for one in new.levels if one.id in {each.id for each in draft.policy.levels}]
        remedy = f"Set the level to {' or '.join(both)} first."
        if not both:
            remedy = f"No level is in both, so {state.id} stays with its version."
        return Refused(f"That version has no level {state.level}; it has {has}. {remedy}")
    own_up(draft)
    taken, ahead, gone = _taken(draft, level.ladder)
    versions = (new.version, state.policy_version)
    draft.add(events.Repinned(*versions, taken, command.changes, ahead, gone), actor)
    draft.policy = new
    fill_roles(draft)
    return None


def _taken(draft: Draft, ladder: Sequence[Step]) -> tuple[int, tuple[int, ...], tuple[events.TakenStep, ...]]:
    """How many rungs of the new ladder were taken from its beginning, which further ones, which are gone.

    What neither ladder has come to is still to come: better a page too many than one that nobody gets.
    """
    state = draft.state
    left = Counter(state.taken_gone)
    left.update(
        _identity(step)
        for index, step in enumerate(draft.level.ladder)
        if index < state.steps_taken or index in state.taken_ahead
    )
    known: list[int] = []
    for index, step in enumerate(ladder):
        if left[_identity(step)]:
            left[_identity(step)] -= 1
            known.append(index)
    first = next((number for number, index in enumerate(known) if number != index), len(known))
    return first, tuple(known[first:]), tuple(left.elements())


def _identity(step: Step) -> events.TakenStep:
    return events.TakenStep(step.targets, step.tell, step.stage)
