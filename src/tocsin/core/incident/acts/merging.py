"""Merging: one incident goes on as a part of another. The engine asks both in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.aloud import called
from tocsin.core.incident import commands, events
from tocsin.core.incident.acts import assess, record, roles
from tocsin.core.incident.acts.breaking import own_up
from tocsin.core.incident.acts.course import take
from tocsin.core.incident.acts.levels import raise_level
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.carrying import carried_by_merge
from tocsin.core.incident.paging.pages import cross_over, withdraw_moot
from tocsin.core.incident.paging.telling import put_tasks
from tocsin.core.incident.promises.steps import moot
from tocsin.core.incident.state.facts import texts
from tocsin.core.incident.state.incident import Incident
from tocsin.core.incident.state.open_page import Page
from tocsin.core.incident.state.standing import already_over
from tocsin.core.incident.status import Status
from tocsin.core.model import SYSTEM, Actor, ActorKind, FactId, Refused
from tocsin.core.policy import Level, Target
from tocsin.core.severity import Judgement
from tocsin.core.values import value_of


def merge(draft: Draft, command: commands.Merge, actor: Actor) -> Refused | None:
    """It goes on there: here nothing is promised and nobody is paged any more."""
    state = draft.state
    if state.status.over:
        return already_over(state)
    if command.into == state.id:
        return Refused(f"{state.id} cannot be merged into itself.")
    own_up(draft)
    draft.add(events.MergedInto(command.into), actor)
    withdraw_moot(draft, f"merged into {command.into}")
    return None


def absorb(draft: Draft, command: commands.Absorb, actor: Actor) -> Refused | None:
    """What another incident had goes on here: its level if that is worse, what is known, and whom it asks."""
    state, child = draft.state, command.child
    if state.status.over:
        return Refused(f"{state.id} is {state.status}; merge into an incident that is open.")
    if child.opened_at < state.opened_at:
        return Refused(f"{child.id} is older and its clocks run longer: merge {state.id} into it.")
    if child.restricted_to and not _keeps(state.restricted_to, child.restricted_to):
        whom = called(child.restricted_to)
        return Refused(f"Only {whom} may see {child.id}: restrict {state.id} to them first.")
    own_up(draft)
    draft.add(events.Absorbed(child.id, child.alerts_open, child.alerts_count, child.vouched), actor)
    level = next((one for one in draft.policy.levels if one.id == child.level), draft.level)
    worse = [Judgement(level, f"{child.id}, which is {level.id}, goes on here")]
    # Who merges says where it goes on, and not how bad it is: that does not keep it open when its alerts end.
    together = assess.learn(draft, _unknown(draft, texts(child.facts)), SYSTEM)
    worse += [together] if together is not None else []
    worst = min(worse, key=lambda one: one.level.rank)
    had_by = _had_by(draft, child, worst.level)
    if worst.level.rank < draft.level.rank:
        since = child.ladder_at if child.status is Status.TRIGGERED else None
        raise_level(draft, worst, SYSTEM, since, had_by)
    elif had_by is not None and draft.state.status is Status.TRIGGERED:
        take(draft, had_by, "merge")
    _take_over(draft, child, actor)
    for page in child.pages:
        _cross(draft, page, f"was paged for {child.id}, which goes on here")
    carried = carried_by_merge(draft, child, command.policy)
    if carried:
        draft.add(events.StepsCarriedOver(child.id, carried))
    return None


def _had_by(draft: Draft, child: Incident, worst: Level) -> Actor | None:
    """Who has all of it: the person who had the other one, if nothing makes this worse than what they had."""
    level, had_by = min(worst, draft.level, key=lambda one: one.rank), child.acknowledged_by
    if had_by is None or had_by.kind is not ActorKind.PERSON or child.status is not Status.ACKNOWLEDGED:
        return None
    return had_by if level.id == child.level else None


def _unknown(draft: Draft, said: Mapping[FactId, str]) -> dict[FactId, str]:
    """What was known there, this plan asks, and nobody has said here."""
    wanted = {id for id, fact in draft.policy.facts.items() if not fact.derived} - draft.state.facts.keys()
    return {
        id: said[id] for id in said if id in wanted and value_of(draft.policy.facts[id], said[id]) is not None
    }


def _take_over(draft: Draft, child: Incident, actor: Actor) -> None:
    """Tasks that are open, links, and roles that nobody has here and this plan allows."""
    put_tasks(draft, {one.words: one.due_at for one in child.tasks if one.done_at is None}, child.id)
    # What is refused here is there already, or against this plan.
    for link in child.links:
        record.link(draft, commands.Link(link.to, link.what), actor)
    for role, person in child.roles.items():
        if role not in draft.state.roles:
            roles.assign(draft, commands.Assign(role, person), actor)


def _keeps(here: tuple[Target, ...], there: tuple[Target, ...]) -> bool:
    """Whether nobody whom this incident is shown to was kept from the other."""
    return bool(here) and set(here) <= set(there)


def _cross(draft: Draft, page: Page, reason: str) -> None:
    """Somebody who has not answered there is asked here, no later, unless that has become moot."""
    state, person = draft.state, draft.view.people.get(page.person)
    asked = any(one.person == page.person for one in state.pages)
    if person is None or not person.channels or asked or page.person in state.answered:
        return
    if not moot(state, page.until):
        cross_over(draft, person, page, reason)
