"""Keeping a wheel turning: rest until woken or due, back off when the store is in trouble."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tocsin.store.errors import StoreError

log = logging.getLogger("tocsin.engine")

BACK_OFF_SECONDS = 1.0
REST_LEAST_SECONDS = 0.02
REST_MOST_SECONDS = 1.0
"""However sure a wheel is that nothing is due, it looks this often."""

SHARED_REST_MOST_SECONDS = 0.2
"""Where nodes share a database, another one may have stored something that only a look can find."""


class Wheel:
    """One loop of the engine.

    1. Turn.
    2. If the turn found work, turn again.
    3. Else rest: until `wake`, until `rest` says that something falls due, at most `rest_most` seconds.
    4. If the turn failed, say so, back off, and go on: the work is still in the store.
    5. After `stop`, end when the turn that is under way has ended.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], Awaitable[int]],
        rest: Callable[[], Awaitable[float]],
        rest_most: float = REST_MOST_SECONDS,
    ) -> None:
        """`turn` returns how much it found to do, `rest` the seconds until there will be more."""
        self.name = name
        self._turn = turn
        self._rest = rest
        self._rest_most = rest_most
        self._woken = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def stop(self) -> None:
        """End soon."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Turn until stopped."""
        while not self._stopping:
            self._woken.clear()
            try:
                if await self._turn():
                    continue
                seconds = await self._rest()
            except StoreError as trouble:
                log.error("%s: the store is in trouble: %s", self.name, trouble)
                seconds = BACK_OFF_SECONDS
            except Exception:
                # Whatever it is, a paging engine goes on; the loud log and the auditor tell of it.
                log.exception("%s: a turn failed", self.name)
                seconds = BACK_OFF_SECONDS
            if not self._stopping:
                await self._sleep(min(max(seconds, REST_LEAST_SECONDS), self._rest_most))

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
