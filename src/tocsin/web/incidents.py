"""What pages and API show of incidents, read in one transaction, and what they may ask of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from tocsin.core.deeds import DECLARE, REPIN
from tocsin.core.incident import TRANSITIONS, Incident, commands, deadlines
from tocsin.core.incident.asking import NAMES, Given, Unclear, check, read
from tocsin.core.incident.events import Recorded
from tocsin.core.incident.visibility import may_see
from tocsin.core.model import Actor, ActorKind, Deadline, LevelId, PersonId, Refused, ServiceId, SubjectId
from tocsin.core.policy import Level, Policy
from tocsin.engine.apply import Applied
from tocsin.engine.context import NoPlan
from tocsin.engine.declare import Declared, PassedOn
from tocsin.store import alerts, directory, ledger, subjects
from tocsin.store.alerts import Alert
from tocsin.store.subjects import Listed, Stored
from tocsin.store.transaction import Transaction
from tocsin.web.auth import Viewer
from tocsin.web.sentences import Names, namer
from tocsin.web.services import Services

ALERTS_SHOWN = 50


@dataclass(frozen=True)
class Shown:
    """One incident in a list."""

    state: Incident
    version: int
    level: Level
    service_name: str
    next: Deadline | None
    quarantined: str


@dataclass(frozen=True)
class Detail:
    """One incident whole. `actions` are the deeds that it allows now, `names` is what people are called."""

    shown: Shown
    deadlines: tuple[Deadline, ...]
    timeline: Sequence[Recorded]
    alerts: Sequence[Alert]
    ledger: Sequence[Any]
    actions: Sequence[str]
    policy: Policy
    names: Names


def listed(
    tx: Transaction,
    services: Services,
    viewer: Viewer,
    people: Names,
    *,
    open_only: bool,
    limit: int,
    before: datetime | None = None,
) -> list[Shown]:
    """Incidents for a list: open ones the worst first, all of them the newest first.

    What the viewer may not see is left out, so that fewer than `limit` may come.
    """
    rows = subjects.listing(tx, open_only=open_only, limit=limit, before=before)
    return [_shown(tx, services, row, people) for row in rows if _visible(tx, services, viewer, row.state)]


def one(tx: Transaction, services: Services, incident: str, people: Names) -> Shown | None:
    """One incident as a list shows it; None when there is none of that id."""
    stored = _load(tx, incident)
    return None if stored is None else _shown(tx, services, stored, people)


def detail(tx: Transaction, services: Services, viewer: Viewer, incident: str) -> Detail | None:
    """Everything about one incident; None when there is none of that id that the viewer may see."""
    stored = _load(tx, incident)
    if stored is None or not _visible(tx, services, viewer, stored.state):
        return None
    policy, people = services.context.policy(tx, stored.state.policy_version), names(tx)
    return Detail(
        _shown(tx, services, stored, people),
        deadlines(stored.state, policy, namer(people)),
        subjects.history_of(tx, incident),
        alerts.of_incident(tx, incident, ALERTS_SHOWN),
        ledger.of_incident(tx, incident),
        tuple(NAMES[command] for command in TRANSITIONS[stored.state.status] if command in NAMES),
        policy,
        people,
    )


def names(tx: Transaction) -> dict[PersonId, str]:
    """What everybody is called."""
    return {id: contact.name for id, contact in directory.contacts(tx).items()}


def hidden(tx: Transaction, services: Services, viewer: Viewer | None, incident: str) -> bool:
    """Whether the viewer (None: nobody known) may not even hear of this incident."""
    stored = _load(tx, incident)
    if stored is None or not stored.state.restricted_to:
        return False
    return viewer is None or not _visible(tx, services, viewer, stored.state)


def _visible(tx: Transaction, services: Services, viewer: Viewer, state: Incident) -> bool:
    if not state.restricted_to:
        return True
    now, context = services.clock(), services.context
    policy = context.policy(tx, state.policy_version)
    return may_see(state, viewer.contact.id, policy, context.view(tx, now), now)


def _load(tx: Transaction, incident: str) -> Stored | None:
    # An address may hold any byte, PostgreSQL's text may not hold NUL.
    return None if "\0" in incident else subjects.load_incident(tx, incident)


def _shown(tx: Transaction, services: Services, stored: Stored | Listed, people: Names) -> Shown:
    state = stored.state
    policy = services.context.policy(tx, state.policy_version)
    due = [one for one in deadlines(state, policy, namer(people)) if one.state == "due"]
    return Shown(
        state,
        stored.version,
        policy.level(state.level),
        policy.service_name(state.service),
        due[0] if due else None,
        stored.quarantined,
    )


async def ask(
    services: Services, viewer: Viewer, incident: str, deed: str, answers: Mapping[str, str], via: str
) -> Applied | Refused:
    """What the viewer asks of an incident, with the blanks filled in; raises Unclear."""

    def prepare(tx: Transaction) -> commands.IncidentCommand | Refused:
        stored = _load(tx, incident)
        if stored is None or not _visible(tx, services, viewer, stored.state):
            return Refused(f"There is no incident {incident}.")
        policy = services.context.policy(tx, stored.state.policy_version)
        command = read(deed, Given(answers, policy, viewer.contact.zone, services.clock(), via))
        if isinstance(command, commands.Merge) and not _seen(tx, services, viewer, command.into):
            return Refused(f"There is no incident {command.into}.")
        return command

    command = await services.store.read(prepare)
    if isinstance(command, Refused):
        return command
    actor = Actor(ActorKind.PERSON, viewer.contact.id)
    return await services.engine.ask(SubjectId(incident), commands.Asked(actor, command))


async def repin(
    services: Services, viewer: Viewer, incident: str, answers: Mapping[str, str]
) -> Applied | Refused:
    """Another version of the plan for an incident, or the one in force; raises Unclear."""
    check(REPIN, answers)
    if not await services.store.read(partial(_seen, services=services, viewer=viewer, incident=incident)):
        return Refused(f"There is no incident {incident}.")
    version = answers.get("version", "").strip()
    try:
        return await services.engine.repin(
            SubjectId(incident), version, Actor(ActorKind.PERSON, viewer.contact.id)
        )
    except NoPlan as unknown:
        raise Unclear(str(unknown), "version") from unknown


def _seen(tx: Transaction, services: Services, viewer: Viewer, incident: str) -> bool:
    stored = _load(tx, incident)
    return stored is not None and _visible(tx, services, viewer, stored.state)


async def declare(
    services: Services, viewer: Viewer, answers: Mapping[str, str]
) -> Applied | PassedOn | Refused:
    """The viewer opens an incident, with the blanks of DECLARE filled in; raises Unclear."""
    check(DECLARE, answers)
    now = services.clock()
    policy = await services.store.read(partial(services.context.current_policy, now=now))
    given = Given(answers, policy, viewer.contact.zone, now)
    declared = Declared(
        ServiceId(given.line("service")),
        given.line("title"),
        given.line("reason"),
        LevelId(given.line("level")) or None,
        {fact: value for fact, value in given.facts("facts").items() if value},
    )
    return await services.engine.declare(declared, Actor(ActorKind.PERSON, viewer.contact.id))
