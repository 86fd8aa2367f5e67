"""Who may see an incident that is restricted."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.incident.state import Incident
from tocsin.core.model import PersonId
from tocsin.core.oncall import on_call
from tocsin.core.policy import Policy, Target, View


def may_see(state: Incident, person: PersonId, policy: Policy, view: View, now: datetime) -> bool:
    """Everybody, until it is restricted; then those it is restricted to, who has it, and who is paged.

    A page asks somebody to come, so they must see what for.
    """
    if not state.restricted_to or any(page.person == person for page in state.pages):
        return True
    if state.acknowledged_by is not None and state.acknowledged_by.id == person:
        return True
    return any(_means(target, person, policy, view, now) for target in state.restricted_to)


def _means(target: Target, person: PersonId, policy: Policy, view: View, now: datetime) -> bool:
    """Whether `person` is among those whom the target means."""
    if target.person is not None:
        return target.person == person
    if target.rota is not None:
        seats = on_call({**policy.rotas, **view.rotas}, target.rota, now, view.overrides)
        return any(seat.person == person for seat in seats)
    if target.team is not None and target.team in policy.teams:
        return any(_means(one, person, policy, view, now) for one in policy.teams[target.team].members)
    if target.role is not None and target.role in policy.roles:
        return any(_means(one, person, policy, view, now) for one in policy.roles[target.role].default)
    return False
