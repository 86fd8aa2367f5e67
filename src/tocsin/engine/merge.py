"""Merging: the one command that two incidents hear. In one transaction: a crash loses both or neither."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.incident import Decision, commands, decide, next_due
from tocsin.core.model import Refused, SubjectId
from tocsin.engine.apply import Applied, keep
from tocsin.engine.context import Context
from tocsin.store import alerts, subjects
from tocsin.store.subjects import Stored
from tocsin.store.transaction import Transaction


def merge(
    tx: Transaction, context: Context, incident: SubjectId, asked: commands.Asked, now: datetime
) -> list[Applied] | Refused:
    """Merge an incident into another. Raises Conflict when somebody was faster; run the job again then."""
    assert isinstance(asked.command, commands.Merge)
    into = asked.command.into
    child, parent = subjects.load_incident(tx, incident), subjects.load_incident(tx, into)
    if child is None or parent is None:
        return Refused(f"There is no incident {incident if child is None else into}.")
    merged = _ask(tx, context, child, asked, now)
    if isinstance(merged, Refused):
        return merged
    given = commands.Absorb(child.state, context.policy(tx, child.state.policy_version))
    absorbed = _ask(tx, context, parent, commands.Asked(asked.actor, given), now)
    if isinstance(absorbed, Refused):
        return absorbed
    # In id order, so that two nodes never wait for each other.
    both = sorted([(child, merged), (parent, absorbed)], key=lambda one: one[0].state.id)
    kept = [_keep(tx, context, *one, now) for one in both]
    alerts.move(tx, incident, into)
    return kept


def _ask(
    tx: Transaction, context: Context, stored: Stored, asked: commands.Asked, now: datetime
) -> Decision | Refused:
    policy = context.policy(tx, stored.state.policy_version)
    return decide(stored.state, asked, policy, context.view(tx, now), now)


def _keep(tx: Transaction, context: Context, before: Stored, decided: Decision, now: datetime) -> Applied:
    policy = context.policy(tx, decided.state.policy_version)
    return keep(tx, before, decided, next_due(decided.state, policy), policy, now)
