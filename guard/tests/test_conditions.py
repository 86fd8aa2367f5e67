"""Conditions on S3 servers: a delete of one version on OpenStack Swift and on moto, writes with If-Match on
moto alone, and what becomes of servers that know neither."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from obstore.store import S3Store

from guard.tests import swift
from guard.tests.moto import moto_store
from guard.tests.support import Slow, SlowVersions, World, content, slow
from tocsin_guard import Changed, CloudStore, Conditional, NotFound, Unavailable, s3


@pytest.fixture
def store(s3_bucket: "partial[CloudStore]") -> CloudStore:
    """With If-Match for deletes; moto has it for writes too."""
    return s3_bucket()


async def test_a_version_is_deleted_and_no_other(store: CloudStore) -> None:
    key = "conditions/ünï %+.csv"
    old = await store.put(key, b"old", {})
    new = await store.put(key, b"new", {})
    with pytest.raises(Changed) as changed:
        await store.delete_version(key, old)
    assert str(changed.value) == f"{key} is not the version that was expected."
    assert await (await store.get(key)).read() == b"new"
    await store.delete_version(key, new)
    with pytest.raises(NotFound):
        await store.head(key)
    for version in (new, ""):
        await store.delete_version(key, version)  # nothing there is no error
    await store.put(key, b"again", {})
    with pytest.raises(Changed):
        await store.delete_version(key, "")
    await store.delete(key)
    assert store.deletes_versions


async def test_an_object_in_parts_can_be_deleted(store: CloudStore) -> None:
    """Swift compares its condition with another etag than it shows for these."""
    etag = await store.put("conditions/parts", os.urandom(12_000_000), {})
    assert etag.endswith('-3"')
    await store.delete_version("conditions/parts", etag)
    with pytest.raises(NotFound):
        await store.head("conditions/parts")
    assert store.deletes_versions


async def test_a_bucket_that_is_gone_is_no_answer_about_a_version(s3_server: swift.Swift) -> None:
    gone = s3(
        "gone",
        endpoint=s3_server.endpoint,
        region="us-east-1",
        access_key_id=swift.ACCESS,
        secret_access_key=swift.SECRET,
    )
    with pytest.raises(Unavailable) as away:
        await gone.delete_version("k", '"1"')
    assert str(away.value) == "The store did not do it: NoSuchBucket: the place of 'k' is gone."


async def test_a_delete_that_lands_late_changes_nothing(store: CloudStore, tmp_path: Path) -> None:
    given_up = SlowVersions(store)
    w = slow(tmp_path, given_up)
    async with w.guard.running():
        await w.files.put("conditions/late", b"old")
        given_up.stuck = 1
        assert not (await w.files.delete("conditions/late")).queued
        await w.files.put("conditions/late", b"newer")
        await given_up.land()
        assert await content(w, "conditions/late") == b"newer"
        await w.files.delete("conditions/late")


async def overwritten_late(w: World, given_up: Slow) -> bytes:
    await w.files.put("conditions/write", b"oldest")
    given_up.stuck = 1
    assert not (await w.files.put("conditions/write", b"given up once, then written")).queued
    await w.files.put("conditions/write", b"newer")
    await given_up.land()
    found = await content(w, "conditions/write")
    await w.files.delete("conditions/write")
    return found


async def test_an_overwrite_that_lands_late_changes_nothing(moto_server: str, tmp_path: Path) -> None:
    given_up = SlowVersions(moto_store(moto_server))
    w = slow(tmp_path, given_up)
    async with w.guard.running():
        assert await overwritten_late(w, given_up) == b"newer"
        assert given_up.conditional is Conditional.FULL


class Server(BaseHTTPRequestHandler):
    """Takes no signed address (403), and deletes by obstore's own request."""

    protocol_version = "HTTP/1.1"
    said: list[str]
    refusal = 403

    def do_DELETE(self) -> None:
        self.said.append(f"DELETE if {self.headers['If-Match']}")
        self._answer(self.refusal, b"<Error><Code>AccessDenied</Code></Error>")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.said.append("delete as it is")
        self._answer(200, b"<DeleteResult><Deleted><Key>k</Key></Deleted></DeleteResult>")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def answering(refusal: int) -> Iterator[tuple[CloudStore, list[str]]]:
    said: list[str] = []
    handler = type("Told", (Server,), {"said": said, "refusal": refusal})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            endpoint = f"http://127.0.0.1:{server.server_port}"
            yield s3("b", endpoint=endpoint, region="x", access_key_id="a", secret_access_key="s"), said
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("refusal", [400, 403, 405, 501])
async def test_a_server_that_takes_no_condition_is_asked_once_and_its_objects_are_deleted(
    refusal: int,
) -> None:
    with answering(refusal) as (store, said):
        await store.delete_version("k", '"1"')
        await store.delete_version("k", '"2"')
    assert said == ['DELETE if "1"', "delete as it is", "delete as it is"]


@pytest.mark.parametrize("refusal", [409, 429, 500, 503])
async def test_a_server_that_is_troubled_is_not_asked_to_delete_whatever_is_there(refusal: int) -> None:
    with answering(refusal) as (store, said), pytest.raises(Unavailable) as away:
        await store.delete_version("k", '"1"')
    assert str(away.value) == f"The store did not do it: 127.0.0.1 answered {refusal}."
    assert said == ['DELETE if "1"']
    assert store.deletes_versions


async def test_behind_a_proxy_that_only_obstore_uses_objects_are_deleted_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with answering(403) as (store, said):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        await store.delete_version("k", '"1"')
    assert said == ["delete as it is"]


async def test_without_a_signature_objects_are_deleted_as_they_are() -> None:
    with answering(403) as (store, said):
        assert isinstance(store.store, S3Store)
        options: Any = {"allow_http": True}
        open_to_all = S3Store(
            "b",
            endpoint=store.store.config["endpoint"],
            region="x",
            skip_signature=True,
            client_options=options,
        )
        await CloudStore(open_to_all).delete_version("k", '"1"')
    assert said == ["delete as it is"]


async def test_a_server_that_hangs_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = s3(
            "b",
            endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}",
            region="x",
            access_key_id="a",
            secret_access_key="s",
            timeout_seconds=0.5,
        )
        with pytest.raises(Unavailable) as away:
            await store.delete_version("k", '"1"')
    assert str(away.value) == "127.0.0.1 did not answer within 0.5 s."
