"""What people begin by hand: an incident of their own, and another version of the plan for one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.core.incident import Decision, commands, decide, next_due
from tocsin.core.incident.visibility import may_see
from tocsin.core.model import Actor, FactId, LevelId, PersonId, Refused, ServiceId, SubjectId
from tocsin.engine.apply import Applied, apply, keep
from tocsin.engine.context import Context
from tocsin.engine.triage import new_id
from tocsin.plan.diff import diff
from tocsin.store import subjects
from tocsin.store.subjects import Stored
from tocsin.store.transaction import Transaction


@dataclass(frozen=True)
class Declared:
    """What a person says who opens an incident."""

    service: ServiceId
    title: str
    reason: str = ""
    level: LevelId | None = None
    facts: Mapping[FactId, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PassedOn:
    """What was said went to an incident that whoever said it may not see; `reason` tells them no more."""

    reason: str
    applied: tuple[Applied, ...]


def declare(
    tx: Transaction, context: Context, declared: Declared, actor: Actor, now: datetime
) -> Applied | PassedOn | Refused:
    """Open an incident. A service has one at a time: what is known of the same trouble belongs there."""
    policy, service = context.current_policy(tx, now), declared.service
    before = subjects.open_incident(tx, service)
    if before is not None:
        pinned = context.policy(tx, before.state.policy_version)
        if not may_see(before.state, PersonId(actor.id), pinned, context.view(tx, now), now):
            return _pass_on(tx, context, declared, before, actor, now)
        name = policy.service_name(service)
        return Refused(f"{name} has an open incident, {before.state.id}: say there what you know.")
    id = new_id(tx, policy, now)
    decision = _opened(tx, context, id, declared, actor, now)
    if isinstance(decision, Refused):
        return decision
    return keep(tx, None, decision, next_due(decision.state, policy), policy, now, open_key=service)


def _opened(
    tx: Transaction, context: Context, id: SubjectId, declared: Declared, actor: Actor, now: datetime
) -> Decision | Refused:
    said = (declared.title, declared.reason, declared.level, declared.facts)
    asked = commands.Asked(actor, commands.Declare(id, declared.service, *said))
    return decide(None, asked, context.current_policy(tx, now), context.view(tx, now), now)


def _pass_on(
    tx: Transaction, context: Context, declared: Declared, to: Stored, actor: Actor, now: datetime
) -> PassedOn | Refused:
    """What is said becomes a note there, and raises the level where it alone would have a worse one."""
    alone = _opened(tx, context, to.state.id, declared, actor, now)
    if isinstance(alone, Refused):
        return alone
    facts = [f"{fact}={value}" for fact, value in declared.facts.items()]
    words = "\n".join(filter(None, (declared.title, declared.reason, *facts)))
    asked: list[commands.IncidentCommand] = [commands.AddNote(words)]
    ranks = {level.id: level.rank for level in context.policy(tx, to.state.policy_version).levels}
    level = alone.state.level
    if level in ranks and ranks[level] < ranks[to.state.level]:
        asked.append(commands.SetLevel(level, declared.title))
    answers = [apply(tx, context, to.state.id, commands.Asked(actor, one), now) for one in asked]
    name = context.current_policy(tx, now).service_name(declared.service)
    said = f"{name} has an open incident that only some may see: what you say was passed on to them."
    return PassedOn(said, tuple(one for one in answers if not isinstance(one, Refused)))


def repin(
    tx: Transaction, context: Context, incident: SubjectId, version: str, actor: Actor, now: datetime
) -> Applied | Refused:
    """Let an incident go by another stored version of the plan; an empty version means the one in force."""
    stored = subjects.load_incident(tx, incident)
    if stored is None:
        return Refused(f"There is no incident {incident}.")
    new = context.policy(tx, version) if version else context.newest_policy(tx)
    changes = tuple(diff(context.policy(tx, stored.state.policy_version), new))
    return apply(tx, context, incident, commands.Asked(actor, commands.Repin(new, changes)), now)
