"""The plan as frozen values, and the view: what decisions may know of the world outside the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.core.model import LevelId, PersonId, RotaId, ServiceId


class Until(StrEnum):
    """The state that makes a ladder step, and the pages it started, moot."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a step pages: a person by id, or whoever is on call in a rota."""

    person: PersonId | None = None
    rota: RotaId | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of a ladder: `after` the incident's own clock started, page `targets` unless `until` holds."""

    after: timedelta
    targets: tuple[Target, ...]
    until: Until


@dataclass(frozen=True, slots=True)
class Level:
    """A severity level. `rank` 0 is the worst. An empty ladder pages nobody.

    `repeat_every` starts the ladder again after its last step while nobody has acknowledged.
    `acknowledgement_lasts` re-pages when an acknowledged incident is forgotten.
    """

    id: LevelId
    name: str
    rank: int
    urgent: bool
    acknowledge_within: timedelta | None
    ladder: tuple[Step, ...]
    repeat_every: timedelta | None
    acknowledgement_lasts: timedelta | None


@dataclass(frozen=True, slots=True)
class Classification:
    """A row of the plan's table: signals whose fields equal `when` are at `level`."""

    when: Mapping[str, str]
    level: LevelId


@dataclass(frozen=True, slots=True)
class Rota:
    """People who take turns. `starts` is the first hand-over, a wall-clock time in `zone` (IANA name)."""

    id: RotaId
    people: tuple[PersonId, ...]
    shift_days: int
    starts: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can break."""

    id: ServiceId
    name: str


@dataclass(frozen=True, slots=True)
class NotifyRule:
    """`after` a page starts, use `channels`."""

    after: timedelta
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole plan. `version` is the hash of its files; levels stand worst first."""

    version: str
    name: str
    zone: str
    incident_id: str
    levels: tuple[Level, ...]
    classifications: tuple[Classification, ...]
    services: Mapping[ServiceId, Service]
    integrations: Mapping[str, ServiceId]
    rotas: Mapping[RotaId, Rota]
    catch_all: tuple[Target, ...]
    notify_rules: tuple[NotifyRule, ...]

    def level(self, level_id: LevelId) -> Level:
        """The level of that id; KeyError when the plan has none (the checker makes sure it has)."""
        for level in self.levels:
            if level.id == level_id:
                return level
        raise KeyError(level_id)

    def service_of(self, integration: str) -> ServiceId:
        """The service an integration reports on.

        One that the plan no longer names is its own service: its alerts still page somebody.
        """
        return self.integrations.get(integration, ServiceId(integration))

    def service_name(self, service: ServiceId) -> str:
        """What people call the service."""
        known = self.services.get(service)
        return known.name if known else service


@dataclass(frozen=True, slots=True)
class Person:
    """A responder as decisions see one: no addresses, only which channels exist and the personal rules."""

    id: PersonId
    name: str
    channels: frozenset[str]
    rules: tuple[NotifyRule, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot of what may change under an open incident: who there is, and the rotas in force now."""

    people: Mapping[PersonId, Person] = field(default_factory=dict)
    rotas: Mapping[RotaId, Rota] = field(default_factory=dict)
