"""What can have happened to an incident. Events record what was resolved, so `fold` needs nothing else.

Each class is one stored event type at its newest version; older versions are lifted by `core/history.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.core.model import Actor, LevelId, Outcome, PersonId, ServiceId, StageId, SubjectId
from tocsin.core.policy import Milestone, Target


@dataclass(frozen=True, slots=True)
class Ring:
    """One planned notification of a page: `after_seconds` from its start, over `channel`."""

    after_seconds: int
    channel: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The incident began, under the plan version it is pinned to."""

    incident: SubjectId
    service: ServiceId
    title: str
    level: LevelId
    reason: str
    policy_version: str


@dataclass(frozen=True, slots=True)
class AlertsJoined:
    """`count` alerts came in together; `sample` holds the first few summaries."""

    count: int
    sample: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertsCleared:
    """`count` alerts were resolved by their source."""

    count: int
    sample: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LevelRaised:
    """It is worse than was thought. An acknowledgement given for the lower level no longer stands."""

    level: LevelId
    previous: LevelId
    reason: str


@dataclass(frozen=True, slots=True)
class RoundStarted:
    """The ladder starts again from its first step, its clock from this event's time."""

    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A rung of the ladder: who was paged, who could not be and why, and who has answered already."""

    round: int
    step: int
    paged: tuple[PersonId, ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...] = ()
    stage: StageId | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody is sent a message that wants no answer. `number` counts them; `key` is its idempotency key."""

    number: int
    person: PersonId
    person_name: str
    channel: str
    key: str
    words: str


@dataclass(frozen=True, slots=True)
class TasksGiven:
    """What is to be done now, because a step was taken or a condition came to hold."""

    tasks: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class MarkedDone:
    """A task, or a promise that only a person can keep, is done."""

    what: str
    words: str


@dataclass(frozen=True, slots=True)
class Escalated:
    """A person asked for the next step of the ladder."""

    reason: str


@dataclass(frozen=True, slots=True)
class StallWarned:
    """Nothing counts as progress, and the ladder's next step is near."""

    round: int
    step: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ProgressExtended:
    """A person said that work goes on: no step for want of progress before `until`."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class PageStarted:
    """One person is asked to come, for one reason. `rings` are the personal rules as resolved now."""

    page: int
    person: PersonId
    person_name: str
    reason: str
    until: Milestone
    rings: tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class RingSent:
    """Ring number `ring` of a page went to the outbox under the idempotency key `key`."""

    page: int
    ring: int
    person: PersonId
    channel: str
    key: str


@dataclass(frozen=True, slots=True)
class RingSkipped:
    """Ring number `ring` of a page is not sent, because nothing would come of it."""

    page: int
    ring: int
    person: PersonId
    channel: str
    reason: str


@dataclass(frozen=True, slots=True)
class RingSettled:
    """A channel answered for a ring. Recorded even when the page is over: it is the proof of delivery."""

    page: int
    ring: int
    person: PersonId
    channel: str
    attempt: int
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class PageAnswered:
    """The paged person acknowledged: this page and its retries stop."""

    page: int
    person: PersonId


@dataclass(frozen=True, slots=True)
class PageWithdrawn:
    """The page has become moot; nothing more is sent for it."""

    page: int
    person: PersonId
    reason: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody took the incident."""

    by: Actor
    via: str


@dataclass(frozen=True, slots=True)
class AcknowledgementLapsed:
    """It was acknowledged and then left too long; it counts as unanswered again."""

    by: Actor


@dataclass(frozen=True, slots=True)
class PromiseBroken:
    """A deadline passed with its promise not kept."""

    deadline: str
    promise: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class NobodyReached:
    """The whole ladder and the catch-all found nobody who can be told."""

    unreachable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """The trouble is over, said by a person or by the source."""

    by: Actor
    reason: str


class Verdict(StrEnum):
    """What it turned out to have been."""

    REAL = "real"
    FALSE_POSITIVE = "false positive"


@dataclass(frozen=True, slots=True)
class Verified:
    """A person has looked, and it is real."""


@dataclass(frozen=True, slots=True)
class MitigationBegun:
    """A person has begun to do something about it."""


@dataclass(frozen=True, slots=True)
class Mitigated:
    """Nobody is harmed any more; the cause may still be there."""

    how: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing is left to do in the incident itself, or there never was anything: see the verdict."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Reopened:
    """It was not over, or not mitigated, after all. It counts as unanswered again."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoteAdded:
    """Words that somebody wrote into the timeline."""

    text: str


@dataclass(frozen=True, slots=True)
class EstimateSet:
    """When people expect it to be resolved; it revises the estimate before."""

    expected_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Linked:
    """It has to do with another incident, a ticket, a document."""

    to: str
    what: str


@dataclass(frozen=True, slots=True)
class Restricted:
    """Only these may see it, and whoever is needed; nobody named: everybody may again."""

    to: tuple[Target, ...]


IncidentEvent = (
    Opened
    | AlertsJoined
    | AlertsCleared
    | LevelRaised
    | RoundStarted
    | StepTaken
    | Told
    | TasksGiven
    | MarkedDone
    | Escalated
    | StallWarned
    | ProgressExtended
    | PageStarted
    | RingSent
    | RingSkipped
    | RingSettled
    | PageAnswered
    | PageWithdrawn
    | Acknowledged
    | AcknowledgementLapsed
    | PromiseBroken
    | NobodyReached
    | Verified
    | MitigationBegun
    | Mitigated
    | Resolved
    | Closed
    | Reopened
    | NoteAdded
    | EstimateSet
    | Linked
    | Restricted
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with when it happened and who caused it."""

    at: datetime
    actor: Actor
    event: IncidentEvent
