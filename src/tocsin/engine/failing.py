"""How many services fail: told to open incidents whose plan asks, whenever it may have changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin import limits
from tocsin.core.incident import commands, decide, next_due
from tocsin.core.incident.state.facts import SERVICES_FAILING
from tocsin.core.model import SYSTEM, LevelId, Refused, SubjectId
from tocsin.core.policy import Policy
from tocsin.engine.apply import Applied, keep
from tocsin.engine.context import Context
from tocsin.store import subjects
from tocsin.store.transaction import Transaction

TELL_EVERY = timedelta(seconds=1)
"""How often at most, so that a storm over many services does not tell each of them of every other."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Open incidents by priority, and those to be told because that is not what was counted before."""

    by_priority: Mapping[int, int]
    tell: tuple[SubjectId, ...] = ()


def asks(policy: Policy) -> bool:
    """Whether the plan judges by how many services fail."""
    return any(SERVICES_FAILING in condition.needs for condition in policy.conditions)


def count(tx: Transaction, before: Counted | None) -> Counted:
    """What is open now. A node that has just started tells everybody: it cannot know what was told."""
    by_priority = subjects.open_by_priority(tx)
    if before is not None and before.by_priority == by_priority:
        return before
    found = subjects.open_ids(tx, limits.FAILING_INCIDENTS)
    return Counted(by_priority, tuple(found))


def failing(tx: Transaction, policy: Policy, incident: SubjectId, *levels: LevelId | None) -> int:
    """How many services have an urgent incident, with this one at the worse of `levels`."""
    urgent = {one.id: one.rank for one in policy.levels if one.urgent}
    others = subjects.count_open(tx, list(urgent.values()), besides=incident)
    return others + any(level in urgent for level in levels)


def tell(tx: Transaction, context: Context, incident: SubjectId, now: datetime) -> Applied | None:
    """Let an incident know; None where its plan does not ask, or reads nothing new in it."""
    stored = subjects.load_incident(tx, incident)
    if stored is None or stored.state.status.over:
        return None
    state, policy = stored.state, context.policy(tx, stored.state.policy_version)
    if not asks(policy):
        return None
    known = {SERVICES_FAILING: str(failing(tx, policy, incident, state.level))}
    command = commands.JoinAlerts(incident, state.service, 0, (), state.level, "", known)
    decision = decide(state, commands.Asked(SYSTEM, command), policy, context.view(tx, now), now)
    if isinstance(decision, Refused) or not decision.events:
        return None
    return keep(tx, stored, decision, next_due(decision.state, policy), policy, now)
