"""Events that people put on record: notes and estimates, tasks and promises, updates, who has which role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.core.model import PersonId, RoleId
from tocsin.core.policy import Target


@dataclass(frozen=True)
class NoteAdded:
    """Words that somebody wrote into the timeline."""

    text: str


@dataclass(frozen=True)
class EstimateSet:
    """When people expect it to be resolved; it revises the estimate before."""

    expected_at: datetime
    reason: str


@dataclass(frozen=True)
class Linked:
    """It has to do with another incident, a ticket, a document."""

    to: str
    what: str


@dataclass(frozen=True)
class Restricted:
    """Only these may see it, and whoever is needed; nobody named: everybody may again."""

    to: tuple[Target, ...]


@dataclass(frozen=True)
class TasksGiven:
    """What is to be done now, because a step was taken or a condition came to hold.

    `due_at` is when each of those is due that have a time.
    """

    tasks: tuple[str, ...]
    reason: str
    due_at: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True)
class MarkedDone:
    """A task, or a promise that only a person can keep, is done."""

    what: str
    words: str


@dataclass(frozen=True)
class PromiseBroken:
    """A deadline passed with its promise not kept."""

    deadline: str
    promise: str
    due_at: datetime


@dataclass(frozen=True)
class PromiseWarned:
    """A promise is due soon, and whoever it concerns is told."""

    deadline: str
    promise: str
    due_at: datetime


@dataclass(frozen=True)
class UpdatePosted:
    """An audience was told how things stand."""

    audience: str
    text: str


@dataclass(frozen=True)
class UpdateMissed:
    """An audience was not told in time. The next is counted from `next_from`, which lies past an outage."""

    deadline: str
    audience: str
    promise: str
    due_at: datetime
    next_from: datetime


@dataclass(frozen=True)
class WordsErased:
    """The words of these events, by their numbers from 1, and all copies of them, were erased for good."""

    events: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class RoleAssigned:
    """Somebody has the role in this incident from now on."""

    role: RoleId
    person: PersonId
    previous: PersonId | None


@dataclass(frozen=True)
class HeldByDefault:
    """Roles that the level asks for fall to these people by the plan, whoever they will be later."""

    held: tuple[tuple[RoleId, PersonId], ...]


@dataclass(frozen=True)
class HandOverOffered:
    """A role is to go from one to the other; it does when both have confirmed."""

    role: RoleId
    giver: PersonId
    taker: PersonId


@dataclass(frozen=True)
class HandOverConfirmed:
    """One of the two agreed."""

    role: RoleId
    person: PersonId


@dataclass(frozen=True)
class RoleHandedOver:
    """Both have confirmed: the taker has the role."""

    role: RoleId
    giver: PersonId
    taker: PersonId


RoleEvent = RoleAssigned | HeldByDefault | HandOverOffered | HandOverConfirmed | RoleHandedOver
WrittenEvent = (
    NoteAdded
    | EstimateSet
    | Linked
    | Restricted
    | TasksGiven
    | MarkedDone
    | PromiseWarned
    | PromiseBroken
    | UpdatePosted
    | UpdateMissed
    | WordsErased
)
