"""Streams of broadcasts over real connections: many who read, some who never do, too many, and the end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from guard.tests.support import ADMIN, READER, TOKENS
from tocsin_guard import Guard, limits, users_stream

ROOT = Path(__file__).resolve().parents[2]
READ = (
    f"GET /health/notifications/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {READER}\r\n\r\n".encode()
)
BUFFER_BYTES = 16 * 1024  # of each socket, so that few bytes fill it


@contextmanager
def service(folder: Path, *, wrapped: bool = False) -> Iterator[tuple[Guard, Any]]:
    """guard on uvicorn in a thread, alone or around the stream for users; gives the server too."""
    guard = Guard(folder, tokens=TOKENS, reserve_bytes=0)
    app = guard.around(users_stream(guard)) if wrapped else guard.app
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield guard, server
        finally:
            server.should_exit = True
            thread.join(20)


def port_of(server: Any) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@asynccontextmanager
async def told(server: Any) -> AsyncIterator[Callable[[int], Any]]:
    """Send broadcast number n, which is long."""
    at = f"http://127.0.0.1:{port_of(server)}"
    async with httpx.AsyncClient(base_url=at, headers={"Authorization": f"Bearer {ADMIN}"}) as http:

        async def tell(number: int) -> None:
            message = f"{number:04}".ljust(limits.MESSAGE_CHARACTERS_MAX, ".")
            body = {"type": "NEWS", "message": message, "target": "users"}
            (await http.post("/health/notifications/broadcast", json=body)).raise_for_status()

        yield tell


async def connected(server: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port_of(server)))
    reader, writer = await asyncio.open_connection(sock=raw, limit=BUFFER_BYTES)
    writer.write(READ)
    return reader, writer


async def numbers(reader: asyncio.StreamReader, until: int) -> list[int]:
    """Which broadcasts came, up to one."""
    found: list[int] = []
    while not found or found[-1] != until:
        line = await reader.readline()
        assert line, f"the stream ended after {found[-3:]}"
        if line.startswith(b"data: "):
            found.append(int(line.split(b'"message":"', 1)[1][:4]))
    return found


async def until(done: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not done():  # noqa: ASYNC110 - what is waited for happens on another thread's loop
            await asyncio.sleep(0.02)


async def test_hundreds_read_and_some_never_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SUBSCRIBER_BACKLOG_MAX", 40)
    monkeypatch.setattr(limits, "SSE_END_SECONDS", 0.5)
    fast, stuck, messages = 200, 40, 120
    with service(tmp_path) as (guard, server):
        async with told(server) as tell:
            readers = [await connected(server) for _ in range(fast)]
            silent = [await connected(server) for _ in range(stuck)]
            for _, writer in silent:
                writer.transport.pause_reading()  # type: ignore[attr-defined]  # it reads, so it can rest
            listeners = guard.broadcasts._listeners
            await until(lambda: len(listeners) == fast + stuck)
            reading = [asyncio.create_task(numbers(reader, messages - 1)) for reader, _ in readers]
            most = 0
            for n in range(messages):
                await tell(n)
                most = max(most, *(len(one.waiting) for one in tuple(listeners)))
            assert await asyncio.gather(*reading) == [list(range(messages))] * fast
            assert most <= limits.SUBSCRIBER_BACKLOG_MAX
            await until(lambda: len(listeners) == fast)
            held = [one.transport.get_write_buffer_size() for one in tuple(server.server_state.connections)]
            assert max(held) < 80 * 1024, "the server holds no more for who does not read"
            # Who reads at last finds what was on its way, and the end.
            reader, writer = silent[0]
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            late = await asyncio.wait_for(reader.read(-1), 10)
            assert late.count(b"event: broadcast") < messages
            for _, writer in (*readers, *silent):
                writer.transport.abort()
            await until(lambda: not listeners)


async def test_who_is_slow_but_reads_is_told_why_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SUBSCRIBER_BACKLOG_MAX", 3)
    with service(tmp_path) as (guard, server):
        async with told(server) as tell:
            reader, writer = await connected(server)
            await until(lambda: len(guard.broadcasts._listeners) == 1)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            for n in range(80):
                await tell(n)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            last = await asyncio.wait_for(_to_the_end(reader), 10)
            assert last == [b": too slow; what is still active comes again when you come back", b"0"]
            writer.close()


async def _to_the_end(reader: asyncio.StreamReader) -> list[bytes]:
    """The last comment, and the chunk that closes an answer which is whole."""
    lines = []
    while line := await reader.readline():
        lines.append(line.strip())
        if lines[-1] == b"0":
            break
    return [line for line in lines if line.startswith(b":") or line == b"0"][-2:]


@pytest.mark.parametrize("wrapped", [False, True], ids=["for operators", "for users"])
async def test_one_more_than_there_may_be_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    monkeypatch.setattr(limits, "SUBSCRIBERS_MAX", 2)
    with service(tmp_path, wrapped=wrapped) as (guard, server):
        open_ones = [await connected(server) for _ in range(2)]
        await until(lambda: len(guard.broadcasts._listeners) == 2)
        path = "/messages" if wrapped else "/health/notifications/stream"
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port_of(server)}") as http:
            answer = await http.get(path, headers={"Authorization": f"Bearer {READER}"})
            assert (answer.status_code, answer.json()["detail"]) == (
                503,
                "2 listen to broadcasts already, which is all there is room for; try again later.",
            )
            assert answer.headers["retry-after"] == "10"
            open_ones[0][1].transport.abort()
            await until(lambda: len(guard.broadcasts._listeners) == 1)
            async with http.stream("GET", path, headers={"Authorization": f"Bearer {READER}"}) as again:
                assert again.status_code == 200
        open_ones[1][1].transport.abort()


def test_a_server_with_open_streams_stops_when_it_is_told_to(tmp_path: Path) -> None:
    """uvicorn waits for every answer to end, and has no time-out for it here."""
    process = subprocess.Popen(
        [sys.executable, "-m", "guard.tests.streaming", str(tmp_path / "guard")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "guard" / "src")])},
    )
    assert process.stdout is not None
    with process.stdout as said:
        try:
            port = int(said.readline())
            with httpx.stream(
                "GET",
                f"http://127.0.0.1:{port}/health/notifications/stream",
                headers={"Authorization": f"Bearer {READER}"},
                timeout=20,
            ) as stream:
                lines = stream.iter_lines()
                assert next(lines) == "retry: 5000"
                process.send_signal(signal.SIGTERM)
                assert [line for line in lines if line] == [": the service stops"]
            assert process.wait(10) in (0, -signal.SIGTERM)
        finally:
            process.kill()
            process.wait()


async def test_guard_that_stops_ends_its_streams_and_has_new_ones_when_it_starts_again(
    tmp_path: Path,
) -> None:
    guard = Guard(tmp_path, tokens=TOKENS, reserve_bytes=0)
    async with guard.running():
        stream = guard.broadcasts.stream(guard.broadcasts.listen("users"))
        assert await anext(stream) == b"retry: 5000\n\n"
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
    assert await waiting == b": the service stops\n\n"
    async with guard.running():
        listener = guard.broadcasts.listen("users")
        assert not listener.end
        await guard.broadcasts.send("NEWS", "hello", "INFO", "users", "ana")
        chunks = [chunk async for chunk in _first(guard.broadcasts.stream(listener), 2)]
        assert b"hello" in chunks[1]


async def _first(chunks: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield await anext(chunks)
