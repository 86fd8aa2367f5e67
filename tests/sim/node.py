"""One server process of a run: the production store, engine and intake, which can stop, die and come back.

The dead do nothing: whatever a dead process still has in hand ends at its next step towards the world.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import OperationalError

from tests.sim.chance import COMMIT_FAULTS, COMMITTED_FAULTS, Fault
from tests.sim.provider import OUTGOING, ChannelBug, SimChannel
from tests.sim.watch import Watched
from tocsin.core.model import Message, PersonId, Receipt
from tocsin.engine.apply import Applied
from tocsin.engine.context import Context
from tocsin.engine.engine import Engine
from tocsin.engine.intake import Intake
from tocsin.engine.outbox import Outgoing
from tocsin.store import sending
from tocsin.store.errors import StoreError
from tocsin.store.sending import Leased
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Job, Lane, commit_together

if TYPE_CHECKING:
    from tests.sim.simulation import Simulation

T = TypeVar("T")
STALL_SECONDS = (16, 120, 3_600)
LATE_SECONDS = (16, 40, 300)
"""How long after a message went out its late answer comes: past the end of any lease."""


class SimCrash(BaseException):
    """The process is gone. Not an Exception: nothing that goes on may catch it."""


class SimStore(Store):
    """The production store on the virtual loop instead of threads: same lanes, same shared commits."""

    def __init__(self, node: Node) -> None:
        super().__init__(node.run.database.url, node.at)
        self._node = node
        self._lanes: tuple[deque[tuple[Watched, asyncio.Future[Any]]], ...] = tuple(deque() for _ in Lane)
        self._flushing = False

    async def write(self, job: Job[T], lane: Lane = Lane.ENGINE) -> T:
        await self._node.gate()
        done: asyncio.Future[T] = self._node.run.loop.create_future()
        self._lanes[lane].append((Watched(self._node, job, lane), done))
        self._flush_soon()
        return await done

    async def read(self, query: Callable[[Transaction], T]) -> T:
        await self._node.gate()
        return self.read_now(query)

    def watched_now(self, job: Job[T], lane: Lane) -> T:
        """Like `write_now`, with the watch looking on."""
        watched = Watched(self._node, job, lane)
        result: T = self.write_now(watched)
        watched.kept()
        return result

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._node.run.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._commit()
        if any(self._lanes):
            self._flush_soon()

    def _commit(self) -> None:
        run, batch = self._node.run, list[tuple[Watched, asyncio.Future[Any]]]()
        run.counts["commits"] += 1
        try:
            if self._node.dead:
                raise SimCrash
            results = commit_together(self.writing, self._drawing(batch), self._node.at)
        except SimCrash as crash:
            batch += [one for lane in self._lanes for one in lane]
            for lane in self._lanes:
                lane.clear()
            results = [crash] * len(batch)
        for (job, done), result in zip(batch, results, strict=True):
            if not isinstance(result, BaseException):
                job.kept()
            if done.done():
                continue
            if isinstance(result, BaseException):
                done.set_exception(result)
            else:
                done.set_result(result)

    def _drawing(self, batch: list[tuple[Watched, asyncio.Future[Any]]]) -> Iterator[Watched]:
        """As the writer draws: the most urgent that waits, one after another, as many as fit one commit."""
        while len(batch) < self._node.run.batch_max:
            lane = next((lane for lane in self._lanes if lane), None)
            if lane is None:
                return
            batch.append(lane.popleft())
            yield batch[-1][0]


class SimEngine(Engine):
    """The production engine. Now and then an answer reaches it late, or twice."""

    node: Node

    async def _send(self, outgoing: Outgoing) -> None:
        OUTGOING.set(outgoing)
        with suppress(SimCrash, StoreError):
            await self.node.gate()
            await super()._send(outgoing)

    async def _settle(self, outgoing: Outgoing, receipt: Receipt) -> None:
        late, run = self.node.late, self.node.run
        if outgoing.leased in late:
            late.discard(outgoing.leased)
            await asyncio.sleep(run.chaos.random.choice(LATE_SECONDS))
        await super()._settle(outgoing, receipt)
        if run.chaos.strikes(Fault.DOUBLE_ANSWER):
            await super()._settle(outgoing, receipt)


class Node:
    """See the module's own words."""

    def __init__(self, run: Simulation, name: str) -> None:
        self.run = run
        self.name = name
        self.dead = False
        self.turning = True
        self.rests_until = 0
        self.late: set[Leased] = set()
        self._thaw: asyncio.Future[None] | None = None
        self.store = SimStore(self)
        context = Context(name, frozenset(run.channels), _link, _sign_in_link)
        channels = {channel: SimChannel(channel, self) for channel in run.channels}
        self.engine = SimEngine(self.store, context, channels, run.clock, self._changed)
        self.engine.node = self
        self.intake = Intake(self.store, lambda: None, context.watched)

    def begin(self) -> None:
        """As a server does at its start: what a process of this name was sending when it died goes again."""
        self.store.watched_now(partial(sending.begin, now=self.run.clock(), node=self.name), Lane.ENGINE)

    @property
    def frozen(self) -> bool:
        """Stopped, as by SIGSTOP or a hypervisor: it does nothing and knows nothing of it."""
        return self._thaw is not None

    @property
    def awake(self) -> bool:
        """Whether it would answer a request."""
        return not self.dead and not self.frozen

    async def gate(self) -> None:
        """Every step towards the world begins here: the dead stop, the frozen wait."""
        while not self.dead:
            if self._thaw is None:
                return
            await asyncio.shield(self._thaw)
        raise SimCrash

    def freeze(self, seconds: float) -> None:
        """Stop for a while."""
        if self.awake:
            self._thaw = self.run.loop.create_future()
            self.run.loop.call_later(seconds, self.thaw)

    def stall(self) -> None:
        """Stop here, in the middle of what it does, for longer than any lease lasts."""
        if self.run.chaos.strikes(Fault.STALLED):
            self.run.log.write(f"{self.name} stalls")
            self.freeze(self.run.chaos.random.choice(STALL_SECONDS))

    def thaw(self) -> None:
        """Go on as if nothing had been."""
        if self._thaw is not None:
            thawed, self._thaw = self._thaw, None
            thawed.set_result(None)
            self.run.disturbed()

    def kill(self) -> None:
        """The process is gone, as by kill -9."""
        self.dead = True
        self.thaw()
        self.run.disturbed()

    def crash(self) -> None:
        """The process is gone, here and now, in the middle of what it does."""
        self.run.log.write(f"{self.name} crashes")
        self.run.counts["crashes"] += 1
        self.kill()
        raise SimCrash

    def close(self) -> None:
        """Let go of the database."""
        self.dead = True
        self.thaw()
        self.store.close()

    async def turn(self) -> int:
        """All wheels once, side by side as a server turns them or one after another."""
        engine = self.engine
        wheels = (engine.triage_once, engine.wake_once, engine.count_once, engine.send_once)
        if self.run.side_by_side:
            return sum(await asyncio.gather(*(wheel() for wheel in wheels)))
        return sum([await wheel() for wheel in wheels])

    def at(self, moment: str) -> None:
        """Where the store is about to commit, or has: the moments at which most is at stake."""
        run = self.run
        if moment == "before commit":
            self._before_commit(run.chaos.strikes(*COMMIT_FAULTS))
            if run.chaos.strikes(Fault.POWER_CUT_IN_COMMIT):
                run.arm_power_cut()
            return
        if run.power_is_going:
            run.cut_power()
            self.crash()
        fault = run.chaos.strikes(*COMMITTED_FAULTS)
        if fault is Fault.CRASH_AFTER_COMMIT:
            self.crash()
        elif fault is Fault.COMMIT_ANSWER_LOST:
            run.log.write(f"fault {fault}")
            raise _commit_error(fault)

    def _before_commit(self, fault: Fault | None) -> None:
        if fault is not None:
            self.run.log.write(f"fault {fault}")
        match fault:
            case Fault.CRASH_BEFORE_COMMIT:
                self.crash()
            case Fault.COMMIT_FAILS:
                raise _commit_error(fault)
            case Fault.BACKEND_KILLED:
                self.run.database.cut_connections()
            case _:
                pass

    def _changed(self, applied: Applied) -> None:
        self.run.counts["alarms"] += len(applied.alarms)


def _commit_error(fault: Fault) -> OperationalError:
    return OperationalError("COMMIT", {}, Exception(fault))


def _link(bundle: str, person: PersonId, _now: datetime) -> str:
    return f"https://tocsin.example.com/a/{bundle}/{person}"


def _sign_in_link(_tx: Transaction, person: PersonId, _now: datetime) -> str:
    return f"https://tocsin.example.com/sign-in/{person}"


__all__ = ["ChannelBug", "Message", "Node", "SimCrash"]
