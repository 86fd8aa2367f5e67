"""Events that people put on record: notes and estimates, tasks and promises, updates, who has which role."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from tocsin.core.model import PersonId, RoleId
from tocsin.core.policy import Target


class NoteAdded(Struct, frozen=True):
    """Words that somebody wrote into the timeline."""

    text: str


class EstimateSet(Struct, frozen=True):
    """When people expect it to be resolved; it revises the estimate before."""

    expected_at: datetime
    reason: str


class Linked(Struct, frozen=True):
    """It has to do with another incident, a ticket, a document."""

    to: str
    what: str


class Restricted(Struct, frozen=True):
    """Only these may see it, and whoever is needed; nobody named: everybody may again."""

    to: tuple[Target, ...]


class TasksGiven(Struct, frozen=True):
    """What is to be done now, because a step was taken or a condition came to hold.

    `due_at` is when each of those is due that have a time.
    """

    tasks: tuple[str, ...]
    reason: str
    due_at: tuple[tuple[str, datetime], ...] = ()


class MarkedDone(Struct, frozen=True):
    """A task, or a promise that only a person can keep, is done."""

    what: str
    words: str


class PromiseBroken(Struct, frozen=True):
    """A deadline passed with its promise not kept."""

    deadline: str
    promise: str
    due_at: datetime


class PromiseWarned(Struct, frozen=True):
    """A promise is due soon, and whoever it concerns is told."""

    deadline: str
    promise: str
    due_at: datetime


class UpdatePosted(Struct, frozen=True):
    """An audience was told how things stand."""

    audience: str
    text: str


class UpdateMissed(Struct, frozen=True):
    """An audience was not told in time. The next is counted from `next_from`, which lies past an outage."""

    deadline: str
    audience: str
    promise: str
    due_at: datetime
    next_from: datetime


class WordsErased(Struct, frozen=True):
    """The words of these events, by their numbers from 1, and all copies of them, were erased for good."""

    events: tuple[int, ...]
    reason: str


class RoleAssigned(Struct, frozen=True):
    """Somebody has the role in this incident from now on."""

    role: RoleId
    person: PersonId
    previous: PersonId | None


class HeldByDefault(Struct, frozen=True):
    """Roles that the level asks for fall to these people by the plan, whoever they will be later."""

    held: tuple[tuple[RoleId, PersonId], ...]


class HandOverOffered(Struct, frozen=True):
    """A role is to go from one to the other; it does when both have confirmed."""

    role: RoleId
    giver: PersonId
    taker: PersonId


class HandOverConfirmed(Struct, frozen=True):
    """One of the two agreed."""

    role: RoleId
    person: PersonId


class RoleHandedOver(Struct, frozen=True):
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
