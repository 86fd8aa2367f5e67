"""Real servers on loopback for edges to call: what they answer is written out byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import trustme

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A listening server and the requests it got, head and body."""

    port: int
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0

    def headers(self, index: int = 0) -> dict[str, str]:
        lines = self.requests[index][0].split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


@asynccontextmanager
async def http_server(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Reads one request on each connection, runs `script`, hangs up; leaves no connection behind."""
    server = Server(0)
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip()
                length = head.lower().partition("content-length:")[2].split("\r\n")[0]
                server.requests.append((head, await reader.readexactly(int(length or 0))))
                await script(writer)
                await writer.drain()
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        serving.add(task)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        _, slow = await asyncio.wait(serving, timeout=0.1) if serving else (set(), set())
        for task in slow:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def answer(status: str, body: bytes = b"", *headers: str) -> Script:
    """A whole answer: `answer("200 OK", b"fine", "X-Color: red")`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return bytes_of("\r\n".join(lines).encode() + body)


def bytes_of(content: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(content)

    return script


def dripping(first: bytes, drop: bytes, pause_seconds: float = 0.02) -> Script:
    """`first`, then `drop` again and again until the client has enough."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not writer.is_closing():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(pause_seconds)

    return script


async def silence(writer: asyncio.StreamWriter) -> None:
    """Never answers: longer than any test's limit, shorter than a test run."""
    await asyncio.sleep(2)


async def free_port() -> int:
    """A port of loopback on which nobody listens."""
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with listening:
        port: int = listening.sockets[0].getsockname()[1]
    return port


@dataclass
class Authority:
    """A certificate authority of our own, and servers' certificates from it."""

    made: trustme.CA = field(default_factory=trustme.CA)

    @property
    def pem(self) -> str:
        return self.made.cert_pem.bytes().decode()

    def server_tls(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.made.issue_cert(*names).configure_cert(context)
        return context


class Names:
    """A resolver that answers from a table and counts: a list of answers is given out one after another."""

    def __init__(self, **table: Sequence[str]) -> None:
        self.table = {name.replace("_", "."): list(answers) for name, answers in table.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self.table.get(host)
        if answers is None:
            raise OSError("Name or service not known")
        # "a b" is one answer with two addresses; the last answer stays.
        return (answers.pop(0) if len(answers) > 1 else answers[0]).split()
