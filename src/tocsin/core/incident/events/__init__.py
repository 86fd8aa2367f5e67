"""What can have happened to an incident. Events record what was resolved, so `fold` needs nothing else.

Each class is one stored event type at its newest version; older versions are lifted by `core/history.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.core.incident.events.course import (
    Absorbed,
    Acknowledged,
    AlertEvent,
    AlertsCleared,
    AlertsJoined,
    Closed,
    CourseEvent,
    MergedInto,
    Mitigated,
    MitigationBegun,
    Opened,
    Reopened,
    Resolved,
    Verdict,
    Verified,
)
from tocsin.core.incident.events.facts import (
    FactEvent,
    FactsSet,
    ThresholdCrossed,
    ThresholdEvent,
    ThresholdHeld,
    ThresholdLeft,
)
from tocsin.core.incident.events.ladder import (
    AcknowledgementLapsed,
    CarriedStep,
    CarriedStepTaken,
    Escalated,
    LadderEvent,
    LevelLowered,
    LevelRaised,
    NobodyReached,
    ProgressExtended,
    Repinned,
    RoundStarted,
    StallWarned,
    StepsCarriedOver,
    StepTaken,
    TakenStep,
    TriggerFired,
)
from tocsin.core.incident.events.pages import (
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
from tocsin.core.incident.events.record import (
    EstimateSet,
    HandOverConfirmed,
    HandOverOffered,
    HeldByDefault,
    Linked,
    MarkedDone,
    NoteAdded,
    PromiseBroken,
    PromiseWarned,
    Restricted,
    RoleAssigned,
    RoleEvent,
    RoleHandedOver,
    TasksGiven,
    UpdateMissed,
    UpdatePosted,
    WordsErased,
    WrittenEvent,
)
from tocsin.core.model import Actor

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
    "HeldByDefault",
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
    "PromiseWarned",
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
    "StepsCarriedOver",
    "TakenStep",
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
    "WordsErased",
]

RecordEvent = Told | WrittenEvent
"""What is put on record."""

IncidentEvent = (
    Opened | AlertEvent | CourseEvent | LadderEvent | PageEvent | RecordEvent | RoleEvent | FactEvent
)


@dataclass(frozen=True)
class Recorded:
    """An event with when it happened and who caused it."""

    at: datetime
    actor: Actor
    event: IncidentEvent
