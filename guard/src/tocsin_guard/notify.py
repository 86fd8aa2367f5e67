"""Broadcasts: to users as an in-app stream, to the response team as signed webhooks; kept, and cleared when
over.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tocsin_guard import limits
from tocsin_guard.clock import Clock, iso
from tocsin_guard.errors import Malformed, Refused, Unavailable, Unknown
from tocsin_guard.journal import Journal
from tocsin_guard.lines import Record

EVERYONE, RESPONSE_TEAM, USERS = "all", "response_team", "users"
SEVERITIES = ("INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL")
# Types that say it is over: they clear what is still shown to the same audience.
CLOSING = frozenset({"SERVICE_RESTORED", "INCIDENT_RESOLVED"})


@dataclass(frozen=True, slots=True)
class Broadcast:
    id: int
    at: float
    type: str
    message: str
    severity: str
    target: str
    by: str
    cleared_at: float | None = None

    def shown(self) -> dict[str, Any]:
        cleared = None if self.cleared_at is None else iso(self.cleared_at)
        return {**asdict(self), "at": iso(self.at), "cleared_at": cleared, "active": self.cleared_at is None}


@dataclass(eq=False)
class Listener:
    """One stream. `first` is what was active when it began. `over` is set when it is to end, and `end` says
    why.
    """

    audience: str
    first: list[Broadcast]
    waiting: deque[Broadcast] = field(default_factory=deque)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    end: str = ""

    async def hears(self, seconds: float) -> bool:
        """Wait for the next broadcast, or the end; False if so many seconds bring neither."""
        waits = [asyncio.ensure_future(self.more.wait()), asyncio.ensure_future(self.over.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return bool(done)


def sees(audience: str, target: str) -> bool:
    """Whether an audience is meant by a target; `all` means everyone, and `all` as audience sees
    everything.
    """
    return audience == EVERYONE or target in (EVERYONE, audience)


@dataclass
class Broadcasts:
    """`deliver` hands a broadcast to the webhooks."""

    clock: Clock
    journal: Journal
    deliver: Callable[[Broadcast], None] = lambda broadcast: None
    _kept: deque[Broadcast] = field(default_factory=lambda: deque(maxlen=limits.BROADCASTS_KEPT))
    stopping: bool = False
    _listeners: set["Listener"] = field(default_factory=set)
    _next: int = 1

    async def send(self, type: str, message: str, severity: str, target: str, by: str) -> Broadcast:
        """Tell an audience. When this returns it is recorded, and on its way to all who listen."""
        if not type or not type.replace("_", "").isalnum() or len(type) > 64:
            raise Malformed(
                "A broadcast needs a type of letters, digits and underscores, at most 64 characters."
            )
        if not message.strip() or len(message) > limits.MESSAGE_CHARACTERS_MAX:
            raise Malformed(
                f"A broadcast needs a message of 1 to {limits.MESSAGE_CHARACTERS_MAX} characters."
            )
        if severity not in SEVERITIES:
            raise Malformed(f"The severity of a broadcast is one of {', '.join(SEVERITIES)}.")
        if not target or not target.replace("_", "").isalnum() or len(target) > 64:
            raise Malformed("A target is a name such as response_team, users or partners.")
        broadcast = Broadcast(self._next, self.clock.now(), type, message, severity, target, by)
        self._next += 1
        if type in CLOSING:
            for old in self.active(EVERYONE):
                if target in (EVERYONE, old.target):
                    self._clear(old)
        self._kept.append(broadcast)
        self.journal.note(_record(broadcast))
        self._publish(broadcast)
        self.deliver(broadcast)
        return broadcast

    def clear(self, id: int) -> Broadcast:
        """Take a notice off the users' screens."""
        for broadcast in self._kept:
            if broadcast.id == id:
                if broadcast.cleared_at is not None:
                    raise Refused(f"Broadcast {id} has been cleared before.")
                return self._clear(broadcast)
        raise Unknown(f"There is no broadcast {id}; old ones are forgotten.")

    def _clear(self, broadcast: Broadcast) -> Broadcast:
        cleared = replace(broadcast, cleared_at=self.clock.now())
        self._put(cleared)
        self.journal.note(_record(cleared))
        self._publish(cleared)
        return cleared

    def _put(self, broadcast: Broadcast) -> None:
        for place, old in enumerate(self._kept):
            if old.id == broadcast.id:
                self._kept[place] = broadcast
                return
        self._kept.append(broadcast)

    def active(self, audience: str = EVERYONE) -> list[Broadcast]:
        """What is still shown to an audience, oldest first."""
        return [b for b in self._kept if b.cleared_at is None and sees(audience, b.target)]

    def recent(self) -> list[Broadcast]:
        return list(reversed(self._kept))

    # Streams

    def listen(self, audience: str) -> Listener:
        """Begin to listen; `leave` ends it. Refused when there are too many already."""
        if len(self._listeners) >= limits.SUBSCRIBERS_MAX:
            raise Unavailable(
                f"{limits.SUBSCRIBERS_MAX} listen to broadcasts already, which is all there is room for; "
                "try again later."
            )
        listener = Listener(audience, self.active(audience))
        self._listeners.add(listener)
        if self.stopping:
            self._end(listener, "the service stops")
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)

    def end(self) -> None:
        """The service stops: every stream ends, so that no server waits for it. Browsers come back by
        themselves.
        """
        self.stopping = True
        for listener in tuple(self._listeners):
            self._end(listener, "the service stops")

    def _end(self, listener: Listener, why: str) -> None:
        listener.end = listener.end or why
        listener.over.set()

    def _publish(self, broadcast: Broadcast) -> None:
        for listener in tuple(self._listeners):
            if sees(listener.audience, broadcast.target):
                if len(listener.waiting) >= limits.SUBSCRIBER_BACKLOG_MAX:
                    self._end(listener, "too slow; what is still active comes again when you come back")
                    self.leave(listener)
                else:
                    listener.waiting.append(broadcast)
                    listener.more.set()

    async def stream(self, listener: Listener, after: int = 0) -> AsyncGenerator[bytes]:
        """Server-sent events: first what is active (or newer than `after`), then as it comes. The last
        thing is a comment that says why it ends.
        """
        try:
            yield b"retry: 5000\n\n"
            for broadcast in listener.first:
                if broadcast.id > after:
                    yield _sse(broadcast)
            while not listener.end:
                while listener.waiting and not listener.end:
                    yield _sse(listener.waiting.popleft())
                listener.more.clear()
                if not await listener.hears(limits.SSE_KEEPALIVE_SECONDS):
                    yield b": still here\n\n"
            yield f": {listener.end}\n\n".encode()
        finally:
            self.leave(listener)

    # Journal

    def restore(self, record: Record) -> None:
        fields = {name: value for name, value in record.items() if name != "kind"}
        broadcast = Broadcast(**fields)
        self._next = max(self._next, broadcast.id + 1)
        self._put(broadcast)

    def snapshot(self) -> Iterator[Record]:
        return map(_record, list(self._kept))


def _record(broadcast: Broadcast) -> Record:
    return {"kind": "broadcast", **asdict(broadcast)}


def _sse(broadcast: Broadcast) -> bytes:
    event = "broadcast" if broadcast.cleared_at is None else "cleared"
    data = json.dumps(broadcast.shown(), separators=(",", ":"))
    return f"id: {broadcast.id}\nevent: {event}\ndata: {data}\n\n".encode()
