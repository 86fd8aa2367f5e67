"""One turn of each wheel: triage, wake, count, send. `app` turns them in real time, tests in virtual.

1. Triage takes alerts that changed to their incidents, the worst first.
2. Wake carries out every deadline that has come, the worst level first.
3. Count tells incidents whose plan asks how many services fail when that has changed.
4. Send leases what waits in the outbox, gives it to its channels, and takes their answers back.

Each turn returns how much it found to do; after a zero the wheel may rest until something is stored or due.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from tocsin import limits
from tocsin.core.incident import commands
from tocsin.core.model import Actor, Message, Outcome, Receipt, Refused, SubjectId
from tocsin.engine import failing, outbox, triage
from tocsin.engine.apply import Applied, apply
from tocsin.engine.context import Context, NoPlan
from tocsin.engine.declare import Declared, PassedOn, declare, repin
from tocsin.engine.merge import merge
from tocsin.engine.outbox import Outgoing
from tocsin.engine.quarantine import set_aside
from tocsin.engine.wake import wake
from tocsin.store import sending, subjects
from tocsin.store.errors import Conflict, StoreError
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Job, Lane

log = logging.getLogger("tocsin.engine")

T = TypeVar("T")

SETTLE_AGAIN = timedelta(seconds=1)
"""How soon an answer that could not be recorded is recorded again."""

NO_ADDRESS = Receipt(Outcome.FAILED, "the directory holds no such address any more")
NO_CHANNEL = Receipt(Outcome.FAILED, "this channel is not set up on the server")


class Step(Protocol):
    """What a wheel does to one incident in a transaction; None: there was nothing to do."""

    def __call__(
        self, tx: Transaction, context: Context, incident: SubjectId, now: datetime
    ) -> Applied | None: ...


class Channel(Protocol):
    """Carries a message out. World errors come back as receipts, never as exceptions."""

    @property
    def at_once(self) -> int:
        """How many messages may be on their way at the same time."""
        ...

    async def send(self, message: Message) -> Receipt:
        """Send, within CHANNEL_TIMEOUT_SECONDS."""
        ...


class Engine:
    """The engine of one node. Use from one event loop."""

    def __init__(
        self,
        store: Store,
        context: Context,
        channels: Mapping[str, Channel],
        clock: Callable[[], datetime],
        changed: Callable[[Applied], None],
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` hears of every incident that changed here, after its commit; `answered`, of every message
        that is on its way no more, so that what waited for it can go.
        """
        self.store = store
        self.context = context
        self._channels = channels
        self._clock = clock
        self._changed = changed
        self._answered = answered
        self._room = {name: channel.at_once for name, channel in channels.items()}
        self._kept = {name: channel.at_once // limits.KEPT_ONE_IN for name, channel in channels.items()}
        self._sending: set[asyncio.Task[None]] = set()

    async def ask(self, incident: SubjectId, asked: commands.Asked) -> Applied | Refused:
        """A person's command, ahead of everything else."""
        now = self._clock()
        if isinstance(asked.command, commands.Merge):
            return await self._merge(incident, asked, now)
        job = partial(apply, context=self.context, incident=incident, asked=asked, now=now)
        return self._heard(await self.store.write(job, Lane.ACT))

    async def declare(self, declared: Declared, actor: Actor) -> Applied | PassedOn | Refused:
        """A person opens an incident."""
        job = partial(declare, context=self.context, declared=declared, actor=actor, now=self._clock())
        answer = await self.store.write(job, Lane.ACT)
        if isinstance(answer, PassedOn):
            self._tell(*answer.applied)
            return answer
        return self._heard(answer)

    async def repin(self, incident: SubjectId, version: str, actor: Actor) -> Applied | Refused:
        """Let an incident go by another version of the plan, or by that in force when none is named.

        Raises NoPlan when there is no such version.
        """
        asked = partial(repin, incident=incident, version=version, actor=actor, now=self._clock())
        return self._heard(await self.store.write(partial(asked, context=self.context), Lane.ACT))

    async def _merge(self, incident: SubjectId, asked: commands.Asked, now: datetime) -> Applied | Refused:
        job = partial(merge, context=self.context, incident=incident, asked=asked, now=now)
        answer = await self.store.write(job, Lane.ACT)
        if isinstance(answer, Refused):
            return answer
        self._tell(*answer)
        return next(one for one in answer if one.incident == incident)

    def _heard(self, answer: Applied | Refused) -> Applied | Refused:
        if not isinstance(answer, Refused):
            self._tell(answer)
        return answer

    async def triage_once(self) -> int:
        """Take what waits to its incidents; returns how many alerts that were."""
        batches = await self.store.read(triage.waiting)
        now = self._clock()
        jobs = [partial(triage.triage, context=self.context, batch=batch, now=now) for batch in batches]
        done = 0
        for batch, write in zip(batches, self._writes(jobs), strict=True):
            if (failed := await _failure(write)) is not None:
                done += len(batch.ids) * await self._open_anew(batch, failed)
            else:
                self._tell(*write.result())
                done += len(batch.ids)
        return done

    async def wake_once(self) -> int:
        """Carry out what is due, as many incidents as one turn takes; raises StoreError after the last."""
        now = self._clock()
        due = await self.store.read(partial(subjects.due, now=now, limit=limits.WAKE_SUBJECTS))
        await self._each([SubjectId(one) for one in due], wake, "waking", now)
        return len(due)

    async def count_once(self) -> int:
        """Tell who has not heard it how many services fail; raises StoreError after the last."""
        told = await self.store.read(failing.miscounted)
        await self._each(told, failing.tell, "counting failing services for", self._clock())
        return len(told)

    async def _each(self, incidents: Sequence[SubjectId], step: Step, doing: str, now: datetime) -> None:
        """One transaction for each of them; one that cannot be decided is set aside, and the others go on."""
        jobs = [partial(step, context=self.context, incident=one, now=now) for one in incidents]
        trouble: StoreError | None = None
        for incident, write in zip(incidents, self._writes(jobs), strict=True):
            failed = await _failure(write)
            if isinstance(failed, StoreError):
                trouble = failed
            elif failed is not None:
                await self._set_aside(incident, f"{doing} {incident}", failed, now)
            elif (applied := write.result()) is not None:
                self._tell(applied)
        if trouble is not None:
            # The wheel backs off: what is due stays due, and a full disk must not make it spin.
            raise trouble

    async def send_once(self) -> int:
        """Start sending what is ready, as far as the channels have room; does not wait for their answers."""
        now = self._clock()
        next_at = await self.next_send_at()
        if next_at is None or next_at > now:
            return 0
        room = {name: min(free, limits.TURN_MESSAGES) for name, free in self._room.items()}
        for_all = {
            name: min(max(free - self._kept[name], 0), room[name]) for name, free in self._room.items()
        }
        kept = {name: room[name] - for_all[name] for name in room}
        job = partial(outbox.take, context=self.context, now=now, room=room, kept=kept)
        # Ahead of all else: what is decided goes out before more is decided.
        taken = await self.store.write(job, Lane.ACT)
        for outgoing in taken:
            channel = outgoing.leased.channel
            if channel in self._room:
                self._room[channel] -= 1
            task = asyncio.create_task(self._send(outgoing))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return len(taken)

    async def sent(self) -> None:
        """Wait until everything that is being sent has its answer recorded."""
        while self._sending:
            await asyncio.gather(*self._sending)

    async def next_wake_at(self) -> datetime | None:
        """When something falls due if nothing happens until then."""
        return await self.store.read(subjects.next_due_at)

    async def next_send_at(self) -> datetime | None:
        """When something can be sent if nothing is stored or answered until then."""
        full = [name for name, free in self._room.items() if free <= 0]
        kept = [name for name, free in self._room.items() if 0 < free <= self._kept[name]]
        return await self.store.read(partial(sending.next_at, full=full, kept=kept))

    async def next_at(self) -> datetime | None:
        """When there will be something to do if nothing happens until then."""
        times = (await self.next_wake_at(), await self.next_send_at())
        return min((at for at in times if at is not None), default=None)

    def _writes(self, jobs: Iterable[Job[T]]) -> list[asyncio.Task[T]]:
        """Begin all of them. They end in order, so that the worst is told of while the others go on."""
        return [asyncio.create_task(self.store.write(job)) for job in jobs]

    async def _send(self, outgoing: Outgoing) -> None:
        leased = outgoing.leased
        channel = self._channels.get(leased.channel)
        try:
            if self._clock() >= leased.until:
                # This process was stopped since it took the lease: by now somebody else may have sent it.
                return
            receipt = await self._try(channel, outgoing.message)
            self.context.meters.messages.labels(leased.channel, receipt.outcome).inc()
            await self._settle(outgoing, receipt)
        finally:
            if leased.channel in self._room:
                self._room[leased.channel] += 1
            self._answered()

    async def _try(self, channel: Channel | None, message: Message | None) -> Receipt:
        if channel is None:
            return NO_CHANNEL
        if message is None:
            return NO_ADDRESS
        try:
            async with asyncio.timeout(limits.CHANNEL_STUCK_SECONDS):
                return await channel.send(message)
        except TimeoutError:
            return Receipt(Outcome.UNKNOWN, f"no answer within {limits.CHANNEL_STUCK_SECONDS} seconds")
        except Exception as bug:
            # A channel that raises is broken, and must not take the others with it.
            log.exception("A channel raised instead of answering.", extra={"key": message.key})
            return Receipt(Outcome.UNKNOWN, f"the channel failed: {type(bug).__name__}")

    async def _settle(self, outgoing: Outgoing, receipt: Receipt) -> None:
        # A database that starts anew is back within seconds, and the lease keeps the others off until then.
        tries_left = limits.LEASE_SECONDS
        while (failed := await self._record(outgoing, receipt)) is not None:
            tries_left -= 1
            if not tries_left or self._clock() + SETTLE_AGAIN >= outgoing.leased.until:
                # The lease runs out and the message goes again, marked as a possible repeat.
                self._failed(f"recording the answer for {outgoing.leased.bundle}", failed)
                return
            await asyncio.sleep(SETTLE_AGAIN.total_seconds())

    async def _record(self, outgoing: Outgoing, receipt: Receipt) -> StoreError | None:
        """Store a channel's answer; why not, when the store did not take it."""
        job = partial(
            outbox.settle, context=self.context, leased=outgoing.leased, receipt=receipt, now=self._clock()
        )
        try:
            try:
                self._tell(*await self.store.write(job))
            except StoreError:
                raise
            except Exception as bug:
                self._failed(f"telling the incidents of {outgoing.leased.bundle}", bug)
                await self.store.write(partial(job, tell=False))
        except StoreError as failed:
            return failed
        return None

    async def _open_anew(self, batch: triage.Batch, why: BaseException) -> bool:
        """Alerts must not wait for ever behind an incident that cannot be decided: they get a new one."""
        self._failed(f"triage of {len(batch.ids)} alerts from {batch.integration}", why)
        if isinstance(why, StoreError | Conflict | NoPlan):
            return False
        words, now = f"{type(why).__name__}: {why}", self._clock()
        job = partial(triage.abandon, context=self.context, batch=batch, why=words, now=now)
        return await self.store.write(job)

    async def _set_aside(self, incident: SubjectId, what: str, why: BaseException, now: datetime) -> None:
        """An incident that cannot be decided would fail for ever; a lost race is run again next turn."""
        self._failed(what, why)
        if isinstance(why, Conflict | NoPlan):
            return
        words = f"{type(why).__name__}: {why}"
        job = partial(set_aside, context=self.context, incident=incident, why=words, now=now)
        try:
            await self.store.write(job)
        except StoreError:
            raise
        except Exception as bug:
            self._failed(f"telling the catch-all of {incident}", bug)
            await self.store.write(partial(job, tell=False))

    def _tell(self, *applied: Applied) -> None:
        for one in applied:
            for alarm in one.alarms:
                log.critical(alarm, extra={"incident": one.incident})
            self._changed(one)

    def _failed(self, what: str, why: BaseException) -> None:
        log.error("%s failed: %s", what, why, exc_info=why)


async def _failure(write: asyncio.Task[Any]) -> BaseException | None:
    """What went wrong with it, once it has ended."""
    await asyncio.wait((write,))
    return write.exception()
