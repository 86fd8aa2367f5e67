"""Events about reaching people: pages with their rings, and messages that want no answer."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.core.model import Outcome, PersonId
from tocsin.core.policy import Milestone


@dataclass(frozen=True)
class Ring:
    """One planned notification of a page: `after_seconds` from its start, over `channel`."""

    after_seconds: int
    channel: str


@dataclass(frozen=True)
class PageStarted:
    """One person is asked to come, for one reason. `rings` are the personal rules as resolved now."""

    page: int
    person: PersonId
    person_name: str
    reason: str
    until: Milestone
    rings: tuple[Ring, ...]


@dataclass(frozen=True)
class RingSent:
    """Ring number `ring` of a page went to the outbox under the idempotency key `key`."""

    page: int
    ring: int
    person: PersonId
    channel: str
    key: str


@dataclass(frozen=True)
class RingSkipped:
    """Ring number `ring` of a page is not sent, because nothing would come of it."""

    page: int
    ring: int
    person: PersonId
    channel: str
    reason: str


@dataclass(frozen=True)
class RingSettled:
    """A channel answered for a ring. Recorded even when the page is over: it is the proof of delivery."""

    page: int
    ring: int
    person: PersonId
    channel: str
    attempt: int
    outcome: Outcome
    detail: str


@dataclass(frozen=True)
class PageAnswered:
    """The paged person acknowledged: this page and its retries stop."""

    page: int
    person: PersonId


@dataclass(frozen=True)
class PageWithdrawn:
    """The page has become moot; nothing more is sent for it."""

    page: int
    person: PersonId
    reason: str


@dataclass(frozen=True)
class Told:
    """Somebody is sent a message that wants no answer. `number` counts them; `key` is its idempotency key."""

    number: int
    person: PersonId
    person_name: str
    channel: str
    key: str
    words: str


RingEvent = RingSent | RingSkipped | RingSettled
PageEvent = PageStarted | PageAnswered | PageWithdrawn | RingEvent
"""What changes an open page."""
