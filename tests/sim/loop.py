"""An event loop on which time is a number: it moves only when told, so nothing ever waits."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, cast

T = TypeVar("T")
MICROSECONDS = 1_000_000


class VirtualLoop:
    """What asyncio's futures, tasks and time-outs need of a loop, and nothing else.

    `micros` is the true time, which no clock jump moves. Callbacks run in the order they were asked for,
    timers in the order they fall due, so that one seed gives one history.
    """

    def __init__(self) -> None:
        self.micros = 0
        self.lost: list[BaseException] = []
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._made = 0

    @property
    def as_loop(self) -> asyncio.AbstractEventLoop:
        """This loop, as asyncio's types call one."""
        return cast(asyncio.AbstractEventLoop, self)

    def start(self, awaited: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task; it runs with the next `run_ready`."""
        return asyncio.Task(awaited, loop=self.as_loop)

    def run_ready(self) -> None:
        """Run whatever can run at this instant, until everything waits for time to pass."""
        asyncio._set_running_loop(self.as_loop)
        try:
            while True:
                while self._timers and self._timers[0][0] <= self.time():
                    self._ready.append(heapq.heappop(self._timers)[2])
                if not self._ready:
                    return
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(None)

    def next_timer(self) -> int | None:
        """When the next timer falls due, in microseconds of true time."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        seconds = self._timers[0][0]
        micros = int(seconds * MICROSECONDS)
        # A float may stand for a moment just after the whole microsecond below it.
        return micros if micros / MICROSECONDS >= seconds else micros + 1

    # What asyncio asks of a loop.

    def time(self) -> float:
        return self.micros / MICROSECONDS

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self.as_loop, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self.as_loop, context)
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self.as_loop)

    def create_task(self, awaited: Coroutine[Any, Any, T], **_named: object) -> asyncio.Task[T]:
        return self.start(awaited)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        # A task that failed with nobody waiting for it. Pending tasks of a dead process are no fault.
        if (error := context.get("exception")) is not None:
            self.lost.append(error)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        pass
