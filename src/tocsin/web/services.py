"""What the web room is handed by `app`: no handler reaches for anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.core.model import Signal
from tocsin.engine.apply import Applied
from tocsin.engine.context import Context
from tocsin.engine.engine import Engine
from tocsin.engine.intake import Intake
from tocsin.store.store import Store
from tocsin.web.signing import Signer


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body understood: the key it came under ("" when the key is in a header) and the answer to give."""

    key: str
    signals: tuple[Signal, ...]
    status: int
    answer: bytes


Parse = Callable[[bytes], Parsed]
"""Raises `Rejected` for what cannot be understood."""


@dataclass(slots=True)
class Changes:
    """Tells live pages which incidents changed. A slow reader misses messages, never holds others up."""

    _listeners: set[asyncio.Queue[tuple[str, int]]] = field(default_factory=set)

    def tell(self, applied: Applied) -> None:
        """An incident has a new version."""
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait((applied.incident, applied.version))

    def listen(self) -> asyncio.Queue[tuple[str, int]]:
        """A queue of (incident, version); give it back to `leave`."""
        queue: asyncio.Queue[tuple[str, int]] = asyncio.Queue(maxsize=100)
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[tuple[str, int]]) -> None:
        """Stop listening."""
        self._listeners.discard(queue)


@dataclass(frozen=True, slots=True)
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
