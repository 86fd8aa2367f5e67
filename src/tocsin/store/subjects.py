"""Subjects with their events: load, save by compare-and-set, find what is due.

What the engine runs for every step is built once: building a statement takes longer than running it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, literal_column, select, update

from tocsin.core.incident import FOLD, Incident, Status, fold_all
from tocsin.core.incident.events import FactsSet, Recorded
from tocsin.core.incident.state.facts import SERVICES_FAILING
from tocsin.core.model import SubjectId
from tocsin.store.codec import dump, load
from tocsin.store.errors import Conflict, Corrupt
from tocsin.store.event_codec import event_from, event_row
from tocsin.store.prepared import Prepared
from tocsin.store.schema import events, subjects

INCIDENT = "incident"
OVER = tuple(status.value for status in Status if status.over)
"""How the table calls an incident that has ended; what is promised for afterwards may still be due."""

_ONE = (subjects.c.kind == INCIDENT, subjects.c.id == bindparam("of"))
_STORED = select(subjects.c.id, subjects.c.version, subjects.c.fold, subjects.c.state, subjects.c.quarantined)
_LOAD = Prepared(_STORED.where(*_ONE))
_LOAD_OPEN = Prepared(_STORED.where(subjects.c.open_key == bindparam("key")))
_LOAD_DUE = Prepared(_STORED.where(*_ONE, subjects.c.due_at <= bindparam("now")), claims=True)
_DUE = (
    select(subjects.c.id)
    .where(subjects.c.due_at <= bindparam("now"))
    .order_by(subjects.c.priority, subjects.c.due_at)
    .limit(bindparam("most"))
)
# The condition says nothing new of a least value; without it SQLite does not see that the index will do.
_NEXT_DUE_AT = select(func.min(subjects.c.due_at)).where(subjects.c.due_at.is_not(None))
# That ids are not empty and priorities not negative says nothing new, as above.
_FAILING = select(func.count()).where(
    subjects.c.open_key.is_not(None),
    subjects.c.urgent == literal_column("1"),
    subjects.c.id > literal_column("''"),
    subjects.c.id != bindparam("besides"),
)
_MISCOUNTED = (
    select(subjects.c.id)
    .where(
        subjects.c.open_key.is_not(None),
        subjects.c.asks_failing == literal_column("1"),
        subjects.c.priority >= literal_column("0"),
        subjects.c.quarantined == "",
        subjects.c.failing_told != _FAILING.correlate(None).scalar_subquery(),
    )
    .order_by(subjects.c.priority)
    .limit(bindparam("most"))
)
_TOLD_FAILING = update(subjects).where(*_ONE).values(failing_told=bindparam("number"))
_OPEN = Prepared(insert(subjects))
_SAVE = Prepared(update(subjects).where(*_ONE, subjects.c.version == bindparam("from_version")))
_RECORD = Prepared(insert(events))


@dataclass(frozen=True)
class Stored:
    """A subject as it stands: its version counts its events."""

    version: int
    state: Incident
    quarantined: str = ""


def load_incident(tx: Connection, incident: str) -> Stored | None:
    """The incident of that id, or None."""
    return _stored(tx, _LOAD.first(tx, {"of": incident}))


def open_incident(tx: Connection, open_key: str) -> Stored | None:
    """The open incident that holds this group key, or None."""
    return _stored(tx, _LOAD_OPEN.first(tx, {"key": open_key}))


def claim_due(tx: Connection, incident: str, now: datetime) -> Stored | None:
    """The incident if it is still due, held for this transaction; None when another node has it."""
    return _stored(tx, _LOAD_DUE.first(tx, {"of": incident, "now": now}))


def _stored(tx: Connection, row: tuple[Any, ...] | None) -> Stored | None:
    if row is None:
        return None
    id, version, fold, state, quarantined = row
    return Stored(version, snapshot(tx, id, version, fold, state), quarantined)


def snapshot(tx: Connection, incident: str, version: int, fold: int, state: str) -> Incident:
    """The state of a row: as it is stored, or folded anew when another fold made it."""
    if fold == FOLD:
        return load(state, Incident)
    folded = fold_all(history_of(tx, incident)[:version])
    if folded is None:
        raise Corrupt(f"{incident} has no events.")
    return folded


def due(tx: Connection, now: datetime, limit: int) -> Sequence[str]:
    """Ids of incidents past their due time, the worst level first, then the longest overdue."""
    return tx.scalars(_DUE, {"now": now, "most": limit}).all()


def next_due_at(tx: Connection) -> datetime | None:
    """When the next subject falls due, if any."""
    at: datetime | None = tx.scalar(_NEXT_DUE_AT)
    return at


def save(
    tx: Connection,
    before: Stored | None,
    state: Incident,
    recorded: Sequence[Recorded],
    *,
    now: datetime,
    due_at: datetime | None,
    priority: int,
    urgent: bool,
    asks_failing: bool,
    open_key: str | None,
) -> int:
    """Store events and snapshot together; returns the new version.

    Raises Conflict when the subject is no longer at the version it was loaded at. `open_key` is given when
    the incident opens, given up by itself when it is over, and taken back when it is reopened.
    """
    version = (before.version if before else 0) + len(recorded)
    values = {
        "version": version,
        "state": dump(state),
        "fold": FOLD,
        "status": state.status.value,
        "due_at": due_at,
        "priority": priority,
        "urgent": int(urgent),
        "asks_failing": int(asks_failing),
        "plan": state.policy_version,
        "updated_at": now,
        "quarantined": "",
    }
    said = [dict(one.event.values) for one in recorded if isinstance(one.event, FactsSet)]
    heard = [one[SERVICES_FAILING] for one in said if one.get(SERVICES_FAILING)]
    if heard:
        # It came with an alert: whoever counts must see that it is another number than the one told before.
        values["failing_told"] = int(heard[-1])
    if before is None:
        first = {"kind": INCIDENT, "id": state.id, "open_key": open_key, "opened_at": now}
        _OPEN.change(tx, first | values)
    else:
        if state.policy_version != before.state.policy_version and not heard:
            # What it was told meant nothing to the other version, and so was not recorded.
            values["failing_told"] = -1
        if state.status.over:
            values["open_key"] = None
        elif before.state.status.over:
            # Reopened: it takes its group back, unless a newer incident has it.
            values["open_key"] = None if open_incident(tx, state.service) else state.service
        if _SAVE.change(tx, values | {"of": state.id, "from_version": before.version}) != 1:
            raise Conflict(f"{state.id} was changed by somebody else")
    first_seq = version - len(recorded) + 1
    rows = [event_row(INCIDENT, state.id, first_seq + index, one) for index, one in enumerate(recorded)]
    _RECORD.change_each(tx, rows)
    return version


def history_of(tx: Connection, incident: str) -> list[Recorded]:
    """Every event of the incident, in order."""
    rows = tx.execute(
        select(events).where(events.c.kind == INCIDENT, events.c.id == incident).order_by(events.c.seq)
    )
    return [event_from(row) for row in rows]


def count_failing(tx: Connection, besides: str = "") -> int:
    """How many services have an open incident at an urgent level, but for one incident's."""
    return int(tx.scalar(_FAILING, {"besides": besides}) or 0)


def miscounted(tx: Connection, limit: int) -> list[SubjectId]:
    """Open incidents whose plan asks how many services fail, and that were told another number than it is.

    The worst level comes first. One in quarantine is left alone.
    """
    return [SubjectId(one) for one in tx.scalars(_MISCOUNTED, {"besides": "", "most": limit})]


def told_failing(tx: Connection, incident: str, number: int) -> None:
    """An incident has been told how many services fail."""
    tx.execute(_TOLD_FAILING, {"of": incident, "number": number})


def set_aside(tx: Connection, incident: str, why: str, until: datetime) -> None:
    """Quarantine: do not look at this subject again before `until`, and say why."""
    tx.execute(
        update(subjects)
        .where(subjects.c.kind == INCIDENT, subjects.c.id == incident)
        .values(due_at=until, quarantined=why)
    )


def give_up_key(tx: Connection, *, of: str = "", key: str = "", why: str) -> bool:
    """Quarantine the incident `of` that id, or that with this group key: the next alert opens a new one.

    False when there is none that holds its key.
    """
    which = subjects.c.id == of if of else subjects.c.open_key == key
    held = update(subjects).where(which, subjects.c.kind == INCIDENT, subjects.c.open_key.is_not(None))
    return tx.execute(held.values(open_key=None, quarantined=why)).rowcount > 0


@dataclass(frozen=True)
class Listed:
    """A row of the incident list."""

    state: Incident
    version: int
    due_at: datetime | None
    updated_at: datetime
    quarantined: str


def listing(tx: Connection, *, open_only: bool, limit: int, before: datetime | None = None) -> list[Listed]:
    """Incidents, the newest first; with `open_only`, only those not over, the worst level first.

    One that cannot be read is left out: `set_aside_now` names those.
    """
    statement = select(subjects).where(subjects.c.kind == INCIDENT)
    if open_only:
        statement = statement.where(subjects.c.open_key.is_not(None)).order_by(subjects.c.priority)
    if before is not None:
        statement = statement.where(subjects.c.opened_at < before)
    found = []
    for row in tx.execute(statement.order_by(subjects.c.opened_at.desc()).limit(limit)):
        with suppress(Corrupt):
            state = snapshot(tx, row.id, row.version, row.fold, row.state)
            found.append(Listed(state, row.version, row.due_at, row.updated_at, row.quarantined))
    return found


@dataclass(frozen=True)
class Pinned:
    """A version of the plan by which so many open incidents go; `incident` is one of them."""

    version: str
    incidents: int
    incident: SubjectId


def pinned(tx: Connection) -> list[Pinned]:
    """The versions of the plan that open incidents go by, that of the newest incident last."""
    going_on = subjects.c.open_key.is_not(None) | subjects.c.due_at.is_not(None)
    which = (subjects.c.kind == INCIDENT, going_on, subjects.c.status.not_in(OVER), subjects.c.plan != "")
    columns = (subjects.c.plan, func.count(), func.max(subjects.c.id))
    grouped = select(*columns).where(*which).group_by(subjects.c.plan)
    rows = tx.execute(grouped.order_by(func.max(subjects.c.opened_at)))
    return [Pinned(version, incidents, SubjectId(one)) for version, incidents, one in rows]


def set_aside_now(tx: Connection) -> dict[SubjectId, str]:
    """Incidents in quarantine, with why."""
    rows = tx.execute(select(subjects.c.id, subjects.c.quarantined).where(subjects.c.quarantined != ""))
    return {SubjectId(row.id): row.quarantined for row in rows}


def changed_since(tx: Connection, since: datetime, limit: int) -> list[tuple[SubjectId, int, datetime]]:
    """Ids and versions of incidents changed at or after `since`, the earliest change first."""
    rows = tx.execute(
        select(subjects.c.id, subjects.c.version, subjects.c.updated_at)
        .where(subjects.c.updated_at >= since)
        .order_by(subjects.c.updated_at)
        .limit(limit)
    )
    return [(SubjectId(row.id), row.version, row.updated_at) for row in rows]


def overdue(tx: Connection, now: datetime, by: timedelta) -> int:
    """How many subjects are past their due time by more than `by`: none, when the wake loop is well."""
    count = select(func.count()).select_from(subjects).where(subjects.c.due_at < now - by)
    return int(tx.scalar(count) or 0)
