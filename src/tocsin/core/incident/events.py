"""What can have happened to an incident. Events record what was resolved, so `fold` needs nothing else.

Each class is one stored event type at its newest version; older versions are lifted by `core/history.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.core.incident.fact_events import (
    FactEvent,
    FactsSet,
    ThresholdCrossed,
    ThresholdEvent,
    ThresholdHeld,
    ThresholdLeft,
)
from tocsin.core.incident.page_events import (
    PageAnswered,
    PageEvent,
    PageStarted,
    PageWithdrawn,
    Ring,
    RingEvent,
    RingSent,
    RingSettled,
    RingSkipped,
    Told,
)
from tocsin.core.incident.record_events import (
    EstimateSet,
    HandOverConfirmed,
    HandOverOffered,
    Linked,
    MarkedDone,
    NoteAdded,
    PromiseBroken,
    Restricted,
    RoleAssigned,
    RoleEvent,
    RoleHandedOver,
    TasksGiven,
    UpdateMissed,
    UpdatePosted,
    WrittenEvent,
)
from tocsin.core.model import Actor, LevelId, PersonId, ServiceId, StageId, SubjectId
from tocsin.core.policy import Milestone, Target

__all__ = [
    "Absorbed",
    "Acknowledged",
    "AcknowledgementLapsed",
    "AlertEvent",
    "AlertsCleared",
    "AlertsJoined",
    "CarriedStep",
    "CarriedStepTaken",
    "Closed",
    "CourseEvent",
    "Escalated",
    "EstimateSet",
    "FactEvent",
    "FactsSet",
    "HandOverConfirmed",
    "HandOverOffered",
    "IncidentEvent",
    "LadderEvent",
    "LevelLowered",
    "LevelRaised",
    "Linked",
    "MarkedDone",
    "MergedInto",
    "Mitigated",
    "MitigationBegun",
    "NobodyReached",
    "NoteAdded",
    "Opened",
    "PageAnswered",
    "PageEvent",
    "PageStarted",
    "PageWithdrawn",
    "ProgressExtended",
    "PromiseBroken",
    "RecordEvent",
    "Recorded",
    "Reopened",
    "Repinned",
    "Resolved",
    "Restricted",
    "Ring",
    "RingEvent",
    "RingSent",
    "RingSettled",
    "RingSkipped",
    "RoleAssigned",
    "RoleEvent",
    "RoleHandedOver",
    "RoundStarted",
    "StallWarned",
    "StepTaken",
    "TasksGiven",
    "ThresholdCrossed",
    "ThresholdEvent",
    "ThresholdHeld",
    "ThresholdLeft",
    "Told",
    "TriggerFired",
    "UpdateMissed",
    "UpdatePosted",
    "Verdict",
    "Verified",
]


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
    """`count` alerts were resolved by their source.

    `stays_open` is true with the last of them, where the incident is more than its alerts: see `vouched`.
    """

    count: int
    sample: tuple[str, ...]
    stays_open: bool = False


@dataclass(frozen=True, slots=True)
class CarriedStep:
    """A rung that would have paged people earlier than the ladder does that begins anew."""

    level: LevelId
    step: int
    due_at: datetime
    targets: tuple[Target, ...]
    until: Milestone


@dataclass(frozen=True, slots=True)
class LevelRaised:
    """It is worse than was thought. An acknowledgement given for the lower level no longer stands.

    `since` is the time that the level's clocks run from (None: now). `carried` pages are not put off.
    """

    level: LevelId
    previous: LevelId
    reason: str
    since: datetime | None = None
    carried: tuple[CarriedStep, ...] = ()


@dataclass(frozen=True, slots=True)
class LevelLowered:
    """It is milder than was thought. Whoever has it keeps it; `since` as for a raised level."""

    level: LevelId
    previous: LevelId
    reason: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class CarriedStepTaken:
    """A rung that was promised before the ladder began anew was taken at its time."""

    level: LevelId
    step: int
    paged: tuple[PersonId, ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...]


@dataclass(frozen=True, slots=True)
class RoundStarted:
    """The ladder starts again, its clock from `since` (None: now); the first `taken` steps count as taken."""

    round: int
    reason: str
    since: datetime | None = None
    taken: int = 0


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A rung of the ladder: who was paged, who could not be and why, and who has answered already.

    `stalled` is true when it was taken for want of progress: the next wait for progress begins then.
    """

    round: int
    step: int
    paged: tuple[PersonId, ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...] = ()
    stage: StageId | None = None
    stalled: bool = False


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
class Acknowledged:
    """Somebody took the incident."""

    by: Actor
    via: str


@dataclass(frozen=True, slots=True)
class AcknowledgementLapsed:
    """It was acknowledged and then left too long: unanswered again. `carried` pages are not put off."""

    by: Actor
    carried: tuple[CarriedStep, ...] = ()


@dataclass(frozen=True, slots=True)
class TriggerFired:
    """A condition of the plan came to hold, and what it asks for is done, once."""

    trigger: str
    condition: str
    paged: tuple[PersonId, ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...] = ()


@dataclass(frozen=True, slots=True)
class Repinned:
    """Another version of the plan: the first `taken` steps of its ladder count as taken, and `ahead` too."""

    version: str
    previous: str
    taken: int
    changes: tuple[str, ...] = ()
    ahead: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MergedInto:
    """It goes on as a part of another incident."""

    into: SubjectId


@dataclass(frozen=True, slots=True)
class Absorbed:
    """Another incident goes on as a part of this one, with its alerts."""

    incident: SubjectId
    alerts_open: int
    alerts_count: int
    vouched: bool = False


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


CourseEvent = (
    Acknowledged
    | AcknowledgementLapsed
    | Verified
    | MitigationBegun
    | Mitigated
    | Resolved
    | Closed
    | Reopened
    | MergedInto
)
"""What moves the incident on, or back."""

LadderEvent = (
    RoundStarted
    | StepTaken
    | CarriedStepTaken
    | Escalated
    | StallWarned
    | ProgressExtended
    | TriggerFired
    | NobodyReached
    | LevelRaised
    | LevelLowered
    | Repinned
)
"""What moves the escalation."""

RecordEvent = Told | WrittenEvent
"""What is put on record."""

AlertEvent = AlertsJoined | AlertsCleared | Absorbed
IncidentEvent = (
    Opened | AlertEvent | CourseEvent | LadderEvent | PageEvent | RecordEvent | RoleEvent | FactEvent
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with when it happened and who caused it."""

    at: datetime
    actor: Actor
    event: IncidentEvent
