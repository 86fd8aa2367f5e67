"""What leaves the service: signed webhooks that a stranger's library verifies, pages, retries, the
users' stream.
"""

import asyncio
import base64
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from guard.tests.servers import served
from guard.tests.support import World, world
from tocsin_guard import Malformed, Pager, Refused, Settings, Unavailable, Unknown, Webhook, users_stream
from tocsin_guard.operations import State
from tocsin_guard.push import send_http

SECRET = "whsec_" + base64.b64encode(os.urandom(24)).decode()
OLD = "whsec_" + base64.b64encode(os.urandom(32)).decode()
HOOK = Webhook("team", "https://hooks.example/team", (SECRET, OLD))
PAGER = Pager("https://tocsin.example/v2/enqueue", "R" * 32, "listcutter")


async def bring_down(w: World) -> None:
    w.store.down = True
    for n in range(5):
        await w.files.put(f"k{n}", b"1")


def pages(w: World) -> list[tuple[str, str, str]]:
    bodies = [json.loads(body) for url, _, body in w.sent if url == PAGER.url]
    return [(b["event_action"], b["dedup_key"], b.get("payload", {}).get("severity", "")) for b in bodies]


async def test_a_broadcast_reaches_the_team_signed_by_the_standard(
    tmp_path: Path,
) -> None:
    w = world(tmp_path / "guard", webhooks=[HOOK])
    w.clock.advance(time.time() - w.clock.now())
    async with w.guard.running():
        await w.guard.broadcasts.send("INCIDENT_DETECTED", "Uploads are late", "HIGH", "response_team", "ana")
        await w.guard.broadcasts.send("SERVICE_DEGRADED", "For users only", "LOW", "users", "ana")
        await w.pass_time(1)
    assert len(w.sent) == 1, "users' messages are not the team's"
    url, headers, body = w.sent[0]
    assert url == HOOK.url
    for secret in (SECRET, OLD):
        data = Verifier(secret).verify(body, dict(headers))
        assert data["data"]["message"] == "Uploads are late"
    with pytest.raises(Exception, match="No matching signature"):
        Verifier(SECRET).verify(body + b" ", dict(headers))


async def test_an_outage_pages_once_gets_worse_and_resolves(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", pagers=[PAGER], settings=Settings(retry_seconds=0))
    async with w.guard.running():
        await bring_down(w)
        await w.pass_time(700, step=10)
        w.store.down = False
        await w.pass_time(120, step=10)
    key = "listcutter/R2_STORAGE/breaker"
    assert [p for p in pages(w) if p[1] == key] == [
        ("trigger", key, "error"),
        ("trigger", key, "critical"),
        ("resolve", key, ""),
    ]
    body = json.loads(next(body for _, _, body in w.sent))
    assert body["routing_key"] == "R" * 32
    details = body["payload"]["custom_details"]
    assert (details["service"], details["circuit_breaker"], details["event"]) == (
        "R2_STORAGE",
        "OPEN",
        "breaker_open",
    )
    assert body["payload"]["timestamp"].endswith("Z")


async def test_by_hand_degraded_mode_damage_and_failed_work_are_paged(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", pagers=[PAGER], settings=Settings(retry_seconds=0))
    async with w.guard.running():
        await w.guard.find("R2_STORAGE").degrade("test", "ana")
        await w.guard.find("R2_STORAGE").restore("ana", "")
        await w.files.put("k", b"1")
        await w.store.inner.delete("k")
        w.guard.integrity["R2_STORAGE"].begin()
        await w.guard.integrity["R2_STORAGE"].ended()
        await w.pass_time(2)
    # Order is kept under one key; different keys go side by side.
    told = [(key.split("/", 1)[1], action) for action, key, _ in pages(w)]
    assert [t for t in told if t[0] == "R2_STORAGE/degraded"] == [
        ("R2_STORAGE/degraded", "trigger"),
        ("R2_STORAGE/degraded", "resolve"),
    ]
    assert ("R2_STORAGE/integrity", "trigger") in told
    assert len(told) == 3


async def test_what_a_person_did_is_paged_even_if_they_are_gone_before_it_is_on_the_disk(
    tmp_path: Path,
) -> None:
    w = world(tmp_path / "guard", pagers=[PAGER])
    async with w.guard.running():
        asking = asyncio.create_task(w.guard.find("R2_STORAGE").degrade("drill", "ana"))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await w.pass_time(2)
        assert w.guard.find("R2_STORAGE").held
        assert pages(w) == [("trigger", "listcutter/R2_STORAGE/degraded", "warning")]


async def test_thresholds_on_live_figures_page_and_come_back(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", pagers=[PAGER])
    async with w.guard.running():
        for n in range(100):
            w.guard.metrics.record("R2_STORAGE", "read", 0.01, failed=n % 10 == 0)
        await w.pass_time(2)
        for _ in range(300):
            w.guard.metrics.record("R2_STORAGE", "read", 20.0, failed=False)
        await w.pass_time(2)
        await w.pass_time(600, step=60)
    told = [(action, key.rsplit("/", 1)[-1], severity) for action, key, severity in pages(w)]
    assert told == [
        ("trigger", "error_rate_elevated", "warning"),
        ("resolve", "error_rate_elevated", ""),
        ("trigger", "response_time_high", "error"),
        ("resolve", "response_time_high", ""),
    ]


async def test_a_receiver_that_is_down_is_tried_again_in_order_also_after_a_restart(tmp_path: Path) -> None:
    got: list[str] = []
    answers = [503, 429, 202]

    async def send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        status = answers.pop(0) if len(answers) > 1 else answers[0]
        if status == 202:
            got.append(json.loads(body)["event_action"])
        return status, b""

    w = world(tmp_path / "guard", pagers=[PAGER], send=send)
    async with w.guard.running():
        await w.guard.find("R2_STORAGE").degrade("x", "ana")
        await w.guard.find("R2_STORAGE").restore("ana", "")
        await w.pass_time(1)
        assert got == []
    again = world(tmp_path / "guard", pagers=[PAGER], send=send)
    async with again.guard.running():
        await again.pass_time(60, step=2)
    assert got == ["trigger", "resolve"]


async def test_a_receiver_that_refuses_does_not_block_what_comes_after(tmp_path: Path) -> None:
    async def send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        return 400, b"no such key"

    w = world(tmp_path / "guard", pagers=[PAGER], send=send)
    async with w.guard.running():
        await w.guard.find("R2_STORAGE").degrade("x", "ana")
        await w.pass_time(3)
        failed = [e.message for e in w.guard.events.select(10) if e.type == "push_failed"]
        assert failed == [
            "deliver of R2_STORAGE/degraded for PUSH:pager failed: "
            "pager refused the message with 400: no such key. It was given up."
        ]
        assert not w.guard.queue.book.waiting


async def test_no_secret_of_a_receiver_is_shown(tmp_path: Path) -> None:
    async def send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        return 400, b"no such routing key: " + PAGER.routing_key.encode()

    w = world(tmp_path / "guard", pagers=[PAGER], send=send, settings=Settings(retry_seconds=0))
    async with w.guard.running():
        await w.guard.find("R2_STORAGE").degrade("drill", "ana")
        await w.pass_time(2)
        failed = next(w.guard.events.select(1, type="push_failed"))
        assert "pager refused the message with 400: no such routing key: ...." in failed.message
    assert PAGER.routing_key not in repr(PAGER)
    assert SECRET not in repr(HOOK)


async def test_a_full_disk_still_pages(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", pagers=[PAGER], reserve_bytes=1 << 60)
    async with w.guard.running():
        await w.pass_time(1)
        await asyncio.sleep(0.05)
    assert ("trigger", "listcutter/guard/disk", "critical") in pages(w)


async def test_real_http_is_spoken_and_redirects_are_not_followed() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        message = await receive()
        seen.append((scope["method"], scope["path"], scope["query_string"], message["body"]))
        status = 302 if scope["path"] == "/moved" else 202
        headers = [(b"location", b"/elsewhere"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    with served(app) as url:
        assert await send_http(f"{url}/in?x=1", {"X-A": "b"}, b"body") == (202, b"{}")
        assert (await send_http(f"{url}/moved", {}, b""))[0] == 302
    assert seen == [("POST", "/in", b"x=1", b"body"), ("POST", "/moved", b"", b"")]
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 did not answer"):
        await send_http("http://127.0.0.1:9/", {}, b"")


@pytest.mark.parametrize("url", ["ftp://x/", "//x", "https://user@x/", "https://"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match=r"not an http\(s\) address"):
        Pager(url, "R" * 32, "x")


@pytest.mark.parametrize("secret", ["", "plain", "whsec_", "whsec_AAAA", "whsec_???"])
def test_a_weak_webhook_secret_is_refused_at_the_start(secret: str) -> None:
    with pytest.raises(ValueError, match="A webhook secret is 'whsec_'"):
        Webhook("x", "https://x/", (secret,))


async def test_the_users_stream_tells_what_is_open_what_comes_and_what_ends(
    tmp_path: Path,
) -> None:
    w = world(tmp_path / "guard")
    async with w.guard.running():
        send = w.guard.broadcasts.send
        await send("SERVICE_DEGRADED", "Uploads may be delayed", "MEDIUM", "users", "ana")
        await send("INCIDENT_DETECTED", "secret", "HIGH", "response_team", "ana")
        stream = w.guard.broadcasts.stream(w.guard.broadcasts.listen("users"))
        assert (await anext(stream)).startswith(b"retry")
        first = await anext(stream)
        assert b"Uploads may be delayed" in first
        assert first.startswith(b"id: 1\nevent: broadcast\ndata: {")
        await send("SERVICE_RESTORED", "All is well", "INFO", "all", "ana")
        cleared, restored = await anext(stream), await anext(stream)
        assert b"event: cleared" in cleared
        assert b"All is well" in restored
        await stream.aclose()
        assert [b.type for b in w.guard.broadcasts.active()] == ["SERVICE_RESTORED"]
        with pytest.raises(Refused, match="Broadcast 1 has been cleared before"):
            w.guard.broadcasts.clear(1)
        with pytest.raises(Unknown):
            w.guard.broadcasts.clear(77)
        for wrong in (
            ("", "m", "INFO", "all"),
            ("T", " ", "INFO", "all"),
            ("T", "m", "BAD", "all"),
            ("T", "m", "LOW", "a b"),
        ):
            with pytest.raises(Malformed):
                await send(*wrong, "ana")
        assert w.guard.queue.book.total(State.QUEUED) == 0


async def test_a_browser_gets_the_stream_over_http(tmp_path: Path) -> None:
    from tocsin_guard import Guard

    guard = Guard(tmp_path / "guard")
    inner = users_stream(guard)
    with served(guard.around(inner)) as url:
        curl = await asyncio.create_subprocess_exec(
            "curl", "-sN", "--max-time", "5", f"{url}/messages", stdout=asyncio.subprocess.PIPE
        )
        assert curl.stdout is not None
        assert await curl.stdout.readline() == b"retry: 5000\n"
        curl.terminate()
        await curl.wait()
