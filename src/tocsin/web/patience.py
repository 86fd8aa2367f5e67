"""Waiting for what a sender has yet to send, but not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

LOOK_SECONDS = 1.0


class Patience:
    """Ends waits that take too long. Use from one event loop.

    One look a second at all who wait: a timer for each of some thousand requests a second would cost as much
    as reading them.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: dict[asyncio.Task[Any], float] = {}
        self._looking = False

    async def for_all_of(self, awaited: Coroutine[Any, Any, T]) -> T:
        """What is awaited; raises TimeoutError, up to a second late, when it does not come in time."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None, "only a task waits"
        self._waiting[task] = loop.time()
        if not self._looking:
            self._look_later(loop)
        try:
            return await awaited
        except asyncio.CancelledError:
            if task in self._waiting:
                raise  # somebody else ended it, as when the server stops
            task.uncancel()
            raise TimeoutError from None
        finally:
            self._waiting.pop(task, None)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looking = True
        loop.call_later(LOOK_SECONDS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        began_latest = loop.time() - self._seconds
        for task in [task for task, began in self._waiting.items() if began <= began_latest]:
            del self._waiting[task]
            task.cancel()
        if self._waiting:
            self._look_later(loop)
        else:
            self._looking = False
