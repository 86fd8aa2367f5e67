"""Who does what in an incident: roles are assigned, and go from hand to hand when both agree."""

from __future__ import annotations

from tocsin.core.incident import commands, events
from tocsin.core.incident.acts.breaking import own_up
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.targets import ids
from tocsin.core.incident.state.standing import already_over
from tocsin.core.model import Actor, PersonId, Refused, RoleId
from tocsin.core.policy import Target


def assign(draft: Draft, command: commands.Assign, actor: Actor) -> Refused | None:
    """Give somebody a role; whoever had it has it no more."""
    state, previous = draft.state, draft.state.roles.get(command.role)
    refused = _may_hold(draft, command.role, command.person)
    if refused is not None:
        return refused
    if previous == command.person:
        return Refused(f"{draft.name(command.person)} is {command.role} of {state.id} already.")
    own_up(draft)
    draft.add(events.RoleAssigned(command.role, command.person, previous), actor)
    return None


def hand_over(draft: Draft, command: commands.HandOver, actor: Actor) -> Refused | None:
    """Ask that a role go from one to the other."""
    state, role = draft.state, command.role
    refused = _may_hold(draft, role, command.taker)
    if refused is not None:
        return refused
    if command.giver not in ids(draft, (Target(role=role),)):
        return Refused(f"{draft.name(command.giver)} is not {role} of {state.id}.")
    if command.giver == command.taker:
        return Refused(f"{draft.name(command.taker)} is {role} of {state.id} already.")
    if any((one.role, one.taker) == (role, command.taker) for one in state.hand_overs):
        return Refused(f"That hand-over of {role} waits to be confirmed already.")
    own_up(draft)
    draft.add(events.HandOverOffered(role, command.giver, command.taker), actor)
    if actor.id in (command.giver, command.taker):
        draft.add(events.HandOverConfirmed(role, PersonId(actor.id)), actor)
    return None


def confirm(draft: Draft, command: commands.ConfirmHandOver, actor: Actor) -> Refused | None:
    """One of the two agrees; with the second the role goes over."""
    state, role = draft.state, command.role
    if state.status.over:
        return already_over(state)
    offered = next((one for one in state.hand_overs if one.role == role), None)
    if offered is None:
        return Refused(f"No hand-over of {role} waits to be confirmed.")
    if actor.id not in (offered.giver, offered.taker):
        both = f"{draft.name(offered.giver)} and {draft.name(offered.taker)}"
        return Refused(f"Only {both} can confirm the hand-over of {role}.")
    if actor.id in offered.confirmed:
        return Refused(f"{draft.who(actor)} has confirmed the hand-over of {role} already.")
    refused = _may_hold(draft, role, offered.taker)
    if refused is not None:
        return refused
    own_up(draft)
    draft.add(events.HandOverConfirmed(role, PersonId(actor.id)), actor)
    if offered.confirmed:
        draft.add(events.RoleHandedOver(role, offered.giver, offered.taker), actor)
    return None


def _may_hold(draft: Draft, role: RoleId, person: PersonId) -> Refused | None:
    """Why the person may not have the role, if so: exclusions hold in both directions."""
    state, roles = draft.state, draft.policy.roles
    if state.status.over:
        return already_over(state)
    if role not in roles:
        return Refused(f"The plan has no role {role}.")
    if person not in draft.view.people:
        return Refused(f"There is nobody called {person} in the directory.")
    excluded = [other for other in roles if other in roles[role].not_with or role in roles[other].not_with]
    held = next((other for other in excluded if person in ids(draft, (Target(role=other),))), None)
    if held is not None:
        return Refused(
            f"{draft.name(person)} is {held}, and the plan forbids to be {role} too."
            f" Make somebody else {held} first."
        )
    return None
