"""The durable queue: what is taken, in what order it is done, what happens at the edges."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guard.tests.queues import House, order_kept
from tocsin_guard import limits
from tocsin_guard.errors import DiskFull, GuardError, Refused, Unknown
from tocsin_guard.handlers import Body, Functions
from tocsin_guard.lines import Record
from tocsin_guard.operations import Operation, State


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    made = House(tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_work_is_done_in_order_per_key_and_keys_go_side_by_side(house: House) -> None:
    taken = [(f"k{n % 3}", f"m{n}") for n in range(30)]
    for key, mark in taken:
        await house.add(key, mark)
    drained = await house.queue.drain()
    assert (drained.applied, drained.failed, drained.postponed) == (30, 0, 0)
    assert order_kept(taken, house.receiver.done)
    assert house.queue.book.total(State.COMPLETED) == 30


async def test_what_comes_while_another_key_hangs_is_done_meanwhile(house: House) -> None:
    let_go, was_quick, apply = asyncio.Event(), asyncio.Event(), house.receiver.apply

    async def hangs(operation: Operation, body: Body) -> None:
        if operation.key == "slow":
            await let_go.wait()
        await apply(operation, body)
        was_quick.set()

    house.queue.handlers["S", "do"] = Functions(hangs, house.receiver.applied)
    await house.add("slow", "m1")
    draining = asyncio.create_task(house.queue.drain())
    await asyncio.sleep(0.01)
    await house.add("quick", "m2")
    await asyncio.wait_for(was_quick.wait(), 5)
    assert house.receiver.done == [("quick", "m2")]
    let_go.set()
    assert (await draining).applied == 2


async def test_many_small_bodies_do_not_fill_the_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INLINE_BYTES_IN_ALL_MAX", 10)
    taken = [await house.add(f"k{n}", f"mark-{n}") for n in range(3)]
    assert [one.spooled for one in taken] == [False, False, True]
    await house.queue.drain()
    assert house.queue.book.inline_bytes == 0
    assert len(house.receiver.done) == 3
    assert not (await house.add("k", "m")).spooled


async def test_a_large_body_lies_in_the_spool_until_it_was_used(house: House) -> None:
    operation = await house.add("k", "m", limits.INLINE_BYTES_MAX)
    assert not operation.spooled
    operation = await house.add("k", "n", limits.INLINE_BYTES_MAX + 1)
    assert operation.spooled
    assert len(list(house.queue.spool.bodies.iterdir())) == 1
    await house.queue.drain()
    assert house.receiver.done == [("k", "m"), ("k", "n")]
    assert not list(house.queue.spool.bodies.iterdir())


async def test_an_outage_burns_no_patience_and_a_service_that_is_well_does(house: House) -> None:
    await house.add("k", "m")
    house.receiver.mode, house.queue.well = "down", lambda service: False
    for _ in range(50):
        house.clock.advance(100)
        await house.queue.drain()
    assert house.queue.book.get(1).state is State.QUEUED
    assert house.queue.book.get(1).attempts == 50
    house.queue.well = lambda service: True
    for _ in range(limits.QUEUE_STRIKES_MAX):
        house.clock.advance(100)
        await house.queue.drain()
    assert house.queue.book.get(1).state is State.FAILED
    assert house.queue.book.get(1).error == "down"


async def test_a_failed_one_holds_its_key_until_it_is_retried_or_discarded(house: House) -> None:
    house.receiver.mode = "refuses"
    await house.add("k", "m1")
    await house.queue.drain()
    house.receiver.mode = "ok"
    await house.add("k", "m2")
    await house.add("other", "m3")
    await house.queue.drain()
    assert house.receiver.done == [("other", "m3")]
    with pytest.raises(Refused, match="Operation 2 is QUEUED; only a FAILED one can be retried or discarded"):
        await house.queue.discard(2, "impatient")
    await house.queue.discard(1, "the customer sent it again")
    await house.queue.drain()
    assert house.receiver.done == [("other", "m3"), ("k", "m2")]
    assert house.queue.book.get(1).error == "discarded: the customer sent it again"
    with pytest.raises(Unknown):
        await house.queue.retry(99)


async def test_a_failed_one_that_is_retried_goes_first(house: House) -> None:
    house.receiver.mode = "refuses"
    await house.add("k", "m1", limits.INLINE_BYTES_MAX * 2)
    await house.add("k", "m2")
    await house.queue.drain()
    house.receiver.mode = "ok"
    await house.queue.retry(1)
    await house.queue.drain()
    assert house.receiver.done == [("k", "m1"), ("k", "m2")]


async def test_work_waits_while_its_service_is_held_and_other_services_go_on(house: House) -> None:
    house.queue.handlers["T", "do"] = Functions(house.receiver.apply)
    await house.add("k", "m1")
    await house.queue.add("T", "do", "k", {}, b"m2", idempotency_key="m2")
    house.queue.gate = lambda service: service == "T"
    await house.queue.drain()
    assert house.receiver.done == [("k", "m2")]


async def test_who_is_cancelled_while_it_is_written_is_so_when_that_is_over(house: House) -> None:
    """Until then nobody else may have the key: what is newer must not be in the store before it."""
    asked = asyncio.create_task(house.add("k", "m1", limits.INLINE_BYTES_MAX))
    other = asyncio.create_task(house.add("k", "m2"))
    await asyncio.sleep(0)
    for _ in range(3):
        asked.cancel()
        other.cancel()
        await asyncio.sleep(0)
    again = await house.add("k", "m2")
    assert again.idempotency_key == "m2"
    for task in (asked, other):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [o.idempotency_key for o in house.queue.book.operations()] == ["m1", "m2"]
    assert house.queue.book.newest("S", "k") is not None
    await house.queue.drain()
    assert len(house.receiver.done) == 2


async def test_below_the_reserve_new_work_is_refused_and_old_work_is_finished(house: House) -> None:
    await house.add("k", "m1")
    house.queue.intake.reserve_bytes = 1 << 60
    with pytest.raises(DiskFull, match="is full: refused, and nothing was stored"):
        await house.add("k", "m2")
    await house.queue.drain()
    assert house.receiver.done == [("k", "m1")]
    assert house.queue.book.get(1).state is State.COMPLETED


async def test_what_was_applied_while_the_disk_refused_is_not_applied_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.add("k", "m1")
    append = house.queue.journal.append

    async def full(*records: Any, **more: Any) -> None:
        if records[0]["kind"] == "moved":
            raise DiskFull("full")
        await append(*records, **more)

    monkeypatch.setattr(house.queue.journal, "append", full)
    await house.queue.drain()
    assert house.queue.book.get(1).state is State.PROCESSING, "its end is not on the disk"
    await house.add("k", "m2")
    await house.queue.drain()
    assert house.receiver.calls == 1, "what is newer waits until it is"
    monkeypatch.undo()
    await house.queue.pay()
    assert not house.queue.owed
    assert house.queue.book.get(1).state is State.COMPLETED
    await house.queue.drain()
    assert house.receiver.done == [("k", "m1"), ("k", "m2")]
    await house.close()
    await house.open()
    await house.queue.drain()
    assert house.receiver.calls == 2


async def test_an_end_that_the_disk_refused_is_in_the_journal_that_is_written_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.add("k", "m1")
    house.receiver.mode = "refuses"
    await house.add("f", "m2")
    append = house.queue.journal.append

    async def full(*records: Any, **more: Any) -> None:
        if records[0]["kind"] == "moved":
            raise DiskFull("full")
        await append(*records, **more)

    house.queue.handlers["S", "do"] = Functions(house.receiver.apply)
    monkeypatch.setattr(house.queue.journal, "append", full)
    await house.queue.drain()
    monkeypatch.undo()
    await house.queue.journal.compact()
    await house.close()
    await house.open()
    states = {o.key: (o.state, o.error) for o in house.queue.book.operations()}
    assert states == {"k": (State.FAILED, "no such thing"), "f": (State.FAILED, "no such thing")}


async def test_bodies_of_a_damaged_line_go_to_lost_and_found(house: House) -> None:
    await house.add("k", "m1")
    await house.add("k", "m2", limits.INLINE_BYTES_MAX)
    await house.close()
    lines = house.queue.journal.path.read_bytes().splitlines(keepends=True)
    house.queue.journal.path.write_bytes(b"x" + lines[0][1:] + b"".join(lines[1:]))
    (house.queue.spool.bodies / "1.body").write_bytes(b"precious")
    await house.open()
    assert (house.folder / "lost+found" / "1.body").read_bytes() == b"precious"
    assert house.problems == [
        "1.body belongs to no line of the journal that can be read; it is now lost+found/1.body."
    ]


async def test_no_damaged_line_makes_older_work_undo_newer(tmp_path: Path) -> None:
    """A handler that cannot tell what was done; each line of the journal damaged in turn."""
    folder, lines = tmp_path / "0", 1
    for damaged in range(100):
        if damaged >= lines:
            break
        folder = tmp_path / str(damaged)
        house = House(folder)
        await house.open()
        house.queue.handlers["S", "do"] = Functions(house.receiver.apply)
        for mark in ("m1", "m2", "m3"):
            await house.add("k", mark)
        await house.queue.drain()
        await house.close()
        before = house.queue.journal.path.read_bytes().splitlines(keepends=True)
        lines = len(before)
        before[damaged] = b"x" + before[damaged][1:]
        house.queue.journal.path.write_bytes(b"".join(before))
        await house.open()
        house.queue.handlers["S", "do"] = Functions(house.receiver.apply)
        await house.queue.drain()
        await house.close()
        done = [mark for _, mark in house.receiver.done]
        assert done == sorted(done), f"line {damaged} of {lines}: {done}"
        assert len(done) <= 4, "only the last of a key may be done again, by a handler that cannot tell"


async def test_a_body_that_vanished_fails_its_operation_and_says_so(house: House) -> None:
    await house.add("k", "m1", limits.INLINE_BYTES_MAX)
    await house.close()
    for path in house.queue.spool.bodies.iterdir():
        path.unlink()
    await house.open()
    assert house.problems == ["The body of operation 1 (k) is missing."]
    assert house.queue.book.get(1).state is State.FAILED


async def test_a_service_that_hangs_holds_up_no_other(house: House) -> None:
    """All places of one are taken by calls without an answer; a page to another must go out all the same."""
    answer = asyncio.Event()

    async def hang(operation: Operation, body: Body) -> None:
        await answer.wait()

    house.queue.handlers["UPLOADS", "do"] = Functions(hang)
    for n in range(limits.QUEUE_CONCURRENCY + 1):
        await house.queue.add("UPLOADS", "do", f"k{n}", {}, idempotency_key=f"u{n}")
    draining = asyncio.create_task(house.queue.drain())
    await asyncio.sleep(0.01)
    await house.add("k", "page")
    await house.queue.drain_service("S")
    assert house.receiver.done == [("k", "page")]
    answer.set()
    assert (await draining).applied == limits.QUEUE_CONCURRENCY + 1


async def test_ten_thousand_keys_drain_without_slowing_down(house: House) -> None:
    await asyncio.gather(*(house.add(f"k{n}", f"m{n}") for n in range(3000)))
    loop = asyncio.get_running_loop()
    started = loop.time()
    await house.queue.drain()
    assert len(house.receiver.done) == 3000
    assert loop.time() - started < 15


@pytest.mark.parametrize("refusal", [DiskFull("full"), GuardError("the journal is broken")])
async def test_a_disk_that_takes_no_record_is_no_fault_of_the_operation(
    house: House, monkeypatch: pytest.MonkeyPatch, refusal: GuardError
) -> None:
    await house.add("k", "m")
    append = house.queue.journal.append

    async def refuse(*records: Record, applied: Callable[[], None] | None = None) -> None:
        raise refusal

    monkeypatch.setattr(house.queue.journal, "append", refuse)
    for _ in range(20):
        house.clock.advance(1000)
        assert (await house.queue.drain()).failed == 0
    waiting = house.queue.book.get(1)
    assert (waiting.state, waiting.strikes, house.receiver.calls) == (State.QUEUED, 0, 0)
    monkeypatch.setattr(house.queue.journal, "append", append)
    house.clock.advance(1000)
    assert (await house.queue.drain()).applied == 1
