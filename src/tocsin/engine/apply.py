"""One command to one incident: load, decide, store events, snapshot, due time and effects together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.core.incident import Decision, Incident, commands, decide, next_due
from tocsin.core.incident.state.facts import SERVICES_FAILING
from tocsin.core.model import Alarm, CloseAlerts, Notify, Refused, SubjectId, Tell, Withdraw
from tocsin.core.policy import Policy
from tocsin.engine.context import Context
from tocsin.store import alerts, outbox, subjects
from tocsin.store.subjects import Stored
from tocsin.store.transaction import Transaction


@dataclass(frozen=True)
class Applied:
    """What a step changed: for the live pages, and alarms for whoever watches the server.

    `due_at` is when the incident must be looked at again; `rings` says how many wait to be sent since.
    """

    incident: SubjectId
    version: int
    state: Incident
    due_at: datetime | None = None
    rings: int = 0
    alarms: tuple[str, ...] = ()


def apply(
    tx: Transaction, context: Context, incident: SubjectId, asked: commands.Asked, now: datetime
) -> Applied | Refused:
    """Ask an existing incident. Raises Conflict when somebody was faster; run the job again then."""
    assert not isinstance(asked.command, commands.Merge), "two incidents must hear of it: engine/merge.py"
    stored = subjects.load_incident(tx, incident)
    if stored is None:
        return Refused(f"There is no incident {incident}.")
    policy = context.policy(tx, stored.state.policy_version)
    decision = decide(stored.state, asked, policy, context.view(tx, now), now)
    if isinstance(decision, Refused):
        return decision
    # A decision may be to go by another version of the plan.
    policy = context.policy(tx, decision.state.policy_version)
    return keep(tx, stored, decision, next_due(decision.state, policy), policy, now)


def keep(
    tx: Transaction,
    before: Stored | None,
    decision: Decision,
    due_at: datetime | None,
    policy: Policy,
    now: datetime,
    open_key: str | None = None,
) -> Applied:
    """Store what was decided, all of it or nothing. `due_at`: when the clock must look at it again."""
    state, effects = decision.state, decision.effects
    level = policy.level(state.level)
    version = subjects.save(
        tx,
        before,
        state,
        decision.events,
        now=now,
        due_at=due_at,
        priority=level.rank,
        urgent=level.urgent,
        asks_failing=policy.asks(SERVICES_FAILING),
        open_key=open_key,
    )
    rings = [one for one in effects if isinstance(one, Notify)]
    outbox.put(tx, state.id, rings, level.rank, now)
    told = [one for one in effects if isinstance(one, Tell)]
    outbox.put_told(tx, state.id, told, level.rank, now)
    # After the put: a ring decided and withdrawn in the same breath does not go out.
    outbox.withdraw(tx, state.id, [one.page for one in effects if isinstance(one, Withdraw)])
    if any(isinstance(one, CloseAlerts) for one in effects):
        alerts.close_all(tx, state.id)
    alarms = tuple(one.text for one in effects if isinstance(one, Alarm))
    return Applied(state.id, version, state, due_at, len(rings) + len(told), alarms)
