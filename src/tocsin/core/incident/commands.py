"""What may be asked of an incident. A button, an alert, a due deadline, a receipt: all are commands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from tocsin.core.incident.state.incident import Incident
from tocsin.core.model import Actor, FactId, LevelId, PersonId, Receipt, RoleId, ServiceId, SubjectId, TeamId
from tocsin.core.policy import Policy


class JoinAlerts(Struct, frozen=True):
    """Alerts that belong here: opens the incident when there is none. `level` is the worst of them.

    `count` 0 says that alerts which joined before have got worse. `facts` is what they state of the plan's.
    """

    incident: SubjectId
    service: ServiceId
    count: int
    sample: tuple[str, ...]
    level: LevelId
    reason: str
    facts: Mapping[FactId, str] = {}


class Declare(Struct, frozen=True):
    """A person opens an incident by hand; without a level the plan judges by the facts."""

    incident: SubjectId
    service: ServiceId
    title: str
    reason: str
    level: LevelId | None = None
    facts: Mapping[FactId, str] = {}


class ClearAlerts(Struct, frozen=True):
    """Their source says that these alerts are over."""

    count: int
    sample: tuple[str, ...]


class Acknowledge(Struct, frozen=True):
    """Somebody takes it. `via` says how: link, web, api, cli, source."""

    via: str


class Verify(Struct, frozen=True):
    """A person has looked, and it is real."""


class BeginMitigation(Struct, frozen=True):
    """A person begins to do something about it."""


class Mitigate(Struct, frozen=True):
    """Nobody is harmed any more; the cause may still be there."""

    how: str


class Resolve(Struct, frozen=True):
    """A person says it is over."""

    reason: str


class FalsePositive(Struct, frozen=True):
    """There was no incident: closes it with that verdict."""

    reason: str


class Reopen(Struct, frozen=True):
    """It is not over, or not mitigated, after all: people are paged again."""

    reason: str


class Close(Struct, frozen=True):
    """Nothing is left to do in the incident itself."""

    reason: str


class Escalate(Struct, frozen=True):
    """Take the next step of the ladder now, whatever its clock says."""

    reason: str


class ExtendProgress(Struct, frozen=True):
    """Put off the step that is to come for want of progress, once, because work goes on."""

    reason: str


class MarkDone(Struct, frozen=True):
    """A task, or a promise that only a person can keep, is done: its id, `task:1` or as deadlines name it."""

    what: str


class SetFacts(Struct, frozen=True):
    """What is known, in words as people write it. An empty value takes back what was said."""

    facts: Mapping[FactId, str]


class SetLevel(Struct, frozen=True):
    """A person says how bad it is."""

    level: LevelId
    reason: str


class PostUpdate(Struct, frozen=True):
    """Tell an audience of the plan how things stand."""

    audience: str
    text: str


class Assign(Struct, frozen=True):
    """Somebody has this role in the incident from now on."""

    role: RoleId
    person: PersonId


class HandOver(Struct, frozen=True):
    """A role is to go from one to the other, once both have confirmed; whoever of them asks has."""

    role: RoleId
    giver: PersonId
    taker: PersonId


class ConfirmHandOver(Struct, frozen=True):
    """The giver or the taker of a role agrees."""

    role: RoleId


class Repin(Struct, frozen=True):
    """Go by another version of the plan; `changes` are the differences in the plan's words."""

    policy: Policy
    changes: tuple[str, ...] = ()


class Merge(Struct, frozen=True):
    """It is the same trouble as another incident: it goes on there."""

    into: SubjectId


class Absorb(Struct, frozen=True):
    """Another incident was merged into this one: take what it has. `policy` is the plan that it went by."""

    child: Incident
    policy: Policy


class AddNote(Struct, frozen=True):
    """Words for the timeline."""

    text: str


class SetEstimate(Struct, frozen=True):
    """When people expect it to be resolved. A later estimate revises the one before."""

    expected_at: datetime
    reason: str


class Link(Struct, frozen=True):
    """Point to another incident, a ticket, a document: an id or an address, and what it is."""

    to: str
    what: str


class Restrict(Struct, frozen=True):
    """Only these may see the incident; nobody named lifts the restriction."""

    people: tuple[PersonId, ...] = ()
    teams: tuple[TeamId, ...] = ()


class Settle(Struct, frozen=True):
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


class Asked(Struct, frozen=True):
    """A command and who asks."""

    actor: Actor
    command: IncidentCommand
