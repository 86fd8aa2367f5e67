"""The durable operation queue: what cannot be done now is kept on the disk and done later, in order per
key, once.

What a caller may rely on:
- when `add` returns, the operation and its body are on the disk; when it raises, nothing was taken;
- an operation that was applied and recorded is never applied again. If the process dies between the two, the
  handler's `applied` is asked first; a handler without `applied` gets the same idempotency key again;
- kill -9 at any moment, a full disk and a torn journal lose nothing that was taken.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import InitVar, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tocsin_guard import disk, limits
from tocsin_guard.clock import Clock
from tocsin_guard.errors import DiskFull, GuardError, Refused, Unavailable
from tocsin_guard.handlers import Body, Handler
from tocsin_guard.intake import Intake
from tocsin_guard.journal import Journal
from tocsin_guard.keylocks import KeyLocks
from tocsin_guard.lines import Record
from tocsin_guard.operations import Book, Digest, Operation, State, read_taken, taken
from tocsin_guard.spool import Spool


@dataclass(frozen=True, slots=True)
class Drained:
    """What one round of processing did."""

    applied: int = 0
    postponed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on with an operation that fails while its service is otherwise well."""

    retry_seconds: tuple[float, ...] = limits.QUEUE_RETRY_SECONDS
    strikes_max: int = limits.QUEUE_STRIKES_MAX


PATIENCE = Patience()


@dataclass
class Queue:
    """`gate(service)` says whether work for a service may be tried now; `well(service)` whether it is the
    operation's own fault when an attempt fails (the service otherwise works)."""

    folder: Path
    journal: Journal
    clock: Clock
    gate: Callable[[str], bool] = lambda service: True
    well: Callable[[str], bool] = lambda service: True
    told: Callable[[Operation], None] = lambda operation: None  # after each visible end: COMPLETED, FAILED...
    reserve_bytes: InitVar[int] = limits.DISK_RESERVE_BYTES
    patience: dict[str, Patience] = field(default_factory=dict)  # by service, where it is not the default
    concurrency: int = limits.QUEUE_CONCURRENCY
    book: Book = field(default_factory=Book)
    handlers: dict[tuple[str, str], Handler] = field(default_factory=dict)
    ballast_bytes: int = 0
    _due: dict[int, float] = field(default_factory=dict)
    _unsure: set[int] = field(default_factory=set)  # begun before, outcome unknown
    # Ended, and that is not on the disk yet: the record, and what it changes.
    owed: dict[int, tuple[Record, dict[str, Any]]] = field(default_factory=dict)
    _draining: KeyLocks = field(default_factory=KeyLocks)  # by service
    _deciding: KeyLocks = field(default_factory=KeyLocks)  # by operation: who retries or discards it

    def __post_init__(self, reserve_bytes: int) -> None:
        self.ballast = disk.Ballast(self.folder / "ballast", self.ballast_bytes)
        self.spool = Spool(self.folder)
        self.intake = Intake(self.folder, self.journal, self.clock, self.book, self.spool, reserve_bytes)

    # Taking in

    def add(
        self,
        service: str,
        action: str,
        key: str,
        payload: Mapping[str, Any],
        body: Body = b"",
        *,
        idempotency_key: str,
        digest: Digest | None = None,
    ) -> Awaitable[Operation]:
        """Keep an operation. A file given as body must lie in the spool's folder tree and is moved there.

        The same idempotency key gives the operation that was taken first, waiting or done. It is refused for
        anything else than that operation, and when a person has discarded it.
        """
        return self.intake.add(service, action, key, payload, body, idempotency_key, digest)

    def body(self, operation: Operation) -> Body:
        return self.spool.path(operation.id) if operation.spooled else operation.inline

    # Processing

    async def drain(self, limit: int | None = None) -> Drained:
        """Try everything that is due, once; of each service at most `limit`."""
        services = self.book.services()
        done = await asyncio.gather(*(self.drain_service(service, limit) for service in services))
        return Drained(
            sum(one.applied for one in done),
            sum(one.postponed for one in done),
            sum(one.failed for one in done),
        )

    async def drain_service(self, service: str, limit: int | None = None) -> Drained:
        """The same for one service. Each has its own places, so that one which hangs holds up no other: a
        page must not wait for an upload. One drain at a time; a second caller waits and then runs its own.
        """
        async with self._draining.alone(service):
            await self.pay()
            done: list[State] = []
            running: set[asyncio.Task[State]] = set()
            tried: set[int] = set()
            try:
                while True:
                    room = limit is None or len(tried) < limit
                    free = room and len(running) < self.concurrency
                    operation = self._next(service, tried) if free else None
                    if operation is not None:
                        tried.add(operation.id)
                        running.add(asyncio.create_task(self._attempt(operation)))
                        continue
                    if not running:
                        break
                    # Not only until one has ended: what comes meanwhile need not wait for one that hangs.
                    finished, running = await asyncio.wait(
                        running, timeout=limits.QUEUE_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                    )
                    done += [task.result() for task in finished]
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
            return Drained(done.count(State.COMPLETED), done.count(State.QUEUED), done.count(State.FAILED))

    def _next(self, service: str, tried: set[int]) -> Operation | None:
        if not self.gate(service):
            return None
        now = self.clock.elapsed()
        for operation in self.book.heads(service):
            if operation.id in tried or self._due.get(operation.id, 0.0) > now:
                continue
            if (operation.service, operation.action) in self.handlers:
                return operation
        return None

    async def _attempt(self, operation: Operation) -> State:
        """1. record the start, 2. if an earlier attempt was lost ask whether it was done, 3. do it, 4.
        record.
        """
        id, handler = operation.id, self.handlers[operation.service, operation.action]
        try:
            self._move(id, State.PROCESSING, attempts=operation.attempts + 1)
            if (trouble := await self._begin(id)) is not None:
                return self._put_off(operation, trouble)
            if not (id in self._unsure and await handler.applied(operation)):
                self._unsure.add(id)
                await handler.apply(operation, self.body(operation))
        except Unavailable as error:
            return await self._not_now(operation, error)
        except asyncio.CancelledError:
            self._move(id, State.QUEUED)
            raise
        except Exception as error:  # a handler is other people's code: its fault is the operation's, not ours
            return await self._settle(id, State.FAILED, error=_sentence(error))
        return await self._settle(id, State.COMPLETED, error="")

    async def _not_now(self, operation: Operation, error: Exception) -> State:
        strikes = operation.strikes + self.well(operation.service)
        if strikes >= self.patience.get(operation.service, PATIENCE).strikes_max:
            return await self._settle(operation.id, State.FAILED, error=_sentence(error), strikes=strikes)
        return self._put_off(replace(operation, strikes=strikes), error)

    async def _begin(self, id: int) -> GuardError | None:
        """Record that it is begun. What the local disk refuses is no fault of the operation."""
        try:
            await self._write_down({"kind": "begun", "id": id})
        except GuardError as trouble:
            return trouble
        return None

    def _put_off(self, operation: Operation, error: Exception) -> State:
        self._move(operation.id, State.QUEUED, strikes=operation.strikes, error=_sentence(error))
        self._postpone(operation)
        return State.QUEUED

    def _postpone(self, operation: Operation) -> None:
        waits = self.patience.get(operation.service, PATIENCE).retry_seconds
        place = min(max(0, operation.strikes - 1), len(waits) - 1)
        self._due[operation.id] = self.clock.elapsed() + waits[place]
        self.book.rotate(operation)

    async def _settle(self, id: int, state: State, **changes: Any) -> State:
        """The end of an operation. Until it is on the disk the operation keeps its place in its lane: what is
        newer must not go past it, or a restart would do the older anew on top.
        """
        record = {"kind": "moved", "id": id, "state": state.value, "at": self.clock.now(), **changes}
        self.owed[id] = record, changes
        with suppress(GuardError):  # it is done, whatever the disk says; it is written as soon as it can be
            await self._pay(id)
        return state

    async def _pay(self, id: int) -> None:
        record, changes = self.owed[id]
        moved: list[Operation] = []

        def ended() -> None:
            if self.owed.pop(id, None) is not None:  # else it was written twice
                moved.append(self._move(id, State(record["state"]), **changes))

        await self._write_down(record, ended)
        for operation in moved:
            self._forget(operation)

    async def pay(self) -> None:
        """Write down the ends that the disk has refused so far."""
        for id in list(self.owed):
            if id in self.owed:
                try:
                    await self._pay(id)
                except GuardError:
                    return

    async def _write_down(self, record: Record, applied: Callable[[], None] | None = None) -> None:
        """Record progress of taken work; a full disk is no obstacle as long as there is ballast."""
        try:
            await self.journal.append(record, applied=applied)
        except DiskFull:
            self.ballast.release()  # or another operation did just now: in both cases there may be room
            await self.journal.append(record, applied=applied)

    def _forget(self, operation: Operation) -> None:
        self._due.pop(operation.id, None)
        if operation.state in (State.COMPLETED, State.DISCARDED):
            self._unsure.discard(operation.id)
            if operation.spooled:
                self.spool.drop(operation.id)
        self.told(operation)

    def _move(self, id: int, to: State, **changes: Any) -> Operation:
        return self.book.move(id, to, self.clock.now(), **changes)

    def wake(self, service: str) -> None:
        """Forget the waits: the service is back, try everything for it with the next drain."""
        for operation in self.book.waiting.values():
            if operation.service == service:
                self._due.pop(operation.id, None)

    # By hand

    async def retry(self, id: int) -> Operation:
        """Put a FAILED operation back to its place in its lane."""
        return await self._by_hand(id, State.QUEUED, strikes=0)

    async def discard(self, id: int, reason: str) -> Operation:
        """Give a FAILED operation up, with a reason; those behind it may go on."""
        return await self._by_hand(id, State.DISCARDED, error=f"discarded: {reason}")

    async def _by_hand(self, id: int, to: State, **changes: Any) -> Operation:
        """One person at a time: of two who decide at once the second hears that it is decided."""
        await self.pay()
        moved: list[Operation] = []
        async with self._deciding.alone(str(id)):
            operation = self.book.get(id)
            if operation.state is not State.FAILED:
                raise Refused(
                    f"Operation {id} is {operation.state}; only a FAILED one can be retried or discarded."
                )
            record = {"kind": "moved", "id": id, "state": to.value, "at": self.clock.now(), **changes}
            decided = partial(self._decided, id, to, changes, moved)
            try:
                await self.intake.known(await self.journal.hand_over(record, applied=decided))
            finally:  # also for who is gone by then: it stands in the journal
                for operation in moved:
                    self._forget(operation)
        return moved[0]

    def _decided(self, id: int, to: State, changes: dict[str, Any], moved: list[Operation]) -> None:
        moved.append(self._move(id, to, **changes))

    # Recovery

    def restore(self, record: Record) -> None:
        """Replay one record of the journal; unknown ids are operations that were compacted away."""
        if record["kind"] == "taken":
            if record["id"] not in self.book.waiting and record["id"] not in self.book.finished:
                self.book.add(read_taken(record))
            if record.get("unsure"):
                self._unsure.add(record["id"])
            return
        id = record["id"]
        if (operation := self.book.waiting.get(id)) is None:
            return
        self._end_those_before(operation)
        if record["kind"] == "begun":
            self._unsure.add(id)
            self.book.waiting[id] = replace(operation, attempts=operation.attempts + 1)
            return
        state = State(record["state"])
        changes = {name: record[name] for name in ("error", "strikes") if name in record}
        # Where it ended counts; what led there may have stood in a damaged line.
        if operation.state is State.FAILED and state is State.COMPLETED:
            operation = self.book.move(id, State.QUEUED, record["at"])
        if operation.state is State.QUEUED:
            self.book.move(id, State.PROCESSING, record["at"])
            if state is State.DISCARDED:
                self.book.move(id, State.FAILED, record["at"])
        if self.book.get(id).state is not state:
            self.book.move(id, state, record["at"], **changes)

    def _end_those_before(self, operation: Operation) -> None:
        """A key's work is begun in order: what stands before this was over, if in a line that is damaged.

        To do it again would put what is older over what is newer.
        """
        lane = self.book.lanes[operation.service, operation.key]
        while lane[0] != operation.id:
            before = self.book.get(lane[0])
            if before.state is State.FAILED:
                self._move(before.id, State.DISCARDED, error="discarded: its end is in a damaged line")
                continue
            if before.state is State.QUEUED:
                self._move(before.id, State.PROCESSING)
            self._move(before.id, State.COMPLETED)

    def clean(self, doubtful: bool) -> list[str]:
        """After the replay: put unowned bodies away, and fail operations whose body is missing."""
        owned = {o.id for o in self.book.waiting.values() if o.spooled}
        problems = self.spool.clean(owned, doubtful)
        for operation in list(self.book.waiting.values()):
            if operation.spooled and not self.spool.path(operation.id).exists():
                problems.append(f"The body of operation {operation.id} ({operation.key}) is missing.")
                if operation.state is State.QUEUED:
                    self._move(operation.id, State.PROCESSING)
                    self._move(operation.id, State.FAILED, error="its body is missing from the spool")
        return problems

    def snapshot(self) -> list[Record]:
        """Records that stand for the whole queue."""
        found = []
        for operation in [*self.book.finished.values(), *self.book.waiting.values()]:
            if (owed := self.owed.get(operation.id)) is not None:
                found.append(taken(replace(operation, state=State(owed[0]["state"]), **owed[1])))
                continue
            record = taken(operation)
            if operation.id in self._unsure or operation.state is State.PROCESSING:
                record["unsure"] = True
            found.append(record)
        return found


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__
