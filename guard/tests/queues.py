"""A queue in a folder of its own, and the other side of what it does."""

from pathlib import Path

from guard.tests.support import VirtualClock
from tocsin_guard.errors import Unavailable
from tocsin_guard.handlers import Body, Functions
from tocsin_guard.journal import Journal
from tocsin_guard.lines import recover
from tocsin_guard.operations import Operation
from tocsin_guard.queue import Queue


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
        self.queue.intake.reserve_bytes = 0
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


def order_kept(taken: list[tuple[str, str]], done: list[tuple[str, str]]) -> bool:
    """Per key, what was done is what was taken, in that order, without gaps but for discarded ones."""
    place = {mark: n for n, (_, mark) in enumerate(taken)}
    return all(
        [place[m] for k, m in done if k == key] == sorted(place[m] for k, m in done if k == key)
        for key in {k for k, _ in done}
    )
