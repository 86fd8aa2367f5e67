"""From alerts to incidents: which service, how bad, an open incident or a new one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import nsmallest
from operator import attrgetter
from zoneinfo import ZoneInfo

from tocsin import limits
from tocsin.core.incident import commands, decide, next_due
from tocsin.core.model import Actor, ActorKind, FactId, LevelId, Refused, ServiceId, Signal, SubjectId
from tocsin.core.policy import Policy
from tocsin.core.severity import judge
from tocsin.core.values import found_in, in_words
from tocsin.engine.apply import Applied, apply, keep
from tocsin.engine.context import Context
from tocsin.engine.failing import counted
from tocsin.store import alerts, counters, subjects
from tocsin.store.alerts import Alert
from tocsin.store.transaction import Transaction


@dataclass(frozen=True)
class Batch:
    """Alerts that one transaction takes together: all new to one integration, or all of one incident."""

    integration: str
    incident: SubjectId | None
    ids: tuple[int, ...]


def waiting(tx: Transaction) -> list[Batch]:
    """What triage must look at, in batches, the one with the worst alert first."""
    batches: defaultdict[tuple[str, str | None], list[int]] = defaultdict(list)
    for id, integration, incident in alerts.dirty(tx, limits.TRIAGE_ALERTS):
        batches[integration, incident].append(id)
    return [
        Batch(integration, SubjectId(incident) if incident else None, tuple(ids))
        for (integration, incident), ids in batches.items()
    ]


def triage(tx: Transaction, context: Context, batch: Batch, now: datetime) -> list[Applied]:
    """Take a batch to its incident; whatever another node took meanwhile is left out."""
    # Another node may have taken one since this batch was made, and there be news of it: that is for the
    # next turn, which sees the incident that it has joined.
    claimed = [alert for alert in alerts.claim(tx, batch.ids) if alert.subject_id == batch.incident]
    if not claimed:
        return []
    actor = Actor(ActorKind.SOURCE, batch.integration)
    if batch.incident is None:
        return _fresh(tx, context, claimed, actor, now)
    return _known(tx, context, claimed, batch.incident, actor, now)


def abandon(tx: Transaction, context: Context, batch: Batch, why: str, now: datetime) -> bool:
    """The incident that this batch would join cannot be decided: free its place for a new one.

    News of alerts that had joined it has nowhere to go; they count as new, so that they page again. False
    when it was not an incident that stood in the way.
    """
    alerts.set_free(tx, batch.ids)
    if batch.incident is not None:
        # By its id: the plan may lead the integration to another service by now, whose incident is sound.
        subjects.give_up_key(tx, of=batch.incident, why=why)
        return True
    policy = context.current_policy(tx, now)
    return subjects.give_up_key(tx, key=policy.service_of(batch.integration), why=why)


def _fresh(
    tx: Transaction, context: Context, claimed: Sequence[Alert], actor: Actor, now: datetime
) -> list[Applied]:
    """Alerts that belong to no incident yet."""
    # Over before anybody looked, as after an outage of ours: recorded with the reason, nobody is woken.
    over = [alert for alert in claimed if alert.status == "resolved"]
    alerts.mark(tx, [(alert.id, alert.status, None, "resolved before triage") for alert in over])
    live = [alert for alert in claimed if alert.status != "resolved"]
    if not live:
        return []
    joined = _join(tx, context, live, actor, now)
    incident = joined.incident
    alerts.mark(tx, [(alert.id, alert.status, incident, "") for alert in live])
    taken = all(alert.status == "acknowledged" for alert in live)
    if taken and alerts.all_acknowledged(tx, incident):
        return [joined, *_ask(tx, context, incident, actor, commands.Acknowledge("source"), now)]
    return [joined]


def _join(tx: Transaction, context: Context, live: Sequence[Alert], actor: Actor, now: datetime) -> Applied:
    policy = context.current_policy(tx, now)
    service = policy.service_of(live[0].integration)
    before = subjects.open_incident(tx, service)
    # An open incident keeps the plan it was opened under, levels included.
    pinned = context.policy(tx, before.state.policy_version) if before else policy
    incident = before.state.id if before else new_id(tx, policy, now)
    level = before.state.level if before else None
    command = _join_command(tx, incident, service, level, live, pinned)
    view = context.view(tx, now)
    asked = commands.Asked(actor, command)
    decision = decide(before.state if before else None, asked, pinned, view, now)
    assert not isinstance(decision, Refused), f"{incident} holds {service} and refused: {decision}"
    return keep(tx, before, decision, next_due(decision.state, pinned), pinned, now, open_key=service)


def _known(
    tx: Transaction,
    context: Context,
    claimed: Sequence[Alert],
    incident: SubjectId,
    actor: Actor,
    now: datetime,
) -> list[Applied]:
    """News of alerts that have their incident: over, acknowledged at the source, or worse than before."""
    alerts.mark(tx, [(alert.id, alert.status, incident, "") for alert in claimed])
    over = [alert for alert in claimed if alert.status == "resolved"]
    taken = [alert for alert in claimed if alert.status == "acknowledged" != alert.triaged]
    live = [alert for alert in claimed if alert.status != "resolved"]
    applied: list[Applied] = []
    # One alert that somebody has taken at its source says nothing of the others.
    if taken and alerts.all_acknowledged(tx, incident):
        applied += _ask(tx, context, incident, actor, commands.Acknowledge("source"), now)
    if live:
        # After the acknowledgement: which of the two came first is not known, and doubt goes up.
        applied += _raise(tx, context, incident, live, actor, now)
    if over:
        applied += _ask(tx, context, incident, actor, commands.ClearAlerts(len(over), _sample(over)), now)
    return applied


def _raise(
    tx: Transaction,
    context: Context,
    incident: SubjectId,
    live: Sequence[Alert],
    actor: Actor,
    now: datetime,
) -> list[Applied]:
    """Raise the incident's level where its alerts have become worse than it."""
    stored = subjects.load_incident(tx, incident)
    assert stored is not None, f"alerts point at {incident}, which does not exist"
    policy = context.policy(tx, stored.state.policy_version)
    command = replace(
        _join_command(tx, incident, stored.state.service, stored.state.level, live, policy), count=0
    )
    if policy.level(command.level).rank >= policy.level(stored.state.level).rank and not command.facts:
        return []
    return _ask(tx, context, incident, actor, command, now)


def _ask(
    tx: Transaction,
    context: Context,
    incident: SubjectId,
    actor: Actor,
    command: commands.IncidentCommand,
    now: datetime,
) -> list[Applied]:
    # A refusal is fine here: what the source says may be old news to an incident that people have moved on.
    answer = apply(tx, context, incident, commands.Asked(actor, command), now)
    return [] if isinstance(answer, Refused) else [answer]


def _join_command(
    tx: Transaction,
    incident: SubjectId,
    service: ServiceId,
    level: LevelId | None,
    live: Sequence[Alert],
    policy: Policy,
) -> commands.JoinAlerts:
    """`level` is what the incident has, if there is one already."""
    signals = [alert.signal() for alert in _distinct(policy, live)]
    judged = min((judge(policy, one, service) for one in signals), key=lambda judged: judged.level.rank)
    said = _stated(policy, signals)
    said |= counted(tx, policy, incident, judged.level.id, level)
    return commands.JoinAlerts(
        incident, service, len(live), _sample(live), judged.level.id, judged.reason, said
    )


def _distinct(policy: Policy, live: Sequence[Alert]) -> list[Alert]:
    """Of alerts that the plan cannot tell apart the last: a storm's look alike, and one is judged for all."""
    watch = alerts.watched(policy.facts).id
    # Words that were kept for other facts than this plan's may hide a difference.
    found = {(one.severity, one.words if one.watch == watch else one.id): one for one in live}
    return sorted(found.values(), key=attrgetter("id"))


def _stated(policy: Policy, signals: Iterable[Signal]) -> dict[FactId, str]:
    """The plan's facts that alerts state; of two that state the same fact the later alert is right."""
    found = {id: value for one in signals for id, value in found_in(one.details, policy.facts).items()}
    return {id: in_words(value, policy.facts[id].kind) for id, value in found.items()}


def _sample(some: Iterable[Alert]) -> tuple[str, ...]:
    worst_first = nsmallest(limits.SAMPLE_ALERTS, some, key=lambda alert: (alert.severity.rank, alert.id))
    return tuple(alert.summary for alert in worst_first)


def new_id(tx: Transaction, policy: Policy, now: datetime) -> SubjectId:
    """The next incident's name, as the plan spells them."""
    day = now.astimezone(ZoneInfo(policy.zone))
    number = counters.next_number(tx, f"incident {day:%Y-%m-%d}")
    return SubjectId(policy.incident_id.format(date=day, number=number))
