"""How many services fail: open incidents hear of it when it changes, where their own plan asks.

1. The store names the open incidents that were told another number than it is now, the worst level first.
2. Each is told in a transaction of its own, which counts anew and notes what it has told.

Nothing is remembered beside the store: a node that starts, or two at once, go on where the last one stopped.
An incident to which the number means nothing new gets no event. The wheel turns once in FAILING_SECONDS, so
that a storm over many services does not tell each of them of every other.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from tocsin import limits
from tocsin.core.incident import commands, decide, next_due
from tocsin.core.incident.state.facts import SERVICES_FAILING
from tocsin.core.model import SYSTEM, FactId, LevelId, Refused, SubjectId
from tocsin.core.policy import Policy
from tocsin.engine.apply import Applied, keep
from tocsin.engine.context import Context
from tocsin.store import subjects
from tocsin.store.transaction import Transaction

miscounted = partial(subjects.miscounted, limit=limits.FAILING_INCIDENTS)
"""Who must hear."""


def counted(
    tx: Transaction, policy: Policy, incident: SubjectId, *levels: LevelId | None
) -> dict[FactId, str]:
    """How many services fail, with this incident at the worst of `levels`; nothing if no plan asks."""
    if not policy.asks(SERVICES_FAILING):
        return {}
    return {SERVICES_FAILING: str(_count(tx, policy, incident, *levels))}


def tell(tx: Transaction, context: Context, incident: SubjectId, now: datetime) -> Applied | None:
    """Let an incident know; None where it reads nothing new in it, or is over by now."""
    stored = subjects.load_incident(tx, incident)
    if stored is None or stored.state.status.over:
        return None
    state, policy = stored.state, context.policy(tx, stored.state.policy_version)
    number = _count(tx, policy, incident, state.level)
    subjects.told_failing(tx, incident, number)
    known = {SERVICES_FAILING: str(number)}
    command = commands.JoinAlerts(incident, state.service, 0, (), state.level, "", known)
    decision = decide(state, commands.Asked(SYSTEM, command), policy, context.view(tx, now), now)
    if isinstance(decision, Refused) or not decision.events:
        return None
    return keep(tx, stored, decision, next_due(decision.state, policy), policy, now)


def _count(tx: Transaction, policy: Policy, incident: SubjectId, *levels: LevelId | None) -> int:
    urgent = {one.id for one in policy.levels if one.urgent}
    return subjects.count_failing(tx, besides=incident) + any(level in urgent for level in levels)
