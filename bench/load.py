"""The generator: connections that each send the next request as soon as the answer to the last has come.

Requests are written whole, with their bytes ready, and answers are read by httptools: about 12 microseconds a
request, so that one core of it drives several times what one core of any Python server answers.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from typing import cast

import httptools

HOST = "127.0.0.1"


def request(method: str, path: str, body: bytes = b"", token: str = "") -> bytes:
    """A whole request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(slots=True)
class Tally:
    """What came back: how many answers of each status, and how long each took in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)

    def all_good(self) -> int:
        """How many answers came; raises when one says otherwise, for then a figure means something else."""
        bad = {status: number for status, number in self.statuses.items() if not 200 <= status < 300}
        if bad:
            raise RuntimeError(f"the server did not take all it was sent: {bad}")
        return self.statuses.total()


class Caller(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[int] | None = None
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the base class

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError("the server hung up in the middle of a request"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self.answered(self._parser.get_status_code())

    def answered(self, status: int) -> None:
        """An answer is complete."""
        assert self._answered is not None, "an answer without a request"
        if not self._answered.done():
            self._answered.set_result(status)

    def send(self, request: bytes) -> None:
        """Write a request."""
        assert self._transport is not None, "not connected"
        self._transport.write(request)

    async def call(self, request: bytes) -> tuple[int, bytes]:
        """Send one request; status and body of its answer."""
        self._answered = asyncio.get_running_loop().create_future()
        self._body.clear()
        self.send(request)
        return await self._answered, b"".join(self._body)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


class _Pusher(Caller):
    """Sends the next request from within the answer to the last: no task, no future in between."""

    def __init__(self, load: _Load) -> None:
        super().__init__()
        self._load = load
        self._began = 0.0

    def begin(self) -> None:
        self._began = time.perf_counter()
        self.send(next(self._load.requests))

    def on_body(self, body: bytes) -> None:
        pass

    def answered(self, status: int) -> None:
        tally = self._load.tally
        now = time.perf_counter()
        tally.statuses[status] += 1
        tally.took.append(now - self._began)
        if now < self._load.ends and len(tally.took) + self._load.connections <= self._load.requests_most:
            self._began = now
            self.send(next(self._load.requests))
        else:
            self._load.idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost(self)


class _Load:
    def __init__(
        self, requests: Iterator[bytes], connections: int, seconds: float, requests_most: float
    ) -> None:
        self.requests = requests
        self.connections = connections
        self.requests_most = requests_most
        self.tally = Tally()
        self.ends = time.perf_counter() + seconds
        self._working: set[_Pusher] = set()
        self._all_idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def started(self, pushers: Iterable[_Pusher]) -> asyncio.Future[None]:
        self._working = set(pushers)
        for pusher in tuple(self._working):
            pusher.begin()
        return self._all_idle

    def idle(self, pusher: _Pusher) -> None:
        self._working.discard(pusher)
        if not self._working and not self._all_idle.done():
            self._all_idle.set_result(None)

    def lost(self, pusher: _Pusher) -> None:
        if pusher in self._working and not self._all_idle.done():
            self._all_idle.set_exception(ConnectionError("the server hung up under load"))


async def push(
    port: int,
    requests: Iterator[bytes],
    *,
    connections: int,
    seconds: float = 3600.0,
    requests_most: float = float("inf"),
) -> Tally:
    """Send requests over so many connections at once, for so long or so many in all."""
    loop = asyncio.get_running_loop()
    load = _Load(requests, connections, seconds, requests_most)
    pairs = [await loop.create_connection(lambda: _Pusher(load), HOST, port) for _ in range(connections)]
    pushers = [pusher for _, pusher in pairs]
    load.ends = time.perf_counter() + seconds
    try:
        await load.started(pushers)
    finally:
        for pusher in pushers:
            pusher.close()
    return load.tally


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    """A connection for requests one by one."""
    _, caller = await asyncio.get_running_loop().create_connection(Caller, HOST, port)
    try:
        yield caller
    finally:
        caller.close()


_NUMBERS = count()
"""No two events of one run share a dedup key, whoever sends them."""

_SINGLE = (
    '{"routing_key":"%(key)s","event_action":"trigger","dedup_key":"%%012d","payload":{'
    '"summary":"Error rate of checkout is at 7%%%%","source":"shop-eu-west-1","severity":"%(severity)s",'
    '"component":"checkout","group":"shop","class":"errors",'
    '"custom_details":{"rate":"7.0","limit":"1.0","dashboard":"shop"}}}'
)
_EVENT = (
    '{"action":"trigger","key":"%%012d","severity":"%(severity)s",'
    '"summary":"Error rate of checkout is at 7%%%%","source":"shop-eu-west-1",'
    '"component":"checkout","group":"shop","class":"errors",'
    '"details":{"rate":"7.0","limit":"1.0","dashboard":"shop"}}'
)


def singles(key: str, severity: str = "warning") -> Iterator[bytes]:
    """PagerDuty events, one a request, each a new alert."""
    return numbered("/v2/enqueue", (_SINGLE % {"key": key, "severity": severity}).encode())


def batches(key: str, severity: str = "warning", events: int = 100) -> Iterator[bytes]:
    """So many events a request in our own format, each a new alert."""
    event = (_EVENT % {"severity": severity}).encode()
    return numbered("/api/v1/events", b'{"events":[' + b",".join([event] * events) + b"]}", events, key)


def numbered(path: str, template: bytes, numbers: int = 1, token: str = "") -> Iterator[bytes]:
    """Requests without end whose body is the template with fresh numbers in it."""
    sample = request("POST", path, template % ((0,) * numbers), token)
    whole = sample[: sample.index(b"\r\n\r\n") + 4].replace(b"%", b"%%") + template
    while True:
        yield whole % tuple(islice(_NUMBERS, numbers))
