"""One command, one decision: what happened and what to do about it, or why not."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from tocsin.core.incident import commands, events
from tocsin.core.incident.acts import alerts, assess, course, levels, merging, record, repin, roles, updates
from tocsin.core.incident.draft import Decision, Draft
from tocsin.core.incident.paging import ladder, triggers
from tocsin.core.incident.state.incident import Incident
from tocsin.core.model import Actor, Outcome, Refused
from tocsin.core.policy import Policy, View


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
    return draft.decision


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
        case commands.Settle():
            return _settle(draft, command)
        case _:
            assert_never(command)


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
        ladder.go_around(draft, before)
    return None
