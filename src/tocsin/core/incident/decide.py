"""One command, one decision: what happened and what to do about it, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from tocsin.core.incident import commands, events
from tocsin.core.incident.deadlines import deadlines
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging import (
    go_around,
    ring_due,
    start_round,
    take_due_steps,
    take_step,
    withdraw_moot,
)
from tocsin.core.incident.state import Incident, Status
from tocsin.core.model import Actor, ActorKind, CloseAlerts, DeadlineState, Effect, Outcome, Refused, Withdraw
from tocsin.core.policy import Policy, View


@dataclass(frozen=True, slots=True)
class Decision:
    """Events to store and effects to carry out, in order. `state` is what folding the events gives."""

    state: Incident
    events: tuple[events.Recorded, ...]
    effects: tuple[Effect, ...]


def decide(
    state: Incident | None, asked: commands.Asked, policy: Policy, view: View, now: datetime
) -> Decision | Refused:
    """What `asked` does to an incident in `state` (None: there is none yet) at `now` (aware, UTC).

    Pure: the same arguments always give the same answer. `policy` is the version the incident is pinned to.
    """
    if state is None and not isinstance(asked.command, commands.JoinAlerts):
        return Refused("There is no such incident.")
    draft = Draft(state, policy, view, now)
    refused = _carry_out(draft, asked.command, asked.actor)
    if refused is not None:
        return refused
    return Decision(draft.state, tuple(draft.recorded), tuple(draft.effects))


def _carry_out(draft: Draft, command: commands.IncidentCommand, actor: Actor) -> Refused | None:
    match command:
        case commands.JoinAlerts():
            return _join(draft, command, actor)
        case commands.ClearAlerts():
            return _clear(draft, command, actor)
        case commands.Acknowledge():
            return _acknowledge(draft, command, actor)
        case commands.Resolve():
            return _resolve(draft, command.reason, actor)
        case commands.Due():
            return _due(draft, command.deadline)
        case commands.Settle():
            return _settle(draft, command)
        case _:
            assert_never(command)


def _join(draft: Draft, command: commands.JoinAlerts, actor: Actor) -> Refused | None:
    if draft.folded is None:
        title = next(filter(None, command.sample), command.service)
        version = draft.policy.version
        opened = events.Opened(
            command.incident, command.service, title, command.level, command.reason, version
        )
        draft.add(opened, actor)
        draft.add(events.AlertsJoined(command.count, command.sample), actor)
        take_due_steps(draft)
        return None
    if draft.state.status is Status.RESOLVED:
        return Refused(f"{draft.state.id} is resolved; a new alert opens a new incident.")
    if command.count:
        draft.add(events.AlertsJoined(command.count, command.sample), actor)
    if draft.policy.level(command.level).rank < draft.level.rank:
        _own_up(draft)
        previous = draft.state.level
        draft.add(events.LevelRaised(command.level, previous, command.reason), actor)
        start_round(draft, f"raised from {previous} to {command.level}")
    return None


def _clear(draft: Draft, command: commands.ClearAlerts, actor: Actor) -> Refused | None:
    draft.add(events.AlertsCleared(command.count, command.sample), actor)
    if draft.state.status is not Status.RESOLVED and draft.state.alerts_open <= 0:
        return _resolve(draft, "the source says that every alert is over", actor)
    return None


def _acknowledge(draft: Draft, command: commands.Acknowledge, actor: Actor) -> Refused | None:
    state = draft.state
    if state.status is Status.RESOLVED:
        return Refused(f"{state.id} is already resolved.")
    own = [page for page in state.pages if actor.kind is ActorKind.PERSON and page.person == actor.id]
    if state.status is Status.ACKNOWLEDGED and not own:
        return Refused(f"{state.id} was already acknowledged by {state.acknowledged_by}.")
    _own_up(draft)
    for page in own:
        draft.add(events.PageAnswered(page.id, page.person), actor)
        draft.effects.append(Withdraw(page.id))
    if state.status is Status.TRIGGERED:
        draft.add(events.Acknowledged(actor, command.via), actor)
        withdraw_moot(draft, f"acknowledged by {actor}")
    return None


def _resolve(draft: Draft, reason: str, actor: Actor) -> Refused | None:
    if draft.state.status is Status.RESOLVED:
        return Refused(f"{draft.state.id} is already resolved.")
    _own_up(draft)
    draft.add(events.Resolved(actor, reason), actor)
    draft.effects.append(CloseAlerts())
    withdraw_moot(draft, "resolved")
    return None


def _due(draft: Draft, deadline_id: str) -> Refused | None:
    deadline = next(
        (
            one
            for one in deadlines(draft.state, draft.policy)
            if one.id == deadline_id and one.state is DeadlineState.DUE and one.due_at <= draft.now
        ),
        None,
    )
    if deadline is None:
        return Refused(f"{draft.state.id} has no deadline {deadline_id} due.")
    kind, _, rest = deadline_id.partition(":")
    match kind:
        case "acknowledge":
            _own_up(draft)
        case "ring":
            ring_due(draft, int(rest.partition(":")[0]))
        case "step":
            take_step(draft, int(rest.partition(":")[2]))
        case "repeat":
            start_round(draft, "nobody has acknowledged")
        case "lapse":
            assert draft.state.acknowledged_by is not None
            draft.add(events.AcknowledgementLapsed(draft.state.acknowledged_by))
            start_round(draft, "acknowledged, then left too long")
        case _:
            raise AssertionError(f"no rule for deadline {deadline_id}")
    return None


def _settle(draft: Draft, command: commands.Settle) -> Refused | None:
    outcome = command.receipt.outcome
    draft.add(
        events.RingSettled(
            command.page,
            command.ring,
            command.person,
            command.channel,
            command.attempt,
            outcome,
            command.receipt.detail,
        )
    )
    if outcome in (Outcome.FAILED, Outcome.RETRYING):
        go_around(draft, command.page)
    return None


def _own_up(draft: Draft) -> None:
    """Record a promise that was missed before what happens now would hide it."""
    for one in deadlines(draft.state, draft.policy):
        if one.id.startswith("acknowledge:") and one.state is DeadlineState.DUE and one.due_at <= draft.now:
            draft.add(events.PromiseBroken(one.id, one.promise, one.due_at))
