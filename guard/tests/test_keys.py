"""Keys: what no store could ever take is refused at the door, also while writes are queued."""

from pathlib import Path

import pytest

from guard.tests.support import world
from tocsin_guard import LocalFiles, Rejected, Settings

FAST = Settings(retry_seconds=0.0)

TOO_LONG = [
    ("x" * 241, "percent-encoded it has 241 bytes, and a file name may have 240."),
    ("ü" * 41, "percent-encoded it has 246 bytes, and a file name may have 240."),
    ("a/" * 60 + "b", "percent-encoded it has 241 bytes, and a file name may have 240."),
]


@pytest.mark.parametrize("held", [False, True], ids=["at once", "queued"])
@pytest.mark.parametrize(("key", "said"), TOO_LONG)
async def test_a_key_that_the_store_can_never_take_is_refused_at_the_door(
    tmp_path: Path, key: str, said: str, held: bool
) -> None:
    """Else it would be called queued, and fail when it is applied."""
    w = world(tmp_path / "guard", store=LocalFiles(tmp_path / "store"), settings=FAST)
    async with w.guard.running():
        if held:
            await w.guard.find("R2_STORAGE").degrade("x", "ana")
        for ask in (w.files.put(key, b"1"), w.files.put(key, b"1" * 100_000), w.files.delete(key)):
            with pytest.raises(Rejected) as refused:
                await ask
            assert str(refused.value) == f"The key {key[:40]!r}... is too long for local files: {said}"
        assert not w.guard.queue.book.waiting
        longest = "x" * 240
        await w.files.put(longest, b"1")
        await w.guard.find("R2_STORAGE").force_recovery("ana", "")
        await w.pass_time(5)
        assert await (await w.store.inner.get(longest)).read() == b"1"


async def test_a_path_that_is_too_long_as_a_whole_is_refused_at_the_door(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["f" * 200] * 20)
    w = world(tmp_path / "guard", store=LocalFiles(folder))
    size = len(str(folder / "objects")) + 101
    with pytest.raises(Rejected) as refused:
        await w.files.put("k" * 100, b"1")
    assert str(refused.value) == (
        f"The key {'k' * 40!r}... is too long for local files: with the folder its path has {size} bytes, "
        "and a path may have 4080."
    )


UNFIT = ["text/plain; name=ü", "a\nb", "\x7f", " text/csv", "x" * 201]


@pytest.mark.parametrize("word", UNFIT)
async def test_what_no_header_can_carry_is_refused_at_the_door(tmp_path: Path, word: str) -> None:
    """S3 took the first and never gave the object back; the long one opened the breaker for everybody."""
    w = world(tmp_path / "guard", store=LocalFiles(tmp_path / "store"), settings=FAST)
    said = f" {word[:40]!r} is not up to 200 printable ASCII characters without a blank at either end."
    async with w.guard.running():
        for what, ask in (
            ("content type", w.files.put("k", b"1", content_type=word)),
            ("idempotency key", w.files.put("k", b"1", idempotency_key=word)),
            ("idempotency key", w.files.delete("k", idempotency_key=word)),
        ):
            with pytest.raises(Rejected) as refused:
                await ask
            assert str(refused.value) == f"The {what}{said}"
        longest = "x" * 200
        await w.files.put("k", b"1", content_type=longest, idempotency_key=longest)
        read = await w.files.get("k")
        assert (read.source, read.content_type, await read.read()) == ("store", longest, b"1")
