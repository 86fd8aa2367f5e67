"""What people begin by hand: an incident of their own, and another version of the plan for one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.core.incident import commands, decide
from tocsin.core.model import Actor, FactId, LevelId, Refused, ServiceId, SubjectId
from tocsin.engine.apply import Applied, apply, keep
from tocsin.engine.context import Context
from tocsin.engine.triage import new_id
from tocsin.plan.diff import diff
from tocsin.store import subjects
from tocsin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Declared:
    """What a person says who opens an incident."""

    service: ServiceId
    title: str
    reason: str = ""
    level: LevelId | None = None
    facts: Mapping[FactId, str] = field(default_factory=dict)


def declare(
    tx: Transaction, context: Context, declared: Declared, actor: Actor, now: datetime
) -> Applied | Refused:
    """Open an incident. A service has one at a time: what is known of the same trouble belongs there."""
    policy, service = context.current_policy(tx, now), declared.service
    before = subjects.open_incident(tx, service)
    if before is not None:
        name = policy.service_name(service)
        return Refused(f"{name} has an open incident, {before.state.id}: say there what you know.")
    id = new_id(tx, policy, now)
    said = (declared.title, declared.reason, declared.level, declared.facts)
    view = context.view(tx, now)
    asked = commands.Asked(actor, commands.Declare(id, service, *said))
    decision = decide(None, asked, policy, view, now)
    if isinstance(decision, Refused):
        return decision
    return keep(tx, None, decision.state, decision.events, decision.effects, policy, now, open_key=service)


def repin(
    tx: Transaction, context: Context, incident: SubjectId, version: str, actor: Actor, now: datetime
) -> Applied | Refused:
    """Let an incident go by another stored version of the plan; an empty version means the one in force."""
    stored = subjects.load_incident(tx, incident)
    if stored is None:
        return Refused(f"There is no incident {incident}.")
    new = context.policy(tx, version) if version else context.current_policy(tx, now)
    changes = tuple(diff(context.policy(tx, stored.state.policy_version), new))
    return apply(tx, context, incident, commands.Asked(actor, commands.Repin(new, changes)), now)
