"""One command, one decision: what happened and what to do about it, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from tocsin.core.incident import (
    alerts,
    assess,
    commands,
    course,
    events,
    ladder,
    levels,
    merging,
    record,
    repin,
    roles,
    triggers,
    updates,
)
from tocsin.core.incident.breaking import break_promise
from tocsin.core.incident.carrying import carried_by_lapse, take_carried
from tocsin.core.incident.deadlines import carried_id, deadlines
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.ladder import go_around, start_round, take_step
from tocsin.core.incident.paging import ring_due
from tocsin.core.incident.state import Incident
from tocsin.core.model import Actor, DeadlineState, Effect, Outcome, Refused
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
    if state is None and not isinstance(asked.command, commands.JoinAlerts | commands.Declare):
        return Refused("There is no such incident.")
    draft = Draft(state, policy, view, now)
    refused = _carry_out(draft, asked.command, asked.actor)
    if refused is not None:
        return refused
    triggers.fire(draft)
    return Decision(draft.state, tuple(draft.recorded), tuple(draft.effects))


def _carry_out(draft: Draft, command: commands.IncidentCommand, actor: Actor) -> Refused | None:
    match command:
        case commands.JoinAlerts():
            return alerts.join(draft, command, actor)
        case commands.Declare():
            return alerts.declare(draft, command, actor)
        case commands.ClearAlerts():
            return alerts.clear(draft, command, actor)
        case commands.Acknowledge():
            return course.acknowledge(draft, command, actor)
        case commands.Verify() | commands.BeginMitigation() | commands.Mitigate():
            return course.work(draft, command, actor)
        case commands.Resolve():
            return course.resolve(draft, command.reason, actor)
        case commands.FalsePositive():
            return course.false_positive(draft, command, actor)
        case commands.Reopen():
            return course.reopen(draft, command, actor)
        case commands.Close():
            return course.close(draft, command, actor)
        case commands.Escalate():
            return ladder.escalate(draft, command, actor)
        case commands.ExtendProgress():
            return ladder.extend(draft, command, actor)
        case commands.MarkDone():
            return record.mark_done(draft, command, actor)
        case commands.SetFacts():
            return assess.set_facts(draft, command, actor)
        case commands.SetLevel():
            return levels.set_level(draft, command, actor)
        case commands.PostUpdate():
            return updates.post(draft, command, actor)
        case commands.Assign():
            return roles.assign(draft, command, actor)
        case commands.HandOver():
            return roles.hand_over(draft, command, actor)
        case commands.ConfirmHandOver():
            return roles.confirm(draft, command, actor)
        case commands.Repin():
            return repin.repin(draft, command, actor)
        case commands.Merge():
            return merging.merge(draft, command, actor)
        case commands.Absorb():
            return merging.absorb(draft, command, actor)
        case commands.AddNote():
            return record.note(draft, command, actor)
        case commands.SetEstimate():
            return record.estimate(draft, command, actor)
        case commands.Link():
            return record.link(draft, command, actor)
        case commands.Restrict():
            return record.restrict(draft, command, actor)
        case commands.Due():
            return _due(draft, command.deadline)
        case commands.Settle():
            return _settle(draft, command)
        case _:
            assert_never(command)


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
        case "acknowledge" | "expect" | "promise" | "role" | "update":
            break_promise(draft, deadline)
        case "ring":
            ring_due(draft, int(rest.partition(":")[0]))
        case "step":
            take_step(draft, int(rest.partition(":")[2]))
        case "carried":
            take_carried(draft, next(o for o in draft.state.carried if carried_id(o) == deadline_id))
        case "warn":
            ladder.warn(draft, int(rest.partition(":")[2]))
        case "threshold":
            assess.threshold_due(draft, rest)
        case "repeat":
            start_round(draft, "nobody has acknowledged")
        case "lapse":
            assert draft.state.acknowledged_by is not None
            carried = carried_by_lapse(draft.state, draft.policy)
            draft.add(events.AcknowledgementLapsed(draft.state.acknowledged_by, carried))
            start_round(draft, "acknowledged, then left too long")
        case _:
            raise AssertionError(f"no rule for deadline {deadline_id}")
    return None


def _settle(draft: Draft, command: commands.Settle) -> Refused | None:
    outcome, before = command.receipt.outcome, draft.state.page(command.page)
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
    if before is not None and outcome in (Outcome.FAILED, Outcome.RETRYING):
        go_around(draft, before)
    return None
