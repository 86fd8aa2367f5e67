"""What people put on record, in whatever state the incident is: notes, estimates, links, who may see it."""

from __future__ import annotations

from tocsin.core.incident import commands, events
from tocsin.core.incident.acts.breaking import own_up
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.promises.promised import by_hand
from tocsin.core.incident.state.standing import already_over
from tocsin.core.model import Actor, ActorKind, PersonId, Refused
from tocsin.core.policy import Target
from tocsin.core.recorded import recorded


def mark_done(draft: Draft, command: commands.MarkDone, actor: Actor) -> Refused | None:
    """Strike off a task, or keep a promise by hand."""
    state, what = draft.state, _meant(draft, command.what)
    task = next((one for one in state.tasks if one.id == what), None)
    promise = next((one for one in by_hand(state, draft.policy) if one.id == what), None)
    if task is None and promise is None:
        return Refused(f"{state.id} has no task and no promise {command.what} that a person marks as done.")
    if what in state.done:
        return Refused(f"{command.what} of {state.id} is done already.")
    if promise is not None and promise.not_before is not None and draft.now < promise.not_before:
        at = recorded(promise.not_before)
        return Refused(f"{promise.promise} may not be done before {at}.")
    own_up(draft)
    words = task.words if task is not None else promise.promise if promise is not None else ""
    draft.add(events.MarkedDone(what, words), actor)
    return None


def _meant(draft: Draft, what: str) -> str:
    """The id of what is called so in the plan's words, an open one first; else what was said."""
    state = draft.state
    called = [one.id for one in state.tasks if one.words == what]
    called += [one.id for one in by_hand(state, draft.policy) if one.promise == what]
    return next((one for one in called if one not in state.done), called[0] if called else what)


def note(draft: Draft, command: commands.AddNote, actor: Actor) -> Refused | None:
    """Words for the timeline."""
    if not command.text.strip():
        return Refused("A note needs words.")
    draft.add(events.NoteAdded(command.text), actor)
    return None


def estimate(draft: Draft, command: commands.SetEstimate, actor: Actor) -> Refused | None:
    """When it will be over; every estimate is kept."""
    state = draft.state
    if state.status.over:
        return already_over(state)
    if command.expected_at <= draft.now:
        return Refused("The estimate lies in the past. Give a time that is still to come.")
    if state.estimates and state.estimates[-1].expected_at == command.expected_at:
        return Refused(f"{state.id} has that estimate already.")
    draft.add(events.EstimateSet(command.expected_at, command.reason), actor)
    return None


def link(draft: Draft, command: commands.Link, actor: Actor) -> Refused | None:
    """Point to something that it has to do with, once."""
    state = draft.state
    if not command.to.strip():
        return Refused("A link needs an incident's id or an address.")
    if any(one.to == command.to for one in state.links):
        return Refused(f"{state.id} is linked to {command.to} already.")
    draft.add(events.Linked(command.to, command.what), actor)
    return None


def restrict(draft: Draft, command: commands.Restrict, actor: Actor) -> Refused | None:
    """Say who may see it; who restricts it is one of them, so that nobody loses it by their own word."""
    state = draft.state
    unknown = [one for one in command.people if one not in draft.view.people]
    unknown_teams = [one for one in command.teams if one not in draft.policy.teams]
    if unknown:
        return Refused(f"There is nobody called {unknown[0]} in the directory.")
    if unknown_teams:
        return Refused(f"The plan has no team {unknown_teams[0]}.")
    named = command.people or command.teams
    asks = (PersonId(actor.id),) if named and actor.kind is ActorKind.PERSON else ()
    people = tuple(Target(person=one) for one in dict.fromkeys((*command.people, *asks)))
    to = people + tuple(Target(team=one) for one in dict.fromkeys(command.teams))
    if to == state.restricted_to:
        return Refused(f"That is how {state.id} is restricted already.")
    draft.add(events.Restricted(to), actor)
    return None
