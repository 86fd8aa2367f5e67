"""What the web room is handed by `app`: no handler reaches for anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.core.model import Parsed
from tocsin.engine.apply import Applied
from tocsin.engine.context import Context
from tocsin.engine.engine import Engine
from tocsin.engine.intake import Intake
from tocsin.store.store import Store
from tocsin.web.signing import Signer

Parse = Callable[[bytes], Parsed]
"""Raises `Rejected` for what cannot be understood."""


Change = tuple[str, int]
"""An incident and its new version."""

STOPPING: Change = ("", 0)
"""What live pages hear last."""


@dataclass(slots=True)
class Changes:
    """Tells live pages which incidents changed. A slow reader misses messages, never holds others up."""

    _listeners: set[asyncio.Queue[Change]] = field(default_factory=set)

    def tell(self, applied: Applied) -> None:
        """An incident changed on this node."""
        self.tell_of(applied.incident, applied.version)

    def tell_of(self, incident: str, version: int) -> None:
        """An incident has a new version."""
        self._put((incident, version))

    def close(self) -> None:
        """The server stops: every listener hears STOPPING."""
        self._put(STOPPING)

    def listen(self) -> asyncio.Queue[Change]:
        """A queue of changes; give it back to `leave`."""
        queue: asyncio.Queue[Change] = asyncio.Queue(maxsize=100)
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Change]) -> None:
        """Stop listening."""
        self._listeners.discard(queue)

    def _put(self, change: Change) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(change)


@dataclass(frozen=True)
class Services:
    """The server as the web sees it."""

    store: Store
    engine: Engine
    intake: Intake
    context: Context
    clock: Callable[[], datetime]
    signer: Signer
    changes: Changes
    new_secret: Callable[[], str]
    parsers: Mapping[str, Parse]
    ready: Callable[[], Awaitable[Mapping[str, str]]]
    public_url: str
    demo: bool
