"""Receivers that hang, and listeners: nobody else waits for them."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from guard.tests.support import ADMIN, LocalFiles, world
from tocsin_guard import Unavailable, Webhook, limits
from tocsin_guard.errors import DiskFull
from tocsin_guard.push import send_http

SECRET = "whsec_" + "A" * 32


@pytest.fixture
def silent() -> Iterator[str]:
    """Takes every connection and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/in"


async def test_receivers_that_hang_take_no_thread_from_the_files(
    tmp_path: Path, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PUSH_TIMEOUT_SECONDS", 5.0)
    hooks = [Webhook(f"hook{n}", silent, (SECRET,)) for n in range(40)]
    w = world(tmp_path / "guard", store=LocalFiles(tmp_path / "store"), webhooks=hooks, send=send_http)
    async with w.guard.running():
        await w.guard.broadcasts.send("T", "m", "INFO", "all", "ana")
        await w.guard.pushes.settled()
        w.guard.tick()
        await asyncio.sleep(0.3)
        started = time.monotonic()
        assert not (await w.files.put("k", b"1")).queued
        assert time.monotonic() - started < 2


async def test_who_answers_a_byte_at_a_time_is_late_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PUSH_TIMEOUT_SECONDS", 0.5)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            for _ in range(30):
                writer.write(b"H")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()
        over.set()

    over = asyncio.Event()
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        started = time.monotonic()
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1 did not answer within 0\.5 s\."):
            await send_http(f"http://127.0.0.1:{port}/", {}, b"")
        assert time.monotonic() - started < 1.4
        await over.wait()


async def test_a_broadcast_waits_for_no_receiver_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0

    async def down(*_: Any) -> tuple[int, bytes]:
        nonlocal tried
        tried += 1
        raise Unavailable("down")

    async def full(*_: Any, **__: Any) -> None:
        raise DiskFull("full")

    w = world(tmp_path / "guard", webhooks=[Webhook("team", "http://x/", (SECRET,))], send=down)
    async with w.guard.running():
        monkeypatch.setattr(w.guard.queue, "add", full)
        await w.guard.broadcasts.send("T", "m", "INFO", "all", "ana")
        await asyncio.wait_for(w.guard.pushes.settled(), 5)
        await asyncio.sleep(0)
        assert tried == 1
        w.clock.advance(6)
        await asyncio.sleep(0.01)
        assert tried == 2


@pytest.mark.parametrize("path", ["/health", "/metrics", "/health/notifications/stream"])
async def test_who_asks_for_the_head_alone_gets_it_and_no_endless_stream(tmp_path: Path, path: str) -> None:
    w = world(tmp_path / "guard")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.sleep(60)

    scope = {
        "type": "http",
        "method": "HEAD",
        "path": path,
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {ADMIN}".encode())],
    }
    async with w.guard.running():
        await asyncio.wait_for(w.guard.app(scope, receive, send), 5)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"")
