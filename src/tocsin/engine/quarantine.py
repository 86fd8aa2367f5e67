"""An incident that cannot be decided is set aside, and the plan's catch-all hears that it pages nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tocsin import limits
from tocsin.core.incident import Incident, Status
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.paging.targets import people
from tocsin.core.model import PersonId, ServiceId, SubjectId
from tocsin.engine.context import Context, NoPlan
from tocsin.store import outbox, subjects
from tocsin.store.transaction import Transaction

LASTS = timedelta(seconds=limits.QUARANTINE_SECONDS)


def set_aside(
    tx: Transaction, context: Context, incident: SubjectId, why: str, now: datetime, *, tell: bool = True
) -> None:
    """Look at it again after QUARANTINE_SECONDS; until then, once, say so by every channel there is.

    With `tell` False nobody hears: for a directory or a plan that cannot be read either.
    """
    subjects.set_aside(tx, incident, why, now + LASTS)
    if tell:
        to = list(_catch_all(tx, context, incident, now))
        outbox.put_set_aside(tx, incident, to, why, now - LASTS, now)


def _catch_all(
    tx: Transaction, context: Context, incident: SubjectId, now: datetime
) -> Iterator[tuple[PersonId, str]]:
    """Who is the catch-all today, with each channel: the incident's own plan may be what cannot be read."""
    try:
        policy = context.current_policy(tx, now)
    except NoPlan:
        return
    nothing_known = Incident(
        incident, ServiceId(""), "", policy.levels[0].id, Status.TRIGGERED, policy.version, now, now, now
    )
    for one in people(Draft(nothing_known, policy, context.view(tx, now), now), policy.catch_all):
        for channel in sorted(one.channels):
            yield one.id, channel
