"""What a message may say of an incident that is restricted: by hand, from plan, directory and who has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from tests.sim.stream import Stream
from tests.sim.whom import Known, meant
from tocsin.core.evolve import evolve
from tocsin.core.incident import Incident
from tocsin.core.model import Message
from tocsin.core.policy import Policy

HIDDEN = "only some may see what it is"


def a_title_is_for_those_who_may_see_it(
    message: Message, incident: Incident, policy: Policy, views: Iterable[Known], at: datetime
) -> Iterator[str]:
    """A restricted incident's title goes to its own people, whoever has it and whoever is paged for it."""
    (line,) = {one for one in message.text.splitlines() if one.endswith(f"({incident.id})")}
    hidden = line.endswith(f": {HIDDEN} ({incident.id})")
    # By one of the views that a node may have had they may see it, and by another they may not.
    may = {_may_see(incident, message.person, policy, known, at) for known in views}
    if hidden in may and len(may) == 1:
        to = incident.restricted_to
        yield f"{message.person} reads `{line}`, and it is restricted to {to}, pages {incident.pages}"


def _may_see(incident: Incident, person: str, policy: Policy, known: Known, at: datetime) -> bool:
    having = incident.acknowledged_by.id if incident.acknowledged_by else None
    if not incident.restricted_to or person == having or person in {page.person for page in incident.pages}:
        return True
    stream = Stream(incident.id, policy)
    stream.account.roles = {str(role): str(holder) for role, holder in incident.roles.items()}
    return person in meant(stream, (evolve(one, next_of=False) for one in incident.restricted_to), at, known)
