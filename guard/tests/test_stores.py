"""What every object store promises, on local files, in memory, and on a real S3 server (OpenStack Swift)."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from guard.tests import swift
from guard.tests.conftest import S3_SERVERS
from guard.tests.moto import moto_store
from guard.tests.swift import BUCKET, s3_store
from tocsin_guard import (
    Changed,
    Conditional,
    Expect,
    Guard,
    LocalFiles,
    NotFound,
    ObjectStore,
    Rejected,
    Unavailable,
    memory,
    s3,
)


@pytest.fixture(params=["local", "memory", *S3_SERVERS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    makers: dict[str, Callable[[], ObjectStore]] = {
        "local": lambda: LocalFiles(tmp_path / "store"),
        "memory": memory,
        "swift": lambda: s3_store(request.getfixturevalue("s3_server")),
        "moto": lambda: moto_store(request.getfixturevalue("moto_server")),
    }
    return makers[str(request.param)]()


@pytest.mark.parametrize(
    "key", ["plain", "folder/list.csv", "a b+c#d%e~f&g=h.csv", "ünï/çødé.csv", ".hidden", "x" * 150]
)
async def test_an_object_comes_back_with_its_attributes(store: ObjectStore, key: str) -> None:
    etag = await store.put(key, b"one,two\n", {"guard-sha256": "abc", "Content-Type": "text/csv"})
    opened = await store.get(key)
    assert await opened.read() == b"one,two\n"
    assert (opened.info.key, opened.info.size, opened.info.etag) == (key, 8, etag)
    assert opened.info.attributes["guard-sha256"] == "abc"
    assert opened.info.attributes["Content-Type"] == "text/csv"
    head = await store.head(key)
    assert (head.size, head.etag, head.attributes["guard-sha256"]) == (8, etag, "abc")
    await store.delete(key)
    with pytest.raises(NotFound):
        await store.head(key)
    with pytest.raises(NotFound):
        await store.get(key)
    await store.delete(key)


@pytest.mark.parametrize(
    ("start", "length"), [(0, 3), (2, 3), (5, None), (0, None), (8, 100), (10, None), (15, 3)]
)
async def test_a_part_is_read(store: ObjectStore, start: int, length: int | None) -> None:
    await store.put("part", b"0123456789", {})
    end = None if length is None else start + length
    assert await (await store.get("part", start, length)).read() == b"0123456789"[start:end]
    await store.delete("part")


async def test_an_object_without_bytes_is_one(store: ObjectStore) -> None:
    await store.put("empty", b"", {"guard-sha256": "abc"})
    opened = await store.get("empty")
    assert (await opened.read(), opened.info.size, opened.info.attributes["guard-sha256"]) == (b"", 0, "abc")
    assert await (await store.get("empty", 0, 3)).read() == b""
    assert [i.size async for i in store.list() if i.key == "empty"] == [0]
    await store.delete("empty")


async def test_a_large_file_passes_in_pieces(store: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "large"
    data = os.urandom(1 << 20) * 12
    path.write_bytes(data)
    await store.put("large", path, {"guard-sha256": "x"})
    opened = await store.get("large")
    assert opened.info.size == len(data)
    digest, most = hashlib.sha256(), 0
    async for chunk in opened.chunks:
        digest.update(chunk)
        most = max(most, len(chunk))
    assert digest.digest() == hashlib.sha256(data).digest()
    assert most < len(data) or isinstance(getattr(store, "store", None), MemoryStore)
    assert (await store.head("large")).attributes["guard-sha256"] == "x"
    await store.delete("large")


async def test_who_reads_slowly_gets_a_large_object_whole(s3_server: swift.Swift) -> None:
    """The time-out is for a request with its whole answer, not for a download."""
    store, data = s3_store(s3_server, timeout_seconds=1), os.urandom(1 << 20) * 30
    await s3_store(s3_server).put("slow", data, {})
    digest = hashlib.sha256()
    async for chunk in (await store.get("slow", 5)).chunks:
        digest.update(chunk)
        await asyncio.sleep(0.4)
    assert digest.digest() == hashlib.sha256(data[5:]).digest()
    await store.delete("slow")


async def test_a_large_object_that_is_written_anew_while_it_is_read_breaks_off(
    s3_server: swift.Swift,
) -> None:
    store = s3_store(s3_server)
    await store.put("anew", b"1" * 10_000_000, {})
    chunks = (await store.get("anew")).chunks
    await anext(chunks)
    await store.put("anew", b"2" * 10_000_000, {})
    with pytest.raises(Unavailable) as broken:
        await anext(chunks)
    assert str(broken.value) == "anew was written anew while it was read."
    await store.delete("anew")


async def test_a_listing_is_of_a_folder(store: ObjectStore) -> None:
    for key in ("f/a", "f/b/c", "fa", "g"):
        await store.put(key, b"x", {})
    assert {i.key for i in [i async for i in store.list("f")]} == {"f/a", "f/b/c"}
    assert {"f/a", "f/b/c", "fa", "g"} <= {i.key for i in [i async for i in store.list()]}
    assert [i.size async for i in store.list("f")] == [1, 1]
    for key in ("f/a", "f/b/c", "fa", "g"):
        await store.delete(key)
    assert [i async for i in store.list("f")] == []


async def test_conditional_writes_where_the_server_has_them(store: ObjectStore) -> None:
    first = await store.put("c", b"1", {}, Expect.ABSENT)
    with pytest.raises(Changed):
        await store.put("c", b"2", {}, Expect.ABSENT)
    await store.put("c", b"2", {}, first)
    if store.conditional is Conditional.FULL:
        with pytest.raises(Changed):
            await store.put("c", b"3", {}, first)
        assert await (await store.get("c")).read() == b"2"
    else:
        # OpenStack Swift answers 501 to If-Match; the store has learned that and wrote without the condition.
        assert store.conditional is Conditional.CREATE
    await store.delete("c")


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a\nb", "\ud800", "x" * 1025, "ü" * 600]
)
async def test_a_key_that_stores_would_take_differently_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(Rejected):
        await store.put(key, b"", {})


async def test_an_s3_server_that_is_down_is_unavailable(s3_server: swift.Swift) -> None:
    store = s3_store(s3_server, timeout_seconds=3)
    await store.put("there", b"x", {})
    s3_server.stop("proxy")
    try:
        with pytest.raises(Unavailable):
            await store.get("there")
        with pytest.raises(Unavailable):
            await store.put("there", b"y", {})
    finally:
        s3_server.start("proxy")
    assert await (await store.get("there")).read() == b"x"


async def test_a_bucket_that_is_gone_is_a_store_that_is_gone(s3_server: swift.Swift, tmp_path: Path) -> None:
    """Its 404 is no answer about a key: nothing may be called missing, deleted or refused because of it."""
    gone = s3(
        "gone",
        endpoint=s3_server.endpoint,
        region="us-east-1",
        access_key_id=swift.ACCESS,
        secret_access_key=swift.SECRET,
    )
    said = "The store did not do it: NoSuchBucket: Object at location a not found"
    with pytest.raises(Unavailable, match=said):
        await gone.get("a")
    with pytest.raises(Unavailable, match=said):
        await gone.put("a", b"x", {})
    with pytest.raises(Unavailable):
        await gone.delete("a")
    guard = Guard(tmp_path / "guard")
    files = guard.objects(gone)
    async with guard.running():
        assert (await files.put("a", b"x")).queued
        assert (await files.delete("b")).queued
        assert not (await guard.find("R2_STORAGE").check())["ok"]


async def test_wrong_credentials_count_as_a_store_that_is_gone(s3_server: swift.Swift) -> None:
    store = s3(
        BUCKET,
        endpoint=s3_server.endpoint,
        region="us-east-1",
        access_key_id=swift.ACCESS,
        secret_access_key="no",
    )
    with pytest.raises(Unavailable):
        await store.put("there", b"y", {})


async def test_a_local_file_that_is_not_ours_is_read_as_it_is(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path)
    await store.put("a/b", b"1", {})
    (tmp_path / "objects" / "c%2Fd").write_bytes(b"by hand")
    assert {i.key for i in [i async for i in store.list()]} == {"a/b", "c/d"}
    assert await (await store.get("c/d")).read() == b"by hand"
    assert (tmp_path / "objects" / "a%2Fb").read_bytes().startswith(b"1")


async def test_a_local_key_that_ends_like_a_file_in_the_making_is_as_safe_as_any(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path)
    await store.put("list.csv.part", b"mine", {})
    await store.put("list.csv", b"other", {})
    assert await (await store.get("list.csv.part")).read() == b"mine"
    assert {i.key async for i in store.list()} == {"list.csv", "list.csv.part"}


async def test_a_local_object_that_is_replaced_while_it_is_read_stays_whole(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path)
    old, new = b"o" * 3_000_000, b"n" * 3_000_000
    await store.put("k", old, {})
    opened = await store.get("k")
    await store.put("k", new, {})
    await store.delete("k")
    assert await opened.read() == old
