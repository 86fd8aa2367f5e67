"""What may be asked of an incident. A button, an alert, a due deadline, a receipt: all are commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.core.incident.state.incident import Incident
from tocsin.core.model import Actor, FactId, LevelId, PersonId, Receipt, RoleId, ServiceId, SubjectId, TeamId
from tocsin.core.policy import Policy


@dataclass(frozen=True)
class JoinAlerts:
    """Alerts that belong here: opens the incident when there is none. `level` is the worst of them.

    `count` 0 says that alerts which joined before have got worse. `facts` is what they state of the plan's.
    """

    incident: SubjectId
    service: ServiceId
    count: int
    sample: tuple[str, ...]
    level: LevelId
    reason: str
    facts: Mapping[FactId, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Declare:
    """A person opens an incident by hand; without a level the plan judges by the facts."""

    incident: SubjectId
    service: ServiceId
    title: str
    reason: str
    level: LevelId | None = None
    facts: Mapping[FactId, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ClearAlerts:
    """Their source says that these alerts are over."""

    count: int
    sample: tuple[str, ...]


@dataclass(frozen=True)
class Acknowledge:
    """Somebody takes it. `via` says how: link, web, api, cli, source."""

    via: str


@dataclass(frozen=True)
class Verify:
    """A person has looked, and it is real."""


@dataclass(frozen=True)
class BeginMitigation:
    """A person begins to do something about it."""


@dataclass(frozen=True)
class Mitigate:
    """Nobody is harmed any more; the cause may still be there."""

    how: str


@dataclass(frozen=True)
class Resolve:
    """A person says it is over."""

    reason: str


@dataclass(frozen=True)
class FalsePositive:
    """There was no incident: closes it with that verdict."""

    reason: str


@dataclass(frozen=True)
class Reopen:
    """It is not over, or not mitigated, after all: people are paged again."""

    reason: str


@dataclass(frozen=True)
class Close:
    """Nothing is left to do in the incident itself."""

    reason: str


@dataclass(frozen=True)
class Escalate:
    """Take the next step of the ladder now, whatever its clock says."""

    reason: str


@dataclass(frozen=True)
class ExtendProgress:
    """Put off the step that is to come for want of progress, once, because work goes on."""

    reason: str


@dataclass(frozen=True)
class MarkDone:
    """A task, or a promise that only a person can keep, is done: its id, `task:1` or as deadlines name it."""

    what: str


@dataclass(frozen=True)
class SetFacts:
    """What is known, in words as people write it. An empty value takes back what was said."""

    facts: Mapping[FactId, str]


@dataclass(frozen=True)
class SetLevel:
    """A person says how bad it is."""

    level: LevelId
    reason: str


@dataclass(frozen=True)
class PostUpdate:
    """Tell an audience of the plan how things stand."""

    audience: str
    text: str


@dataclass(frozen=True)
class Assign:
    """Somebody has this role in the incident from now on."""

    role: RoleId
    person: PersonId


@dataclass(frozen=True)
class HandOver:
    """A role is to go from one to the other, once both have confirmed; whoever of them asks has."""

    role: RoleId
    giver: PersonId
    taker: PersonId


@dataclass(frozen=True)
class ConfirmHandOver:
    """The giver or the taker of a role agrees."""

    role: RoleId


@dataclass(frozen=True)
class Repin:
    """Go by another version of the plan; `changes` are the differences in the plan's words."""

    policy: Policy
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Merge:
    """It is the same trouble as another incident: it goes on there."""

    into: SubjectId


@dataclass(frozen=True)
class Absorb:
    """Another incident was merged into this one: take what it has. `policy` is the plan that it went by."""

    child: Incident
    policy: Policy


@dataclass(frozen=True)
class AddNote:
    """Words for the timeline."""

    text: str


@dataclass(frozen=True)
class SetEstimate:
    """When people expect it to be resolved. A later estimate revises the one before."""

    expected_at: datetime
    reason: str


@dataclass(frozen=True)
class Link:
    """Point to another incident, a ticket, a document: an id or an address, and what it is."""

    to: str
    what: str


@dataclass(frozen=True)
class Restrict:
    """Only these may see the incident; nobody named lifts the restriction."""

    people: tuple[PersonId, ...] = ()
    teams: tuple[TeamId, ...] = ()


@dataclass(frozen=True)
class Settle:
    """A channel answered for attempt number `attempt` at a ring of a page."""

    page: int
    ring: int
    person: PersonId
    channel: str
    attempt: int
    receipt: Receipt


IncidentCommand = (
    JoinAlerts
    | Declare
    | ClearAlerts
    | Acknowledge
    | Verify
    | BeginMitigation
    | Mitigate
    | Resolve
    | FalsePositive
    | Reopen
    | Close
    | Escalate
    | ExtendProgress
    | MarkDone
    | SetFacts
    | SetLevel
    | PostUpdate
    | Assign
    | HandOver
    | ConfirmHandOver
    | Repin
    | Merge
    | Absorb
    | AddNote
    | SetEstimate
    | Link
    | Restrict
    | Settle
)


@dataclass(frozen=True)
class Asked:
    """A command and who asks."""

    actor: Actor
    command: IncidentCommand
