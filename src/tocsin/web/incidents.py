"""What pages and API show of incidents, read in one transaction, and what they may ask of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.core.incident import TRANSITIONS, Incident, commands, deadlines
from tocsin.core.incident.events import Recorded
from tocsin.core.model import Actor, ActorKind, Deadline, Refused, SubjectId
from tocsin.core.policy import Level
from tocsin.engine.apply import Applied
from tocsin.store import alerts, outbox, subjects
from tocsin.store.alerts import Alert
from tocsin.store.subjects import Stored
from tocsin.store.transaction import Transaction
from tocsin.web.auth import Viewer
from tocsin.web.services import Services

ALERTS_SHOWN = 50
OFFERED = (commands.Acknowledge, commands.Resolve)
"""What the pages have buttons for."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One incident in a list."""

    state: Incident
    version: int
    level: Level
    service_name: str
    next: Deadline | None
    quarantined: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One incident whole."""

    shown: Shown
    deadlines: tuple[Deadline, ...]
    timeline: Sequence[Recorded]
    alerts: Sequence[Alert]
    ledger: Sequence[Any]
    actions: Sequence[str]


def listed(
    tx: Transaction, services: Services, *, open_only: bool, limit: int, before: datetime | None = None
) -> list[Shown]:
    """Incidents for a list: open ones the worst first, all of them the newest first."""
    rows = subjects.listing(tx, open_only=open_only, limit=limit, before=before)
    return [_shown(tx, services, row.state, row.version, row.quarantined) for row in rows]


def one(tx: Transaction, services: Services, incident: str) -> Shown | None:
    """One incident as a list shows it; None when there is none of that id."""
    stored = _load(tx, incident)
    return None if stored is None else _shown(tx, services, stored.state, stored.version, stored.quarantined)


def detail(tx: Transaction, services: Services, incident: str) -> Detail | None:
    """Everything about one incident; None when there is none of that id."""
    stored = _load(tx, incident)
    if stored is None:
        return None
    policy = services.context.policy(tx, stored.state.policy_version)
    return Detail(
        _shown(tx, services, stored.state, stored.version, stored.quarantined),
        deadlines(stored.state, policy),
        subjects.history_of(tx, incident),
        alerts.of_incident(tx, incident, ALERTS_SHOWN),
        outbox.ledger(tx, incident),
        tuple(word for asked, word in TRANSITIONS[stored.state.status].items() if asked in OFFERED),
    )


def _load(tx: Transaction, incident: str) -> Stored | None:
    # An address may hold any byte, PostgreSQL's text may not hold NUL.
    return None if "\0" in incident else subjects.load_incident(tx, incident)


def _shown(tx: Transaction, services: Services, state: Incident, version: int, quarantined: str) -> Shown:
    policy = services.context.policy(tx, state.policy_version)
    due = [one for one in deadlines(state, policy) if one.state == "due"]
    return Shown(
        state,
        version,
        policy.level(state.level),
        policy.service_name(state.service),
        due[0] if due else None,
        quarantined,
    )


async def acknowledge(services: Services, viewer: Viewer, incident: str, via: str) -> Applied | Refused:
    """The viewer takes the incident."""
    return await _ask(services, viewer, incident, commands.Acknowledge(via))


async def resolve(services: Services, viewer: Viewer, incident: str, reason: str) -> Applied | Refused:
    """The viewer says that it is over."""
    return await _ask(services, viewer, incident, commands.Resolve(reason))


async def _ask(
    services: Services, viewer: Viewer, incident: str, command: commands.IncidentCommand
) -> Applied | Refused:
    if "\0" in incident:
        return Refused(f"There is no incident {incident}.")
    actor = Actor(ActorKind.PERSON, viewer.contact.id)
    return await services.engine.ask(SubjectId(incident), commands.Asked(actor, command))
