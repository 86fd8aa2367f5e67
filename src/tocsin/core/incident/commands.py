"""What may be asked of an incident. A button, an alert, a due deadline, a receipt: all are commands."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.core.model import Actor, LevelId, PersonId, Receipt, ServiceId, SubjectId


@dataclass(frozen=True, slots=True)
class JoinAlerts:
    """Alerts that belong here: opens the incident when there is none. `level` is the worst of them.

    `count` 0 says that alerts which joined before have got worse.
    """

    incident: SubjectId
    service: ServiceId
    count: int
    sample: tuple[str, ...]
    level: LevelId
    reason: str


@dataclass(frozen=True, slots=True)
class ClearAlerts:
    """Their source says that these alerts are over."""

    count: int
    sample: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Somebody takes it. `via` says how: link, web, api, cli, source."""

    via: str


@dataclass(frozen=True, slots=True)
class Resolve:
    """A person says it is over."""

    reason: str


@dataclass(frozen=True, slots=True)
class Due:
    """The clock says that a deadline has come."""

    deadline: str


@dataclass(frozen=True, slots=True)
class Settle:
    """A channel answered for attempt number `attempt` at a ring of a page."""

    page: int
    ring: int
    person: PersonId
    channel: str
    attempt: int
    receipt: Receipt


IncidentCommand = JoinAlerts | ClearAlerts | Acknowledge | Resolve | Due | Settle


@dataclass(frozen=True, slots=True)
class Asked:
    """A command and who asks."""

    actor: Actor
    command: IncidentCommand
