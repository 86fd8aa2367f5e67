"""Escalation by impact: what the plan asks for when a condition comes to hold, once for each incident."""

from __future__ import annotations

from tocsin.core.incident import events
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.ladder import page_catch_all
from tocsin.core.incident.paging.pages import page
from tocsin.core.incident.paging.targets import find
from tocsin.core.incident.paging.telling import give_tasks, tell
from tocsin.core.incident.state.known import known
from tocsin.core.policy import Milestone, Trigger


def fire(draft: Draft) -> None:
    """Do what each trigger asks for that holds now and did not before."""
    state = draft.state
    if state.status.over or all(one.id in state.triggers for one in draft.policy.triggers):
        return
    facts = known(draft.state, draft.policy)
    for one in draft.policy.triggers:
        if one.id not in draft.state.triggers and one.when.holds(facts):
            _fire(draft, one)


def _fire(draft: Draft, trigger: Trigger) -> None:
    found = find(draft, trigger.page)
    asked = {one.person for one in draft.state.pages}
    paged = [(person, why) for person, why in found.paged if person.id not in asked]
    people = tuple(person.id for person, _ in paged)
    fired = (trigger.id, trigger.when.text, people, found.unreachable, found.answered)
    draft.add(events.TriggerFired(*fired))
    for person, why in paged:
        # Until it is resolved: somebody else's answer does not mean that these have heard of it.
        page(draft, person, f"{why}, because of {trigger.id}", Milestone.RESOLVED)
    if trigger.page and not found.paged and not found.answered:
        page_catch_all(draft, Milestone.RESOLVED, list(found.unreachable))
    tell(draft, trigger.tell, f"{trigger.id}: {trigger.when.text}.", people)
    give_tasks(draft, trigger.tasks, trigger.id)
    if trigger.restrict_to and trigger.restrict_to != draft.state.restricted_to:
        draft.add(events.Restricted(trigger.restrict_to))
