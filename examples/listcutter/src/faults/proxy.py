"""A link between processes: an HTTP proxy in front of an S3 server, or of whoever is pushed to.

One request a connection. Heads go through as they came, so that signatures of S3 stay valid (the Host header
too); bodies stream. Faults are those of `rules`; the key is the path without the bucket.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from faults.rules import End, Faults, Verdict

HEAD_BYTES_MAX = 64 * 1024
CHUNK_BYTES = 64 * 1024
REFUSAL_BODY = b"<Error><Code>ServiceUnavailable</Code><Message>drill: answered 503</Message></Error>"
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(REFUSAL_BODY), REFUSAL_BODY)
)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request or an answer: its first line, and headers by lower-case name."""

    first: str
    headers: dict[str, str]
    raw: bytes

    @property
    def length(self) -> int:
        return int(self.headers.get("content-length", "0"))


@dataclass
class Proxy:
    to: str  # http://host:port
    faults: Faults
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, port: int, host: str = "127.0.0.1") -> asyncio.Server:
        return await asyncio.start_server(self._connected, host, port, limit=HEAD_BYTES_MAX)

    async def close(self) -> None:
        """Let go of every connection: a server that is closed keeps those that it has."""
        open = tuple(self._open)
        for task in open:
            task.cancel()
        await asyncio.gather(*open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        try:
            request = await read_head(reader)
            method, target = request.first.split(" ")[:2]
            key = unquote(urlsplit(target).path).lstrip("/").partition("/")[2]
            verdict = self.faults.judge(key, data=method in ("GET", "PUT", "POST"))
            await asyncio.sleep(verdict.delay_seconds)
            if verdict.end is End.OUTAGE:
                writer.transport.abort()
            elif verdict.end is End.ERROR:
                await _refuse(request, reader, writer)
            else:
                await self._forward(method, key, request, verdict, reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()  # either side went away, or does not speak HTTP
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _forward(
        self,
        method: str,
        key: str,
        request: Head,
        verdict: Verdict,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        parts = urlsplit(self.to)
        up_reader, up_writer = await asyncio.open_connection(parts.hostname, parts.port, limit=HEAD_BYTES_MAX)
        sending = asyncio.ensure_future(_send(request, reader, up_writer, verdict.end is End.DROP))
        try:
            if verdict.end is End.DROP and method != "GET":
                await sending  # half of the body, and then nothing more
                writer.transport.abort()
                return
            await self._answer(method, key, verdict, up_reader, writer)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            up_writer.transport.abort()
            with suppress(OSError):
                await up_writer.wait_closed()

    async def _answer(
        self,
        method: str,
        key: str,
        verdict: Verdict,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        answer = await read_head(reader)
        while answer.first.split(" ")[1] == "100":
            writer.write(answer.raw)
            answer = await read_head(reader)
        writer.write(closing(answer))
        status = answer.first.split(" ")[1]
        if status.startswith("2") and method in ("PUT", "POST", "DELETE"):
            self.faults.written(key)
        good = status in ("200", "206") and method == "GET"
        start, size = placed(answer)
        sent, half = start, start + answer.length // 2
        while chunk := await reader.read(CHUNK_BYTES):
            if verdict.corrupt and good and size:
                chunk = self.faults.damage(key, size, sent, chunk)
            if verdict.end is End.DROP and good and sent + len(chunk) > half:
                writer.write(chunk[: half - sent])
                await writer.drain()
                writer.transport.abort()
                return
            writer.write(chunk)
            await writer.drain()
            sent += len(chunk)


async def read_head(reader: asyncio.StreamReader) -> Head:
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    pairs = (line.partition(":") for line in lines)
    return Head(first, {name.strip().lower(): value.strip() for name, _, value in pairs}, raw)


def closing(head: Head) -> bytes:
    """The head, with one request a connection."""
    lines = head.raw.split(b"\r\n")[:-2]
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*kept, b"Connection: close", b"", b""])


def placed(answer: Head) -> tuple[int, int]:
    """Where in the object an answer's body starts, and how large the object is."""
    given = answer.headers.get("content-range", "").removeprefix("bytes ")
    if not given:
        return 0, answer.length
    place, _, size = given.partition("/")
    return int(place.partition("-")[0]), int(size)


async def _send(
    request: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, half: bool
) -> None:
    """The request upstream; half of its body only, if it is to break off."""
    writer.write(closing(request))
    chunked = "chunked" in request.headers.get("transfer-encoding", "")
    left = request.length // 2 if half else request.length
    while chunked or left > 0:
        chunk = await reader.read(CHUNK_BYTES if chunked else min(left, CHUNK_BYTES))
        if not chunk:
            break
        writer.write(chunk)
        await writer.drain()
        left -= len(chunk)


async def _refuse(request: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """503, after the body was taken, so that the client is there to hear it."""
    left = request.length
    while left > 0 and (chunk := await reader.read(min(left, CHUNK_BYTES))):
        left -= len(chunk)
    writer.write(REFUSAL)
    await writer.drain()


@asynccontextmanager
async def proxying(to: str, faults: Faults, port: int = 0) -> AsyncIterator[str]:
    """The address of a proxy while it runs."""
    proxy = Proxy(to, faults)
    server = await proxy.serve(port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
