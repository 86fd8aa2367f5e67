"""What happened, for people and for the journal: bounded, newest kept, each with a number that only grows."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from tocsin_guard import limits
from tocsin_guard.clock import Clock, iso
from tocsin_guard.errors import GuardError
from tocsin_guard.journal import Journal
from tocsin_guard.lines import Record


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Event:
    """`by` and `reason` are filled for acts of people."""

    id: int
    at: float
    level: Level
    type: str
    message: str
    service: str = ""
    by: str = ""
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        return {**asdict(self), "at": iso(self.at), "level": self.level.value}


@dataclass
class Events:
    """`listeners` hear each event at once; they must not raise."""

    clock: Clock
    journal: Journal
    kept: int = limits.EVENTS_KEPT
    listeners: list[Callable[[Event], None]] = field(default_factory=list)
    _events: deque[Event] = field(default_factory=deque)
    _next: int = 1

    def add(self, level: Level, type: str, message: str, **more: Any) -> Event:
        """Record something that guard noticed. It reaches the disk within about a second."""
        event = self._make(level, type, message, more)
        self.journal.note(_record(event))
        self._tell(event)
        return event

    async def act(self, type: str, message: str, *, by: str, reason: str, **more: Any) -> Event:
        """Record what a person did: on the disk before they hear "done". A full disk does not stop the
        act.
        """
        event = self._make(Level.WARNING, type, message, {"by": by, "reason": reason, **more})
        self._tell(event)  # before anything is waited for: whoever asked may be gone by then, and it is done
        try:
            await self.journal.append(_record(event))
        except GuardError:
            self.journal.dropped += 1
        return event

    def _make(self, level: Level, type: str, message: str, more: Mapping[str, Any]) -> Event:
        event = Event(self._next, self.clock.now(), level, type, message, **more)
        self._next += 1
        self._keep(event)
        return event

    def _keep(self, event: Event) -> None:
        self._events.append(event)
        while len(self._events) > self.kept:
            self._events.popleft()

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    def select(
        self, limit: int, *, level: Level | None = None, since: float | None = None, type: str = ""
    ) -> Iterator[Event]:
        """Newest first."""
        for event in reversed(self._events):
            if limit <= 0:
                return
            if (level and event.level is not level) or (type and event.type != type):
                continue
            if since is not None and event.at < since:
                continue
            limit -= 1
            yield event

    def restore(self, record: Record) -> None:
        fields = {name: value for name, value in record.items() if name != "kind"}
        event = Event(**{**fields, "level": Level(record["level"])})
        self._next = max(self._next, event.id + 1)
        self._keep(event)

    def snapshot(self) -> Iterator[Record]:
        return map(_record, list(self._events))


def _record(event: Event) -> Record:
    return {"kind": "event", **asdict(event)}
