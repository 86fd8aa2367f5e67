"""Events of an incident's course: its alerts, who takes it, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tocsin.core.incident.events.ladder import AcknowledgementLapsed
from tocsin.core.model import Actor, LevelId, ServiceId, SubjectId


@dataclass(frozen=True)
class Opened:
    """The incident began, under the plan version it is pinned to."""

    incident: SubjectId
    service: ServiceId
    title: str
    level: LevelId
    reason: str
    policy_version: str


@dataclass(frozen=True)
class AlertsJoined:
    """`count` alerts came in together; `sample` holds the first few summaries."""

    count: int
    sample: tuple[str, ...]


@dataclass(frozen=True)
class AlertsCleared:
    """`count` alerts were resolved by their source.

    `stays_open` is true with the last of them, where the incident is more than its alerts: see `vouched`.
    """

    count: int
    sample: tuple[str, ...]
    stays_open: bool = False


@dataclass(frozen=True)
class Acknowledged:
    """Somebody took the incident."""

    by: Actor
    via: str


class Verdict(StrEnum):
    """What it turned out to have been."""

    REAL = "real"
    FALSE_POSITIVE = "false positive"


@dataclass(frozen=True)
class Verified:
    """A person has looked, and it is real."""


@dataclass(frozen=True)
class MitigationBegun:
    """A person has begun to do something about it."""


@dataclass(frozen=True)
class Mitigated:
    """Nobody is harmed any more; the cause may still be there."""

    how: str


@dataclass(frozen=True)
class Resolved:
    """The trouble is over, said by a person or by the source."""

    by: Actor
    reason: str


@dataclass(frozen=True)
class Closed:
    """Nothing is left to do in the incident itself, or there never was anything: see the verdict."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Reopened:
    """It was not over, or not mitigated, after all. It counts as unanswered again."""

    reason: str


@dataclass(frozen=True)
class MergedInto:
    """It goes on as a part of another incident."""

    into: SubjectId


@dataclass(frozen=True)
class Absorbed:
    """Another incident goes on as a part of this one, with its alerts."""

    incident: SubjectId
    alerts_open: int
    alerts_count: int
    vouched: bool = False


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


AlertEvent = AlertsJoined | AlertsCleared | Absorbed
