"""Any call that may be done later: tried now, or queued with its idempotency key and done when the service
is back.
"""

import copy
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tocsin_guard.dependency import Dependency
from tocsin_guard.errors import Malformed, Unavailable
from tocsin_guard.handlers import Body, Functions
from tocsin_guard.keylocks import KeyLocks
from tocsin_guard.operations import WAITING, Operation
from tocsin_guard.queue import Queue

# (payload, idempotency key) -> done. Pass the key on to the other side, which uses it to do the work once.
Do = Callable[[Mapping[str, Any], str], Awaitable[object]]
WasDone = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Outcome:
    queued: bool  # it waits; False: it is done
    idempotency_key: str
    operation_id: int | None = None


@dataclass
class Work:
    """Made by `Guard.work`. Work on one key keeps its order; different keys go side by side.

    Each attempt gets a payload of its own, as JSON would give it back: what it does to it stays with it.
    A call whose answer was lost may be made again with the same idempotency key. If the other side cannot
    tell repeats by it, give `was_done`, which is asked first.
    """

    dependency: Dependency
    queue: Queue
    action: str
    do: Do
    was_done: WasDone | None = None
    _locks: KeyLocks = field(default_factory=KeyLocks)

    def __post_init__(self) -> None:
        was_done = self._was_done if self.was_done else None
        self.queue.handlers[self.dependency.name, self.action] = Functions(self._apply, was_done)

    async def run(self, key: str, payload: Mapping[str, Any], idempotency_key: str = "") -> Outcome:
        """Do it now if that works, else keep it on the disk. When this returns, it is done or will be."""
        mark = idempotency_key or uuid.uuid4().hex
        name = self.dependency.name
        try:
            text = json.dumps(payload)
        except (TypeError, ValueError) as error:
            raise Malformed(
                f"The payload of {self.action} for {name} must be what JSON can hold, or it could not be "
                f"queued: {error}."
            ) from error
        async with self._locks.alone(key):
            known = self.queue.book.repeat_of(name, mark) or self.queue.book.newest(name, key)
            if known is None and not self.dependency.held:
                try:
                    await self.dependency.call(self.action, lambda: self.do(json.loads(text), mark))
                except Unavailable:
                    pass
                else:
                    return Outcome(False, mark)
            kept = json.loads(text)
            operation = await self.queue.add(name, self.action, key, kept, idempotency_key=mark)
        return Outcome(operation.state in WAITING, mark, operation.id)

    async def _apply(self, operation: Operation, body: Body) -> None:
        payload = copy.deepcopy(operation.payload)
        await self.dependency.call(
            self.action, lambda: self.do(payload, operation.idempotency_key), attempts_max=1
        )

    async def _was_done(self, operation: Operation) -> bool:
        assert self.was_done is not None
        return await self.was_done(operation.idempotency_key)
