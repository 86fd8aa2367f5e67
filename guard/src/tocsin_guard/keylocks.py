"""One lock per key, kept only while somebody uses it."""

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager


class KeyLocks:
    """Users of one key go one after another, in the order in which they came; other keys go on."""

    def __init__(self) -> None:
        self._held: dict[str, deque[asyncio.Future[None]]] = {}  # who waits for each key that is in use

    def alone(self, key: str) -> AbstractAsyncContextManager[None]:
        return _Turn(self._held, key)


class _Turn(AbstractAsyncContextManager[None]):
    """Written out, because it stands around every call: without anybody else it costs no turn of the loop."""

    __slots__ = ("_held", "_key")

    def __init__(self, held: dict[str, deque[asyncio.Future[None]]], key: str) -> None:
        self._held, self._key = held, key

    async def __aenter__(self) -> None:
        waiting = self._held.get(self._key)
        if waiting is None:
            self._held[self._key] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # it was our turn just now
            elif turn in waiting:  # else it was passed over, between the cancelling and now
                waiting.remove(turn)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        waiting = self._held[self._key]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._held[self._key]
