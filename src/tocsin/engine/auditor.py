"""The auditor looks again, a bounded part at a time, at what the engine should have done; repairs nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tocsin import limits
from tocsin.core.model import SubjectId
from tocsin.engine.context import Context
from tocsin.engine.evidence import LATE, sentences
from tocsin.store import audit as stored
from tocsin.store.transaction import Transaction


@dataclass(frozen=True)
class Finding:
    """Something is not as it should be: what it is and what to do, a sentence each."""

    incident: SubjectId
    what: str
    remedy: str


@dataclass(frozen=True)
class Mark:
    """How far the audits have come: the last change seen, and the last open incident looked at."""

    changed_at: datetime
    changed_id: str = ""
    open_id: str = ""


@dataclass(frozen=True)
class Audit:
    """What was found, and where the next audit goes on. `more`: there are changes to catch up with."""

    looked_at: tuple[SubjectId, ...]
    findings: tuple[Finding, ...]
    mark: Mark
    more: bool


def audit(tx: Transaction, context: Context, now: datetime, since: Mark) -> Audit:
    """Look at incidents that changed since the mark, and at the next slice of the open ones.

    A change is looked at a minute after it was made, when everything that it brings should have happened.
    Bounded: what it does not come to now, later audits do.
    """
    size, events_left, mark = limits.AUDIT_INCIDENTS, limits.AUDIT_EVENTS, since
    changed = stored.changed(tx, (since.changed_at, since.changed_id), now - LATE, size)
    still_open = stored.open_after(tx, since.open_id, size)
    found: dict[str, tuple[Finding, ...]] = {}
    for id, changed_at in [*changed, *((id, None) for id in still_open)]:
        if events_left <= 0:
            break
        if id not in found:
            found[id], read = _look_at(tx, context, SubjectId(id), now)
            events_left -= read
        mark = (
            replace(mark, changed_at=changed_at, changed_id=id) if changed_at else replace(mark, open_id=id)
        )
    else:
        if len(still_open) < size:
            mark = replace(mark, open_id="")
    more = bool(changed) and (len(changed) == size or mark.changed_id != changed[-1][0])
    looked_at = tuple(SubjectId(id) for id in found)
    return Audit(looked_at, tuple(one for some in found.values() for one in some), mark, more)


def _look_at(
    tx: Transaction, context: Context, incident: SubjectId, now: datetime
) -> tuple[tuple[Finding, ...], int]:
    """The findings for one incident, and how many events were read."""
    before = stored.standing(tx, incident)
    if before is None:
        return (), 0
    found = tuple(
        Finding(incident, f"{incident} {what}", remedy)
        for what, remedy in sentences(tx, context, incident, before, now)
    )
    if found and stored.standing(tx, incident) != before:
        # It changed while we looked, so that what we saw may be of two instants. It will be looked at again.
        return (), before.events
    return found, before.events
