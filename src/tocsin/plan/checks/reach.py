"""Levels and steps that nobody reaches, and levels that reach nobody."""

from __future__ import annotations

from itertools import pairwise

from tocsin.core.policy import Clock, Level, Policy, Step, Target
from tocsin.plan.document import Document, Value, listing
from tocsin.plan.handbook import Plan
from tocsin.plan.levels import pages


def check_reach(document: Document, plan: Plan) -> None:
    """Note what a plan describes in vain."""
    policy = plan.policy
    given = _given(policy)
    if policy.levels and not any(pages(level) for level in policy.levels):
        document.warn(document.place("levels"), "No level pages anybody.", "Give the worst one a `ladder`.")
    if vacant := _vacant(policy, policy.catch_all):
        _warn_vacant(document, document.place("catch_all"), vacant)
    for level in policy.levels:
        place = document.place("levels", level.id)
        if level.id not in given:
            message = f"No row of `classify` and no cell of `matrix` gives `{level.id}`."
            document.warn(place, message, "Add a row, or leave it to people to choose this level.")
        if level.urgent and not pages(level):
            message = f"`{level.id}` is urgent, and nobody is paged for it."
            document.warn(place, message, "Give it a `ladder` that pages, or write `urgent: false`.")
        for number, step in enumerate(level.ladder, 1):
            if vacant := _vacant(policy, step.targets):
                _warn_vacant(document, document.place("levels", level.id, "ladder", number), vacant)
        _check_steps(document, level)


def _given(policy: Policy) -> set[str]:
    """The levels that an incident can get by itself; the worst is what doubt gives."""
    given: set[str] = {policy.levels[0].id} if policy.levels else set()
    given |= {row.level for row in policy.classifications}
    return given | (set(policy.matrix.cells.values()) if policy.matrix else set())


def _vacant(policy: Policy, targets: tuple[Target, ...]) -> list[str]:
    """The roles, where the targets are nothing but roles that fall to nobody."""
    roles = [one.role for one in targets if one.role and one.role in policy.roles]
    held = any(policy.roles[role].default for role in roles)
    return [] if held or len(roles) < len(targets) else [str(role) for role in roles]


def _warn_vacant(document: Document, place: Value, roles: list[str]) -> None:
    message = f"Nobody holds {listing(roles)} until somebody is assigned, and nobody else is paged here."
    document.warn(place, message, "Give the role a `for`, or name somebody else too.")


def _says_nothing_new(step: Step) -> bool:
    """Whether a step that stands twice does the same twice: no clock that runs again, nobody else's turn."""
    return step.clock is Clock.LADDER and not any(one.next_of for one in step.targets)


def _check_steps(document: Document, level: Level) -> None:
    for number, (before, step) in enumerate(pairwise(level.ladder), 2):
        place = document.place("levels", level.id, "ladder", number)
        if before.clock is Clock.HAND and step.clock is not Clock.HAND:
            message = "Once the step after this one is taken, nobody can ask for this one any more."
            hand = document.place("levels", level.id, "ladder", number - 1)
            document.warn(hand, message, "Put steps that are taken by hand last.")
        elif step.clock is Clock.ANSWER and not before.targets:
            message = "The step before this one pages nobody, so it can not go unanswered."
            document.warn(place, message, "Use `after`, or let the step before page somebody.")
        elif step == before and _says_nothing_new(step):
            document.warn(place, "This step is the same as the one before it.", "Keep one of them.")
