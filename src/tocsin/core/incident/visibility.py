"""Who may see an incident that is restricted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.targets import ids
from tocsin.core.incident.state.incident import Incident
from tocsin.core.model import PersonId
from tocsin.core.policy import Policy, View


def may_see(state: Incident, person: PersonId, policy: Policy, view: View, now: datetime) -> bool:
    """Everybody, until it is restricted; then those it is restricted to, who has it, and who is paged.

    A page asks somebody to come, so they must see what for. A role is whoever has it in the incident.
    """
    if not state.restricted_to or any(page.person == person for page in state.pages):
        return True
    if state.acknowledged_by is not None and state.acknowledged_by.id == person:
        return True
    # A team whose members take turns at being paged may see it whole.
    whole = [replace(target, next_of=False) for target in state.restricted_to]
    return person in ids(Draft(state, policy, view, now), whole)
