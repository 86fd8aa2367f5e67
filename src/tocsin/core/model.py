"""What passes between the rooms: signals in, decisions and effects out, receipts back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

SubjectId = NewType("SubjectId", str)
PersonId = NewType("PersonId", str)
LevelId = NewType("LevelId", str)
ServiceId = NewType("ServiceId", str)
RotaId = NewType("RotaId", str)
RoleId = NewType("RoleId", str)
TeamId = NewType("TeamId", str)
StageId = NewType("StageId", str)
FactId = NewType("FactId", str)


class AlertAction(StrEnum):
    """What a monitoring source says of one of its alerts."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class AlertSeverity(StrEnum):
    """How bad the source says it is (PagerDuty Common Event Format). The plan turns it into a level."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst; triage takes the lowest rank first."""
        return _SEVERITY_RANKS[self]


_SEVERITY_RANKS = {severity: rank for rank, severity in enumerate(AlertSeverity)}


@dataclass(frozen=True)
class Signal:
    """One thing a source said, in our words, whatever format it came in.

    `dedup_key` names the alert within its integration. `at` is the source's own time (aware) or None.
    `details` holds what the source sent beyond the named fields; it is kept, never interpreted.
    """

    action: AlertAction
    dedup_key: str
    summary: str = ""
    severity: AlertSeverity = AlertSeverity.CRITICAL
    source: str = ""
    component: str = ""
    group: str = ""
    event_class: str = ""
    at: datetime | None = None
    links: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


class ActorKind(StrEnum):
    """Who can cause an event."""

    PERSON = "person"
    SOURCE = "source"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """Who did it: a person (by id), a source (by integration id), or Tocsin itself."""

    kind: ActorKind
    id: str = ""

    def __str__(self) -> str:
        return self.id or "Tocsin"


SYSTEM = Actor(ActorKind.SYSTEM)


class Outcome(StrEnum):
    """What became of one attempt to send."""

    ACCEPTED = "accepted"
    """The provider took it."""
    UNKNOWN = "unknown"
    """The answer was lost: it may or may not have gone out. It is sent again, marked as a possible repeat."""
    RETRYING = "retrying"
    """Refused for now; the outbox goes on trying, and the path advances meanwhile."""
    FAILED = "failed"
    """Refused for good: trying again would not help."""


@dataclass(frozen=True)
class Receipt:
    """A channel's answer for one attempt. `provider_id` is the provider's name for the message, if any."""

    outcome: Outcome
    detail: str = ""
    provider_id: str = ""


@dataclass(frozen=True)
class Message:
    """What a channel is asked to deliver, ready to send.

    `key` is the idempotency key: the same for every attempt at the same message. `link` acknowledges what
    the message lists (a GET changes nothing). `repeat` is true when an earlier attempt may have arrived.
    """

    key: str
    person: PersonId
    person_name: str
    address: str
    secret: str
    subject: str
    text: str
    link: str
    incidents: tuple[SubjectId, ...]
    urgent: bool
    repeat: bool


class DeadlineState(StrEnum):
    """Where a promise stands."""

    DUE = "due"
    KEPT = "kept"
    BROKEN = "broken"


@dataclass(frozen=True)
class Deadline:
    """A promise with a due time. `id` is stable while the promise stands; `promise` reads aloud.

    It may not be kept `not_before` that.
    """

    id: str
    promise: str
    due_at: datetime
    state: DeadlineState = DeadlineState.DUE
    not_before: datetime | None = None


@dataclass(frozen=True)
class Notify:
    """Effect: ring number `ring` of `page`, over `channel`. `key` is unique for ever."""

    key: str
    page: int
    ring: int
    person: PersonId
    channel: str
    urgent: bool


@dataclass(frozen=True)
class Tell:
    """Effect: a message that wants no answer, by `channel`. `number` counts the incident's own."""

    key: str
    number: int
    person: PersonId
    channel: str
    words: str


@dataclass(frozen=True)
class Withdraw:
    """Effect: whatever still waits to be sent for `page` must not go out any more."""

    page: int


@dataclass(frozen=True)
class Alarm:
    """Effect: nobody can be told through the plan; make noise where the operator sees it."""

    text: str


@dataclass(frozen=True)
class CloseAlerts:
    """Effect: the incident's alerts are over too, so that the next trigger of one is a new alert."""


Effect = Notify | Tell | Withdraw | Alarm | CloseAlerts


@dataclass(frozen=True)
class Refused:
    """The command is not allowed now. `reason` is a whole sentence for the person who asked."""

    reason: str


@dataclass(frozen=True)
class Parsed:
    """What a body said: whose it is (`key`; "" when a header says so), its signals, the answer once kept."""

    key: str
    signals: tuple[Signal, ...]
    status: int
    answer: bytes


class Rejected(Exception):
    """A body from a source that cannot be understood at all, with the answer its format gives for that."""

    def __init__(self, status: int, answer: bytes) -> None:
        super().__init__(answer.decode(errors="replace"))
        self.status = status
        self.answer = answer
