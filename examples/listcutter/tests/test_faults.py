"""Each fault does what it says, inside the process and on a proxy between processes, from a seed."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.listcutter.tests.support import PEOPLE, running, wait
from faults import __main__ as command
from faults.control import Control
from faults.links import FaultyStore, faulty_send
from faults.proxy import proxying
from faults.rules import End, Faults, Malformed, Wish, read_wish
from guard.tests.servers import served
from tocsin_guard import CloudStore, LocalFiles, Unavailable

KEYS = [f"lists/{n:04}/a.csv" for n in range(400)]


def ends(faults: Faults, keys: list[str]) -> list[End]:
    return [faults.judge(key, data=True).end for key in keys]


def test_the_same_seed_gives_the_same_faults_and_another_seed_others() -> None:
    wish = Wish(error_rate=0.3, drop_rate=0.2, corrupt_rate=0.5)
    first, again, other = (Faults(seed, wish) for seed in (1, 1, 2))
    assert ends(first, KEYS) == ends(again, KEYS) != ends(other, KEYS)
    assert [first.corrupts(k) for k in KEYS] == [again.corrupts(k) for k in KEYS]
    assert 90 <= first.counts["error"] <= 150
    assert 30 <= first.counts["drop"] <= 85
    assert 160 <= sum(map(first.corrupts, KEYS)) <= 240


def test_faults_hit_only_the_keys_of_their_range() -> None:
    faults = Faults(0, Wish(outage=True, keys_from="lists/01", keys_to="lists/02"))
    hit = [key for key, end in zip(KEYS, ends(faults, KEYS), strict=True) if end is End.OUTAGE]
    assert hit == KEYS[100:200]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"error_rat": 1}, "There is no fault 'error_rat'; there are outage, latency_seconds, error_rate,"),
        ({"error_rate": 2}, "error_rate is a share from 0 to 1; not 2.0."),
        ({"outage": 1}, "outage is bool; not 1."),
        ({"error_rate": True}, "error_rate is a number; not True."),
        ({"latency_seconds": 900}, "latency_seconds is from 0 to 300; not 900.0."),
        ([], 'Say what is to go wrong, such as {"outage": true}.'),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_a_sentence(given: Any, said: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_wish(given)
    assert str(refused.value).startswith(said)


async def stored(folder: Path, faults: Faults) -> FaultyStore:
    store = FaultyStore(LocalFiles(folder), faults)
    await store.put("lists/1", PEOPLE, {})
    return store


async def test_a_link_inside_the_process(tmp_path: Path) -> None:
    faults = Faults()
    store = await stored(tmp_path, faults)
    for wish, said in (
        (Wish(outage=True), "drill: the store does not answer"),
        (Wish(error_rate=1), "drill: the store answered 503"),
    ):
        faults.want(wish)
        with pytest.raises(Unavailable, match=said):
            await store.head("lists/1")
        with pytest.raises(Unavailable, match=said):
            _ = [one async for one in store.list("lists")]
        with pytest.raises(Unavailable, match=said):
            await store.delete("lists/1")
    faults.want(Wish(drop_rate=1))
    chunks = (await store.get("lists/1")).chunks
    assert await anext(chunks) == PEOPLE[: len(PEOPLE) // 2]
    with pytest.raises(Unavailable, match="drill: the connection broke"):
        await anext(chunks)
    with pytest.raises(Unavailable, match="drill: the connection broke"):
        await store.put("lists/2", b"x", {})
    faults.want(Wish(latency_seconds=0.1))
    began = time.monotonic()
    assert await (await store.get("lists/2")).read() == b"x", "it was written, and the answer was lost"
    assert time.monotonic() - began > 0.08


async def test_corrupt_bytes_are_the_same_ones_each_time_and_a_write_heals(tmp_path: Path) -> None:
    faults = Faults(5)
    store = await stored(tmp_path, faults)
    faults.want(Wish(corrupt_rate=1))
    read = await (await store.get("lists/1")).read()
    wrong = [n for n, (a, b) in enumerate(zip(PEOPLE, read, strict=True)) if a != b]
    assert len(wrong) == 1
    assert await (await store.get("lists/1")).read() == read
    assert await (await store.get("lists/1", wrong[0], 1)).read() == read[wrong[0] : wrong[0] + 1]
    assert await (await store.get("lists/1", wrong[0] + 1)).read() == PEOPLE[wrong[0] + 1 :]
    await store.put("lists/1", PEOPLE, {})
    assert await (await store.get("lists/1")).read() == PEOPLE


async def test_a_push_that_is_cut_off_raises_and_one_that_is_refused_says_so() -> None:
    async def send(url: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        return 202, b""

    faults = Faults()
    through = faulty_send(faults, send)
    assert await through("http://pager.example/x", {}, b"") == (202, b"")
    faults.want(Wish(error_rate=1))
    assert (await through("http://pager.example/x", {}, b""))[0] == 503
    faults.want(Wish(outage=True))
    with pytest.raises(Unavailable, match=r"drill: pager\.example cannot be reached"):
        await through("http://pager.example/x", {}, b"")


@contextmanager
def upstream() -> Iterator[str]:
    """Answers every GET with 100,000 bytes, and every PUT with the number of bytes it took."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        taken, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            taken += len(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"a" * 100_000 if scope["method"] == "GET" else str(taken).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    with served(app) as address:
        yield address


async def test_a_proxy_between_processes() -> None:
    faults = Faults(1)
    with upstream() as to:
        async with proxying(to, faults) as address, httpx.AsyncClient(base_url=address) as client:
            at = "/bucket/lists/1"
            assert (await client.get(at)).content == b"a" * 100_000
            assert (await client.put(at, content=b"x" * 300_000)).text == "300000"
            faults.want(Wish(outage=True))
            with pytest.raises(httpx.TransportError):
                await client.get(at)
            faults.want(Wish(error_rate=1))
            refused = await client.put(at, content=b"x" * 300_000)
            assert (refused.status_code, b"<Code>ServiceUnavailable</Code>" in refused.content) == (503, True)
            faults.want(Wish(drop_rate=1))
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(at)
            with pytest.raises(httpx.TransportError):
                await client.put(at, content=b"x" * 300_000)
            faults.want(Wish(corrupt_rate=1))
            read = (await client.get(at)).content
            assert len(read) == 100_000
            assert len(read) - read.count(b"a") == 1
            await client.put(at, content=b"x")
            assert (await client.get(at)).content == b"a" * 100_000
            faults.want(Wish(latency_seconds=0.2))
            began = time.monotonic()
            await client.get(at)
            assert time.monotonic() - began > 0.15
            faults.want(Wish(outage=True, keys_from="lists/5"))
            assert (await client.get(at)).status_code == 200
            with pytest.raises(httpx.TransportError):
                await client.get("/bucket/lists/6")


def test_the_command_steers_over_http(capsys: pytest.CaptureFixture[str]) -> None:
    links = {"storage": Faults(7), "push": Faults()}
    with served(Control(links)) as address:
        port = ["--control", address.rsplit(":", 1)[1]]
        assert command.main([*port, "set", "storage", "outage=true", "keys_to=lists/5"]) == 0
        assert links["storage"].wish == Wish(outage=True, keys_to="lists/5")
        assert json.loads(capsys.readouterr().out)["storage"]["seed"] == 7
        assert command.main([*port, "scenario", "communication"]) == 0
        assert (links["storage"].wish, links["push"].wish) == (Wish(), Wish(outage=True))
        assert command.main([*port, "show"]) == 0
        assert command.main([*port, "clear"]) == 0
        assert links["push"].wish == Wish()
        capsys.readouterr()
        assert command.main([*port, "set", "mail", "outage=true"]) == 2
        assert capsys.readouterr().err == "There is no link 'mail' here; there are storage, push.\n"
        assert command.main([*port, "set", "push", "outage=yes"]) == 2
        assert capsys.readouterr().err == "outage is bool; not 'yes'.\n"
        refused = httpx.post(f"{address}/faults/push", json={})
        assert (refused.status_code, refused.json()["detail"]) == (
            400,
            "Ask GET /faults, PUT /faults/{link}, PUT /scenarios/{name} or DELETE /faults.",
        )
    assert command.main([*port, "show"]) == 2
    assert "Start it first." in capsys.readouterr().err
    assert command.main([*port, "serve", "--link", "storage"]) == 2
    assert capsys.readouterr().err.startswith("A link is NAME=PORT:URL")


def test_on_a_real_s3_server_through_the_proxy(s3_bucket: "partial[CloudStore]", tmp_path: Path) -> None:
    """Signatures stay valid, each fault reaches guard, and the damage that the proxy does is found."""
    faults, loop = Faults(3), asyncio.new_event_loop()
    with _proxy(loop, s3_bucket.keywords["endpoint"], faults) as address:
        store = s3_bucket(endpoint=address, timeout_seconds=5)
        with running(tmp_path, store, backup=LocalFiles(tmp_path / "backup")) as user:
            large = b"n,text\n" + b"".join(b"%d,%090d\n" % (n, n) for n in range(120_000))
            ids = [user.id_of(name=f"{n}.csv") for n in range(4)]
            big = user.id_of(large, "big.csv")
            assert user.http.get(f"/api/lists/{big}/download").content == large
            made = user.cut(big, rows_per_part=60_000)
            assert "".join(t.split("\n", 1)[1] for t in user.parts(made)) == large.decode().split("\n", 1)[1]
            assert user.http.get(f"/api/lists/{big}/rows?page=2400").json()["last"] == 120_000
            user.act("/api/backup/create", type="full", wait=20)
            faults.want(Wish(corrupt_rate=1, keys_from="lists/", keys_to="lists0"))
            report = user.act("/api/files/integrity-check", wait=25)
            assert report["corrupt_count"] == report["total"] == 2 * 5 + 3
            assert user.http.get(f"/api/lists/{ids[0]}/download").content == PEOPLE, "small ones from a copy"
            faults.want(Wish(outage=True))
            answer = user.upload(name="later.csv")
            assert answer.status_code == 202
            assert user.http.get(f"/api/lists/{ids[1]}/download").content == PEOPLE
            faults.want(Wish())
            wait(lambda: user.http.get("/api/state").json() == {"storage": "well", "queued": 0, "said": ""})
            assert user.act("/api/files/integrity-check", wait=25)["ok"]
            faults.want(Wish(error_rate=1))
            assert user.http.delete(f"/api/lists/{big}").json()["queued"]
            faults.want(Wish())
            wait(lambda: user.http.get("/api/state").json()["queued"] == 0)
            assert user.http.delete(f"/api/lists/{ids[0]}").json() == {"deleted": ids[0], "queued": False}
            assert store.deletes_versions
            report = user.act("/api/files/integrity-check", wait=25)
            assert (report["ok"], report["stray_count"]) == (True, 0)


@contextmanager
def _proxy(loop: asyncio.AbstractEventLoop, to: str, faults: Faults) -> Iterator[str]:
    """A proxy on a loop of its own, in a thread."""
    started, address, stop = threading.Event(), [""], asyncio.Event()

    async def run() -> None:
        async with proxying(to, faults) as at:
            address[0] = at
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert started.wait(10)
        yield address[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
