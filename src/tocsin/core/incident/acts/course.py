"""The course of an incident, from somebody taking it to its end: each command moves it on or says why not."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.incident import commands, events
from tocsin.core.incident.acts.breaking import own_up
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.ladder import start_round
from tocsin.core.incident.paging.pages import withdraw_moot
from tocsin.core.incident.state.standing import already_over
from tocsin.core.incident.status import Status
from tocsin.core.model import Actor, ActorKind, CloseAlerts, Refused, Withdraw
from tocsin.core.policy import Milestone


def acknowledge(draft: Draft, command: commands.Acknowledge, actor: Actor) -> Refused | None:
    """Take it, and answer the actor's own page. Whoever has it renews how long that stands."""
    state = draft.state
    if state.status.over:
        return already_over(state)
    if state.status is not Status.TRIGGERED and not _own(draft, actor) and not _renews(draft, actor):
        has_it = draft.who(state.acknowledged_by) if state.acknowledged_by else "somebody"
        return Refused(f"{state.id} was already acknowledged by {has_it}.")
    own_up(draft)
    if _renews(draft, actor):
        draft.add(events.Acknowledged(actor, command.via), actor)
    take(draft, actor, command.via)
    return None


Work = commands.Verify | commands.BeginMitigation | commands.Mitigate

_WORK: Mapping[type[Work], tuple[Milestone, str]] = {
    commands.Verify: (Milestone.VERIFIED, "verified"),
    commands.BeginMitigation: (Milestone.MITIGATING, "being mitigated"),
    commands.Mitigate: (Milestone.MITIGATED, "mitigated"),
}


def work(draft: Draft, command: Work, actor: Actor) -> Refused | None:
    """Come to a milestone. Whoever works on an incident has taken it."""
    state = draft.state
    milestone, word = _WORK[type(command)]
    if state.status.over:
        return already_over(state)
    if state.reached_at(milestone) is not None:
        return Refused(f"{state.id} is already {word}.")
    own_up(draft)
    take(draft, actor, "work")
    match command:
        case commands.Verify():
            draft.add(events.Verified(), actor)
        case commands.BeginMitigation():
            draft.add(events.MitigationBegun(), actor)
        case commands.Mitigate():
            draft.add(events.Mitigated(command.how), actor)
    withdraw_moot(draft, word)
    return None


def resolve(draft: Draft, reason: str, actor: Actor) -> Refused | None:
    """It is over."""
    if draft.state.status.over:
        return already_over(draft.state)
    own_up(draft)
    draft.add(events.Resolved(actor, reason), actor)
    _end(draft, "resolved")
    return None


def false_positive(draft: Draft, command: commands.FalsePositive, actor: Actor) -> Refused | None:
    """There was nothing, which can also come to light afterwards."""
    if draft.state.status in (Status.CLOSED, Status.MERGED):
        return already_over(draft.state)
    own_up(draft)
    draft.add(events.Closed(events.Verdict.FALSE_POSITIVE, command.reason), actor)
    _end(draft, "a false positive")
    return None


def close(draft: Draft, command: commands.Close, actor: Actor) -> Refused | None:
    """Nothing is left to do in it."""
    state = draft.state
    if not state.status.over:
        return Refused(f"{state.id} is {state.status}; resolve it before you close it.")
    if state.status is not Status.RESOLVED:
        return already_over(state)
    own_up(draft)
    draft.add(events.Closed(events.Verdict.REAL, command.reason), actor)
    return None


def reopen(draft: Draft, command: commands.Reopen, actor: Actor) -> Refused | None:
    """It goes on: unanswered, from the first step of its ladder."""
    state = draft.state
    if state.status is Status.MERGED:
        return already_over(state)
    if state.status in (Status.TRIGGERED, Status.ACKNOWLEDGED):
        return Refused(f"{state.id} is {state.status}; there is nothing to reopen.")
    go_on(draft, command.reason, actor)
    return None


def go_on(draft: Draft, reason: str, actor: Actor) -> None:
    """It was not over, or not mitigated, after all."""
    own_up(draft)
    draft.add(events.Reopened(reason), actor)
    start_round(draft, f"reopened by {actor}")


def take(draft: Draft, actor: Actor, via: str) -> None:
    """The actor answers; from now on they have the incident, unless somebody has it already."""
    for page in draft.state.pages:
        if page.id in _own(draft, actor):
            draft.add(events.PageAnswered(page.id, page.person), actor)
            draft.effects.append(Withdraw(page.id))
    if draft.state.status is Status.TRIGGERED:
        draft.add(events.Acknowledged(actor, via), actor)
        # By the id, as in every event: a name that stood here could not be erased.
        withdraw_moot(draft, f"acknowledged by {actor}")


def _renews(draft: Draft, actor: Actor) -> bool:
    """Whether it is theirs, and could lapse. The same click twice at one instant says nothing new."""
    state = draft.state
    if draft.level.acknowledgement_lasts is None:
        return False
    theirs = state.status is Status.ACKNOWLEDGED and state.acknowledged_by == actor
    return theirs and actor.kind is ActorKind.PERSON and state.acknowledged_at != draft.now


def _own(draft: Draft, actor: Actor) -> list[int]:
    if actor.kind is not ActorKind.PERSON:
        return []
    return [page.id for page in draft.state.pages if page.person == actor.id]


def _end(draft: Draft, why: str) -> None:
    draft.effects.append(CloseAlerts())
    withdraw_moot(draft, why)
