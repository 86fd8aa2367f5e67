"""Alerts of an incident: they open it, join it, make it worse, and end it."""

from __future__ import annotations

from tocsin.core.incident import commands, events
from tocsin.core.incident.acts import assess
from tocsin.core.incident.acts.breaking import fill_roles, own_up
from tocsin.core.incident.acts.course import go_on, resolve
from tocsin.core.incident.acts.levels import raise_level
from tocsin.core.incident.acts.updates import announce
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.ladder import take_due_steps
from tocsin.core.incident.status import Status
from tocsin.core.model import Actor, Refused
from tocsin.core.severity import DOUBT, Judgement


def join(draft: Draft, command: commands.JoinAlerts, actor: Actor) -> Refused | None:
    """Alerts belong here; the first open the incident."""
    if draft.folded is None:
        _open(draft, command, actor)
        return None
    if draft.state.status.over:
        return Refused(f"{draft.state.id} is {draft.state.status}; a new alert opens a new incident.")
    if command.count:
        own_up(draft)
        draft.add(events.AlertsJoined(command.count, command.sample), actor)
    judged = Judgement(draft.policy.level(command.level), command.reason)
    worse = assess.measure(draft, command.facts, actor)
    found = [worse] if worse is not None else []
    if judged.level.rank < (draft.level.rank if command.count else _worst_rank(draft)):
        found.append(judged)
    if found:
        raise_level(draft, min(found, key=lambda one: one.level.rank), actor)
    elif draft.state.status is Status.MITIGATED and command.count and judged.level.rank <= draft.level.rank:
        # Somebody is harmed again, or still, and whoever mitigated it may be asleep.
        go_on(draft, "a new alert came in after it was mitigated", actor)
    return None


def _open(draft: Draft, command: commands.JoinAlerts, actor: Actor) -> None:
    """Open the incident at the level of its alerts, or that of all their facts together if it is worse."""
    judged = Judgement(draft.policy.level(command.level), command.reason)
    together = assess.judged_by(draft.policy, command.service, command.facts)
    if together is not None and together.level.rank < judged.level.rank:
        judged = together
    title = next(filter(None, command.sample), command.service)
    version = draft.policy.version
    opened = (command.incident, command.service, title, judged.level.id, judged.reason, version)
    draft.add(events.Opened(*opened), actor)
    draft.add(events.AlertsJoined(command.count, command.sample), actor)
    assess.measure(draft, command.facts, actor)
    fill_roles(draft)
    take_due_steps(draft)
    announce(draft)


def _worst_rank(draft: Draft) -> int:
    """The worst that it came to so far: a level that a person has lowered, knowing that, stands."""
    ranks = [one.rank for one in draft.policy.levels if one.id in draft.state.levels]
    return min([draft.level.rank, *ranks])


def declare(draft: Draft, command: commands.Declare, actor: Actor) -> Refused | None:
    """A person opens an incident by hand."""
    policy = draft.policy
    if draft.folded is not None:
        return Refused(f"There is an incident {command.incident} already.")
    if command.service not in policy.services:
        return Refused(f"The plan has no service {command.service}; it has {', '.join(policy.services)}.")
    if not command.title.strip():
        return Refused("An incident needs a title: say in a few words what is wrong.")
    known = [level.id for level in policy.levels]
    if command.level is not None and command.level not in known:
        return Refused(f"The plan has no level {command.level}; it has {', '.join(known)}.")
    judged = assess.judged_by(policy, command.service, command.facts)
    judged = judged or Judgement(policy.levels[0], DOUBT)
    level = command.level or judged.level.id
    reason = command.reason or (judged.reason if command.level is None else "a person says so")
    opened = (command.incident, command.service, command.title, level, reason, policy.version)
    draft.add(events.Opened(*opened), actor)
    if command.facts and (refused := assess.set_facts(draft, commands.SetFacts(command.facts), actor)):
        return refused
    fill_roles(draft)
    take_due_steps(draft)
    announce(draft)
    return None


def clear(draft: Draft, command: commands.ClearAlerts, actor: Actor) -> Refused | None:
    """Alerts are over; with the last of them the incident is, unless a person has vouched for it."""
    state = draft.state
    # How many alerts are open may be the condition under which a promise stood that was missed.
    own_up(draft)
    last = not state.status.over and 0 < state.alerts_open <= command.count
    draft.add(events.AlertsCleared(command.count, command.sample, last and state.vouched), actor)
    if last and not state.vouched:
        return resolve(draft, "the source says that every alert is over", actor)
    return None
