"""The durable queue keeps its promises under any sequence of work, failure, crash and torn write."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from guard.tests.queues import House, order_kept
from tocsin_guard import limits
from tocsin_guard.errors import Refused
from tocsin_guard.operations import State

T = TypeVar("T")

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
