"""The durable queue: its promises under any sequence of work, failure, crash and torn write, and its
edges.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from guard.tests.support import VirtualClock
from tocsin_guard import limits
from tocsin_guard.errors import DiskFull, GuardError, Refused, Unavailable, Unknown
from tocsin_guard.handlers import Body, Functions
from tocsin_guard.journal import Journal, Record, recover
from tocsin_guard.operations import Operation, State
from tocsin_guard.queue import Queue

T = TypeVar("T")


class Receiver:
    """The other side: knows idempotency keys, remembers in which order work took effect."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []  # key, idempotency key
        self.mode = "ok"
        self.calls = 0

    async def apply(self, operation: Operation, body: Body) -> None:
        self.calls += 1
        if self.mode == "down":
            raise Unavailable("down")
        if self.mode == "refuses":
            raise ValueError("no such thing")
        content = body if isinstance(body, bytes) else body.read_bytes()
        mark = operation.idempotency_key.encode()
        assert content == mark * (operation.size // len(mark))
        self.done.append((operation.key, operation.idempotency_key))
        if self.mode == "answer lost":
            raise Unavailable("the answer was lost")

    async def applied(self, operation: Operation) -> bool:
        return (operation.key, operation.idempotency_key) in self.done


class House:
    """A queue with its journal in a folder, which can be opened again as after a crash."""

    def __init__(self, folder: Path, receiver: Receiver | None = None) -> None:
        self.folder, self.receiver = folder, receiver or Receiver()
        self.clock = VirtualClock()

    async def open(self) -> Queue:
        journal = Journal(self.folder / "journal", lambda: self.queue.snapshot())
        self.queue = Queue(self.folder, journal, self.clock)
        self.queue.reserve_bytes = 0
        self.queue.handlers["S", "do"] = Functions(self.receiver.apply, self.receiver.applied)
        found = recover(self.queue.journal.path)
        for record in found.records:
            self.queue.restore(record)
        self.problems = self.queue.clean(doubtful=found.damaged_lines > 0)
        self.queue.journal.start()
        return self.queue

    async def close(self) -> None:
        await self.queue.journal.stop()

    async def add(self, key: str, mark: str, size: int = 1) -> Operation:
        return await self.queue.add("S", "do", key, {"p": mark}, mark.encode() * size, idempotency_key=mark)


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    made = House(tmp_path)
    await made.open()
    yield made
    await made.close()


def order_kept(taken: list[tuple[str, str]], done: list[tuple[str, str]]) -> bool:
    """Per key, what was done is what was taken, in that order, without gaps but for discarded ones."""
    place = {mark: n for n, (_, mark) in enumerate(taken)}
    return all(
        [place[m] for k, m in done if k == key] == sorted(place[m] for k, m in done if k == key)
        for key in {k for k, _ in done}
    )


async def test_work_is_done_in_order_per_key_and_keys_go_side_by_side(house: House) -> None:
    taken = [(f"k{n % 3}", f"m{n}") for n in range(30)]
    for key, mark in taken:
        await house.add(key, mark)
    drained = await house.queue.drain()
    assert (drained.applied, drained.failed, drained.postponed) == (30, 0, 0)
    assert order_kept(taken, house.receiver.done)
    assert house.queue.book.total(State.COMPLETED) == 30


async def test_the_same_idempotency_key_is_taken_once(house: House) -> None:
    first, second = await asyncio.gather(house.add("k", "m"), house.add("k", "m"))
    assert first.id == second.id
    await house.queue.drain()
    assert (await house.add("k", "m")).state is State.COMPLETED
    assert house.receiver.done == [("k", "m")]


async def test_an_idempotency_key_stands_for_one_work(house: House) -> None:
    """Whoever repeats it for another work must not hear that this one is taken."""
    await house.queue.add("S", "do", "k", {"p": 1}, b"one", idempotency_key="m")
    said = "The idempotency key 'm' stands for another do of k; give each work its own key."
    for action, key, payload, body in (
        ("do", "k", {"p": 1}, b"two"),
        ("do", "k", {"p": 2}, b"one"),
        ("do", "other", {"p": 1}, b"one"),
        ("undo", "k", {"p": 1}, b"one"),
    ):
        with pytest.raises(Refused) as refused:
            await house.queue.add("S", action, key, payload, body, idempotency_key="m")
        assert str(refused.value) == said
    await house.close()
    await house.open()
    assert (await house.queue.add("S", "do", "k", {"p": 1}, b"one", idempotency_key="m")).id == 1


async def test_what_a_person_discarded_is_not_taken_again_under_its_key(house: House) -> None:
    await house.add("k", "m")
    house.receiver.mode = "refuses"
    await house.queue.drain()
    await house.queue.discard(1, "nobody wants it")
    with pytest.raises(Refused) as refused:
        await house.add("k", "m")
    assert str(refused.value) == (
        "Operation 1 (do of k) was discarded: nobody wants it; "
        "to have it done after all, ask under another idempotency key."
    )


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


async def test_below_the_reserve_new_work_is_refused_and_old_work_is_finished(house: House) -> None:
    await house.add("k", "m1")
    house.queue.reserve_bytes = 1 << 60
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
    assert house.queue.book.get(1).state is State.COMPLETED
    await house.queue.drain()
    assert house.receiver.calls == 1
    monkeypatch.undo()
    await house.queue.drain()
    await house.close()
    await house.open()
    await house.queue.drain()
    assert house.receiver.calls == 1
    assert house.queue.book.get(1).state is State.COMPLETED


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


KEYS, MARKS = st.sampled_from(["a", "b", "c"]), st.integers(0, 40)


class AnyHistory(RuleBasedStateMachine):
    """Adds, repeats, drains with every kind of answer, acts of people, compaction, crashes with a torn tail.

    Promises checked: what was taken is there; nothing takes effect twice; per key the order is kept; what is
    discarded is not done.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="guard-queue-"))
        self.house = House(self.folder)
        self.asked: dict[str, tuple[str, bool]] = {}
        self.taken: list[tuple[str, str]] = []
        self.discarded: set[str] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        self.run(self.house.open())

    @rule(key=KEYS, mark=MARKS, large=st.booleans())
    def add(self, key: str, mark: int, large: bool) -> None:
        name = f"m{mark:03}"
        before = self.asked.get(name)
        try:
            operation = self.run(self.house.add(key, name, limits.INLINE_BYTES_MAX if large else 1))
        except Refused:
            assert before is not None, "the first of its key is taken"
            assert before != (key, large) or name in self.discarded, "a repeat is taken"
            return
        assert before in (None, (key, large)), "one idempotency key stood for two works"
        if before is None:
            self.asked[name] = (key, large)
            self.taken.append((key, name))
        assert (operation.key, name) in self.taken, "a repeat made something new"

    @rule(mode=st.sampled_from(["ok", "ok", "down", "refuses", "answer lost"]), limit=st.integers(1, 5))
    def drain(self, mode: str, limit: int) -> None:
        self.house.receiver.mode = mode
        self.house.clock.advance(100)
        self.run(self.house.queue.drain(limit))

    @precondition(lambda self: self.house.queue.book.total(State.FAILED) > 0)
    @rule(data=st.data(), retry=st.booleans())
    def decide(self, data: st.DataObject, retry: bool) -> None:
        failed = data.draw(st.sampled_from(list(self.house.queue.book.operations(State.FAILED))))
        if retry:
            self.run(self.house.queue.retry(failed.id))
        else:
            self.run(self.house.queue.discard(failed.id, "test"))
            self.discarded.add(failed.idempotency_key)

    @rule()
    def compact(self) -> None:
        self.run(self.house.queue.journal.compact())

    @rule(torn=st.binary(max_size=30), stray=st.booleans())
    def crash(self, torn: bytes, stray: bool) -> None:
        """Memory is gone; at the end of the file lies what was being written, in the spool an
        unfinished body.
        """
        self.run(self.house.close())
        with self.house.queue.journal.path.open("ab") as file:
            file.write(torn.replace(b"\n", b""))
        if stray:
            (self.house.queue.spool.bodies / "99999.body").write_bytes(b"half")
        self.run(self.house.open())
        assert self.house.problems == []

    @invariant()
    def nothing_is_lost_doubled_or_reordered(self) -> None:
        done, book = self.house.receiver.done, self.house.queue.book
        assert len(set(done)) == len(done), "applied twice"
        assert order_kept(self.taken, done)
        known = {o.idempotency_key for o in book.operations()}
        assert known == {m for _, m in self.taken}
        waiting = {o.idempotency_key for o in book.waiting.values()}
        finished = {m for _, m in done} | self.discarded
        assert {m for _, m in self.taken} <= waiting | finished

    def teardown(self) -> None:
        self.house.receiver.mode = "ok"
        for operation in list(self.house.queue.book.operations(State.FAILED)):
            self.run(self.house.queue.retry(operation.id))
        self.house.clock.advance(1000)
        self.run(self.house.queue.drain())
        self.nothing_is_lost_doubled_or_reordered()
        assert {m for _, m in self.taken} == {m for _, m in self.house.receiver.done} | self.discarded
        assert not list(self.house.queue.spool.bodies.iterdir())
        self.run(self.house.close())
        self.loop.close()
        shutil.rmtree(self.folder)


AnyHistory.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestAnyHistory = AnyHistory.TestCase
