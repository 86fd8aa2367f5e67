"""Where pages go: a webhook receiver that notes when each summary first arrives."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import httptools

from bench.load import HOST
from bench.processes import free_port

_NAMES = re.compile(rb"fresh-\d+")


class Sink:
    """Arrivals by name: alerts whose summary holds `fresh-1`, `fresh-2`, ..."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}/"
        self.messages = 0
        self._arrived: dict[str, float] = {}
        self._awaited: dict[str, asyncio.Future[float]] = {}

    async def arrival(self, name: str, timeout_seconds: float = 30.0) -> float:
        """When that name arrived, by time.perf_counter."""
        if name in self._arrived:
            return self._arrived[name]
        self._awaited[name] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(timeout_seconds):
            return await self._awaited[name]

    def received(self, body: bytes, at: float) -> None:
        """A message has come."""
        self.messages += 1
        for name in {match.decode() for match in _NAMES.findall(body)}:
            self._arrived.setdefault(name, at)
            if (awaited := self._awaited.pop(name, None)) and not awaited.done():
                awaited.set_result(at)


class _Receiver(asyncio.Protocol):
    """One connection with one request, as Tocsin's egress makes them."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._sink.received(b"".join(self._body), time.perf_counter())
        assert self._transport is not None, "a request on no connection"
        self._transport.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        self._transport.close()


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """A receiver on a port of its own."""
    loop = asyncio.get_running_loop()
    port = free_port()
    receiving = Sink(port)
    server = await loop.create_server(lambda: _Receiver(receiving), HOST, port)
    try:
        yield receiving
    finally:
        server.close()
        await server.wait_closed()
