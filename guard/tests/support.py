"""What tests share: a clock they move, a store they break, and a guard made of both."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tocsin_guard import (
    Changed,
    CloudStore,
    Conditional,
    Expect,
    Guard,
    Info,
    LocalFiles,
    ObjectStore,
    Opened,
    Settings,
    Token,
    Unavailable,
    memory,
)
from tocsin_guard.handlers import Body
from tocsin_guard.objects.catalogue import OPERATION
from tocsin_guard.objects.port import key_check
from tocsin_guard.objects.writing import DeletesVersions

READER = "reader-0123456789abcdefghij"
ADMIN = "admin-0123456789abcdefghij"
TOKENS = (Token.of("viewer", READER, ["read"]), Token.of("oncall", ADMIN, ["control"]))


class VirtualClock:
    """Time that stands still until a test moves it; sleepers wake in order."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._start, self._elapsed = start, 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0

    def now(self) -> float:
        return self._start + self._elapsed

    def elapsed(self) -> float:
        return self._elapsed

    def set(self, seconds: float) -> None:
        """Somebody sets the machine's clock so much ahead, or back; what has elapsed stays."""
        self._start += seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        event = asyncio.Event()
        self._count += 1
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._count, event))
        await event.wait()

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            heapq.heappop(self._sleepers)[2].set()


@dataclass
class Breakable:
    """A store in front of another one: `down` fails everything, `broken_keys` some, `lose_answers` does the
    work
    and then fails. `puts` counts what took effect, by the mark of the write."""

    inner: ObjectStore
    down: bool = False
    broken_keys: str = ""  # a prefix
    lose_answers: bool = False
    break_after_bytes: int | None = None
    calls: int = 0
    puts: dict[str, int] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)  # key and mark, in the order of taking effect

    @property
    def conditional(self) -> Conditional:
        return self.inner.conditional

    def check_key(self, key: str) -> None:
        key_check(self.inner)(key)

    def _fail(self, key: str) -> None:
        self.calls += 1
        if self.down or (self.broken_keys and key.startswith(self.broken_keys)):
            raise Unavailable("the store is down")

    async def put(
        self, key: str, body: Body, attributes: Mapping[str, str], expect: Expect | str = Expect.ANY
    ) -> str:
        self._fail(key)
        etag = await self.inner.put(key, body, attributes, expect)
        mark = attributes.get(OPERATION, "")
        self.puts[mark] = self.puts.get(mark, 0) + 1
        self.log.append((key, mark))
        if self.lose_answers:
            raise Unavailable("the answer was lost")
        return etag

    async def get(self, key: str, start: int = 0, length: int | None = None) -> Opened:
        self._fail(key)
        opened = await self.inner.get(key, start, length)
        if self.break_after_bytes is None:
            return opened
        return Opened(opened.info, self._breaking(opened.chunks, self.break_after_bytes))

    async def _breaking(self, chunks: AsyncIterator[bytes], left: int) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            if len(chunk) >= left:
                yield chunk[:left]
                raise Unavailable("the connection broke")
            left -= len(chunk)
            yield chunk

    async def head(self, key: str) -> Info:
        self._fail(key)
        return await self.inner.head(key)

    async def delete(self, key: str) -> None:
        self._fail(key)
        await self.inner.delete(key)

    async def list(self, folder: str = "") -> AsyncIterator[Info]:
        self._fail(folder)
        async for info in self.inner.list(folder):
            yield info


@dataclass
class World:
    """A guarded store that can be broken, in virtual time, with its background loop moved by hand."""

    guard: Guard
    clock: VirtualClock
    store: Breakable
    sent: list[tuple[str, Mapping[str, str], bytes]]

    @property
    def files(self) -> Any:
        return self.guard.store()

    async def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass in steps, doing at each what is due."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            self.guard.tick()
            await self.settle()

    async def settle(self) -> None:
        """Let everything that is due now end; what sleeps in virtual time stays asleep."""
        for _ in range(3):
            await asyncio.wait_for(self.guard.settle(), 20)


def world(folder: Path, *, store: ObjectStore | None = None, **options: Any) -> World:
    """Not started yet."""
    clock = VirtualClock()
    sent: list[tuple[str, Mapping[str, str], bytes]] = []

    async def send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        sent.append((url, headers, body))
        return 202, b"{}"

    of_guard = {"webhooks", "pagers", "thresholds", "public_summary", "reserve_bytes", "send"}
    chosen: dict[str, Any] = {"send": send, "reserve_bytes": 0}
    guard = Guard(
        folder,
        name="listcutter",
        tokens=TOKENS,
        clock=clock,
        **{**chosen, **{k: v for k, v in options.items() if k in of_guard}},
    )
    breakable = Breakable(store or memory())
    guard.objects(breakable, **{k: v for k, v in options.items() if k not in of_guard})
    return World(guard, clock, breakable, sent)


@dataclass
class Slow(Breakable):
    """The next `stuck` requests that change something are given up by who asked, and wait to be landed."""

    stuck: int = 0
    on_their_way: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    async def put(
        self, key: str, body: Body, attributes: Mapping[str, str], expect: Expect | str = Expect.ANY
    ) -> str:
        self._hold(partial(self.inner.put, key, body, attributes, expect))
        return await super().put(key, body, attributes, expect)

    async def delete(self, key: str) -> None:
        self._hold(partial(self.inner.delete, key))
        await super().delete(key)

    def _hold(self, request: Callable[[], Awaitable[object]]) -> None:
        if self.stuck:
            self.stuck -= 1
            self.on_their_way.append(request)
            raise Unavailable("no answer in time")

    async def land(self) -> None:
        assert self.on_their_way, "nothing was given up"
        for request in self.on_their_way:
            try:
                await request()
            except Changed:
                continue


@dataclass
class SlowVersions(Slow):
    """In front of a store that can delete one version and no other."""

    async def delete_version(self, key: str, etag: str) -> None:
        assert isinstance(self.inner, DeletesVersions)
        self._hold(partial(self.inner.delete_version, key, etag))
        await self.inner.delete_version(key, etag)


def slow(folder: Path, store: Slow) -> World:
    made = world(
        folder / "guard",
        store=store,
        cache_bytes_max=1_000_000,
        settings=Settings(retry_seconds=0, attempts_max=2),
    )
    made.files.store = made.files.reader.store = store  # not behind a store that cannot delete a version
    return made


async def content(w: World, key: str = "k") -> bytes:
    return bytes(await (await w.files.get(key)).read())


__all__ = [
    "ADMIN",
    "READER",
    "TOKENS",
    "Breakable",
    "CloudStore",
    "LocalFiles",
    "Slow",
    "SlowVersions",
    "VirtualClock",
    "World",
    "content",
    "slow",
    "world",
]
