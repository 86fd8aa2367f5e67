"""People who decide about one failed operation in the same moment, as in an incident; and a restart."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from guard.tests.support import World, world
from tocsin_guard import Settings
from tocsin_guard.errors import Refused
from tocsin_guard.lines import encode, recover
from tocsin_guard.operations import State


def made(folder: Path) -> World:
    w = world(folder / "guard", settings=Settings(retry_seconds=0))
    mail = w.guard.dependency("MAIL", Settings(retry_seconds=0))

    @w.guard.work(mail, "send")
    async def send(payload: Any, idempotency_key: str) -> None:
        raise ValueError("bad address")

    return w


async def failed(w: World) -> int:
    operation = await w.guard.queue.add("MAIL", "send", "k", {}, idempotency_key="one")
    await w.guard.queue.drain_service("MAIL")
    assert w.guard.queue.book.get(operation.id).state is State.FAILED
    return operation.id


@pytest.mark.parametrize(
    ("names", "state"),
    [
        (("retry", "discard"), State.QUEUED),
        (("discard", "retry"), State.DISCARDED),
        (("retry", "retry"), State.QUEUED),
        (("discard", "discard"), State.DISCARDED),
    ],
)
async def test_the_second_of_two_hears_that_it_is_decided_and_a_restart_finds_what_the_first_did(
    tmp_path: Path, names: tuple[str, str], state: State
) -> None:
    w = made(tmp_path)
    async with w.guard.running():
        id, queue = await failed(w), w.guard.queue
        deeds = {"retry": lambda: queue.retry(id), "discard": lambda: queue.discard(id, "wrong")}
        first, second = await asyncio.gather(*(deeds[name]() for name in names), return_exceptions=True)
        assert not isinstance(first, BaseException)
        assert first.state is state
        assert isinstance(second, Refused)
        assert str(second) == f"Operation 1 is {state}; only a FAILED one can be retried or discarded."
        killed = w.guard.journal.path.read_bytes()
    w.guard.journal.path.write_bytes(killed)
    again = made(tmp_path)
    await again.guard.start()
    try:
        assert again.guard.queue.book.get(id).state is state
    finally:
        await again.guard.stop()


async def test_who_is_gone_has_decided_all_the_same(tmp_path: Path) -> None:
    w = made(tmp_path)
    async with w.guard.running():
        id = await failed(w)
        asking = asyncio.ensure_future(w.guard.queue.retry(id))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(Refused):
            await w.guard.queue.discard(id, "wrong")
        with pytest.raises(asyncio.CancelledError):
            await asking
        states = [r["state"] for r in recover(w.guard.journal.path).records if r["kind"] == "moved"]
        assert states == ["FAILED", "QUEUED"]


async def test_a_discard_counts_also_where_the_failure_stood_in_a_damaged_line(tmp_path: Path) -> None:
    w = made(tmp_path)
    async with w.guard.running():
        id = await failed(w)
        await w.guard.queue.discard(id, "wrong")
    path = w.guard.journal.path
    path.write_bytes(path.read_bytes().replace(b'"state":"FAILED"', b'"state":"FEILED"'))
    again = made(tmp_path)
    async with again.guard.running():
        assert again.guard.queue.book.get(id).state is State.DISCARDED


async def test_an_end_counts_also_where_the_retry_stood_in_a_damaged_line(tmp_path: Path) -> None:
    w = made(tmp_path)
    async with w.guard.running():
        id = await failed(w)
    with w.guard.journal.path.open("ab") as file:
        file.write(encode({"kind": "moved", "id": id, "state": "COMPLETED", "at": 1.0}))
    again = made(tmp_path)
    async with again.guard.running():
        assert again.guard.queue.book.get(id).state is State.COMPLETED


async def test_no_record_keeps_guard_from_starting(tmp_path: Path) -> None:
    w = made(tmp_path)
    async with w.guard.running():
        id = await failed(w)
    with w.guard.journal.path.open("ab") as file:
        file.write(encode({"kind": "moved", "id": id, "state": "PROCESSING", "at": 1.0}))
    again = made(tmp_path)
    async with again.guard.running():
        told = [event.message for event in again.guard.events.select(9, type="journal_damaged")]
    assert told == [
        "1 records of the journal were not understood and skipped, as those of another version of guard are; "
        "a copy is kept beside it."
    ]
