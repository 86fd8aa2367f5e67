"""Events of an incident's course: its alerts, who takes it, and how it ends."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from tocsin.core.incident.events.ladder import AcknowledgementLapsed
from tocsin.core.model import Actor, LevelId, ServiceId, SubjectId


class Opened(Struct, frozen=True):
    """The incident began, under the plan version it is pinned to."""

    incident: SubjectId
    service: ServiceId
    title: str
    level: LevelId
    reason: str
    policy_version: str


class AlertsJoined(Struct, frozen=True):
    """`count` alerts came in together; `sample` holds the first few summaries."""

    count: int
    sample: tuple[str, ...]


class AlertsCleared(Struct, frozen=True):
    """`count` alerts were resolved by their source.

    `stays_open` is true with the last of them, where the incident is more than its alerts: see `vouched`.
    """

    count: int
    sample: tuple[str, ...]
    stays_open: bool = False


class Acknowledged(Struct, frozen=True):
    """Somebody took the incident."""

    by: Actor
    via: str


class Verdict(StrEnum):
    """What it turned out to have been."""

    REAL = "real"
    FALSE_POSITIVE = "false positive"


class Verified(Struct, frozen=True):
    """A person has looked, and it is real."""


class MitigationBegun(Struct, frozen=True):
    """A person has begun to do something about it."""


class Mitigated(Struct, frozen=True):
    """Nobody is harmed any more; the cause may still be there."""

    how: str


class Resolved(Struct, frozen=True):
    """The trouble is over, said by a person or by the source."""

    by: Actor
    reason: str


class Closed(Struct, frozen=True):
    """Nothing is left to do in the incident itself, or there never was anything: see the verdict."""

    verdict: Verdict
    reason: str


class Reopened(Struct, frozen=True):
    """It was not over, or not mitigated, after all. It counts as unanswered again."""

    reason: str


class MergedInto(Struct, frozen=True):
    """It goes on as a part of another incident."""

    into: SubjectId


class Absorbed(Struct, frozen=True):
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
