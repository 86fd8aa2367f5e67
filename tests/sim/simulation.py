"""A whole run: databases, server processes, people and time, all from one seed.

The true time is the loop's; what servers call the time is the clock, which may jump. Between two instants
nothing happens: time moves to the next moment at which anything is due, and the engine's wheels turn there.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tests.sim import interference
from tests.sim.alert_rules import Book
from tests.sim.cast import CHANNELS, people
from tests.sim.chance import LOST_ANSWERS, Chaos, Fault, chaos, stream
from tests.sim.databases import Database, PowerlossDatabase
from tests.sim.duty import Duty
from tests.sim.loop import MICROSECONDS, VirtualLoop
from tests.sim.node import Node, SimCrash
from tests.sim.outbox_rules import Attempt, Sendings
from tests.sim.plans import plan
from tests.sim.provider import ChannelBug
from tests.sim.run_rules import Catching, a_bug_is_not_swallowed, the_wheels_come_to_rest
from tests.sim.stream import Stream
from tests.sim.verdict import Log, Verdict
from tocsin.core.directory import Contact
from tocsin.core.model import Message
from tocsin.core.policy import Policy
from tocsin.engine.context import VIEW_LASTS
from tocsin.plan.read import compile_files, version_of
from tocsin.store import directory, plans
from tocsin.store.errors import StoreError
from tocsin.store.sending import Leased
from tocsin.store.store import Store
from tocsin.store.writer import Job

T = TypeVar("T")
START = datetime(2026, 3, 20, 3, 0, tzinfo=UTC)
TURNS_MAX = 2_000
STOPS_MAX = 200
"""A single advance stops at no more moments than this, so that a run has an end."""

MOST_STORED = 5
BACK_OFF = MICROSECONDS
DOWNTIMES = (0, 0, 0, 1, 5, 20, 300, 3_600)


class Simulation:
    """See the module's own words."""

    def __init__(self, seed: int, database: Database, faults: tuple[Fault, ...] | None = None) -> None:
        self.seed = seed
        self.database = database
        self.loop = VirtualLoop()
        self.log = Log()
        self.verdict = Verdict(self.log)
        self.chaos: Chaos = chaos(seed, database.kind, faults)
        self.choice = stream(seed, "choices")
        # Of its own, so that whether words are erased changes nothing else of a run.
        self.erasing = stream(seed, "erasing")
        self.slow = self.choice.random() < 0.4
        self.side_by_side = self.choice.random() < 0.5
        self.batch_max = self.choice.choice((1, 3, 1_000))
        self.offset = timedelta(days=self.choice.randrange(300))
        self.calm_since = START
        self.counts: Counter[str] = Counter()
        self.trouble = False
        self.power_is_going = False
        self.power_is_out = False
        self.channels: tuple[str, ...] = CHANNELS
        self.down: dict[str, int] = {}
        self.streams: dict[str, Stream] = {}
        self.promised: dict[str, int] = {}
        self.book = Book(most=MOST_STORED if LOST_ANSWERS & self.chaos.rates.keys() else 1)
        self.sendings = Sendings()
        self.attempt_of: dict[Leased, Attempt] = {}
        self.refused: dict[str, set[str]] = {}
        self.catching: Catching | None = None
        self.policies: dict[str, Policy] = {}
        self.newest_plans: list[tuple[str, datetime]] = []
        self._shape = ""
        self.contacts: dict[str, Contact] = {}
        self.reachable: dict[str, datetime] = {}
        self.duty = Duty()
        self.revivals: dict[int, int] = {}
        self._asked: set[asyncio.Task[None]] = set()
        self._turns: dict[int, asyncio.Task[int]] = {}
        self._ear = _Ear(self)
        logging.getLogger("tocsin").addHandler(self._ear)
        logging.getLogger("tocsin").propagate = False
        self.generation = 0
        self.interfering = False
        self.rested = True
        two = database.kind == "postgresql" and self.choice.random() < 0.6
        self.nodes = [self._new_node(slot) for slot in range(2 if two else 1)]
        self.apply_plan()
        self.replace_people(people(self.choice, slow=self.slow))
        self.disturbed()

    @property
    def faultless(self) -> bool:
        """Whether this seed has no fault at all."""
        return not self.chaos.rates

    def clock(self) -> datetime:
        """What every server takes for the time."""
        return START + timedelta(microseconds=self.loop.micros) + self.offset

    def move_clock(self, seconds: int) -> None:
        """Every clock jumps; the true time does not."""
        self.offset += timedelta(seconds=seconds)
        self.counts["set back"] += seconds < 0
        self.calm_since = self.clock()
        self.duty.set_back(self.clock())
        self.reachable = {}
        self.note_reachable()

    def disturbed(self, for_micros: int = 0) -> None:
        """The engine may not have turned at every moment until now, or does not for a while."""
        self.calm_since = max(self.calm_since, self.clock() + timedelta(microseconds=for_micros))

    def close(self) -> None:
        """End, whatever the state."""
        logging.getLogger("tocsin").removeHandler(self._ear)
        logging.getLogger("tocsin").propagate = True
        for node in self.nodes:
            node.close()
        self.loop.run_ready()

    @property
    def at_rest(self) -> bool:
        """Whether somebody's wheels turn, and have nothing left to do at this instant."""
        turning = [one for one in self.nodes if one.awake and one.turning]
        return bool(turning) and self.rested and all(one.rests_until <= self.loop.micros for one in turning)

    # Processes.

    def awake(self) -> list[Node]:
        """Processes that would answer a request now."""
        return [node for node in self.nodes if node.awake]

    def _new_node(self, slot: int) -> Node:
        # On SQLite a server always has the same name; on PostgreSQL each process makes up its own.
        self.generation += 1
        sqlite = self.database.kind != "postgresql"
        node = Node(self, "local" if sqlite else f"node-{slot + 1}-{self.generation}")
        if Fault.INTERFERENCE in self.chaos.rates:
            interference.listen(self, node)
        return node

    def _notice_the_dead(self) -> None:
        if self.power_is_out:
            for node in self.nodes:
                node.close()
            self.database.restart()
            self.power_is_out = self.power_is_going = False
        for slot, node in enumerate(self.nodes):
            if node.dead and slot not in self.revivals:
                downtime = 0 if self.chaos.calm else self.choice.choice(DOWNTIMES)
                self.revivals[slot] = self.loop.micros + downtime * MICROSECONDS
        for slot, at in sorted(self.revivals.items()):
            if at <= self.loop.micros:
                del self.revivals[slot]
                self._revive(slot)

    def _revive(self, slot: int) -> None:
        self.nodes[slot].close()
        self._turns.pop(slot, None)
        self.nodes[slot] = node = self._new_node(slot)
        self.disturbed()
        try:
            node.begin()
        except (SimCrash, StoreError):
            node.dead = True
        self.log.write(f"{node.name} starts, {'in vain' if node.dead else 'well'}")

    def arm_power_cut(self) -> None:
        """The power will fail at some write of the commit that begins now."""
        database = self.database
        assert isinstance(database, PowerlossDatabase)
        self.power_is_going = True
        left = self.chaos.random.randrange(12)

        def count_down() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                database.cut(self._survivors())

        database.disk.before_change = count_down

    def cut_power(self) -> None:
        """The power is off: nothing that was not synced need be there again."""
        database = self.database
        assert isinstance(database, PowerlossDatabase)
        database.disk.before_change = lambda: None
        database.cut(self._survivors())
        self.power_is_out = True
        self.counts["power cuts"] += 1
        for node in self.nodes:
            node.kill()

    def _survivors(self) -> Any:
        chance = self.chaos.random
        return stream(chance.randrange(1 << 30), "survivors") if chance.random() < 0.5 else None

    # Time.

    def start(self, awaited: Coroutine[Any, Any, None]) -> None:
        """Begin something that nobody waits for."""
        task = self.loop.start(awaited)
        task.add_done_callback(self._asked.discard)
        self._asked.add(task)

    def settled(self, awaited: Coroutine[Any, Any, T]) -> T:
        """Run something that ends at this instant, and everything else that can."""
        task = self.loop.start(awaited)
        self.run_ready()
        return task.result()

    def run_ready(self) -> None:
        """Let everything happen that can happen now."""
        self.loop.run_ready()
        while self.loop.lost:
            error = self.loop.lost.pop()
            if not isinstance(error, SimCrash | StoreError):
                self.verdict.expect(a_bug_is_not_swallowed, error)
        self.verdict.raise_first(self.where())

    def where(self) -> str:
        """The place in this run, for people."""
        return f"seed {self.seed} on {self.database.kind}, step {self.counts['steps']}, {self.clock()}"

    def rest(self) -> None:
        """Turn all wheels until nothing is left to do at this instant."""
        self.run_ready()
        for _ in range(TURNS_MAX):
            self._notice_the_dead()
            for slot, node in enumerate(self.nodes):
                idle = slot not in self._turns or self._turns[slot].done()
                if node.awake and node.turning and node.rests_until <= self.loop.micros and idle:
                    self._turns[slot] = self.loop.start(node.turn())
            self.run_ready()
            found = sum([self._ended_turn(slot) for slot in list(self._turns)])
            dead = any(node.dead and slot not in self.revivals for slot, node in enumerate(self.nodes))
            if self.trouble:
                self._back_off()
            elif not found and not dead:
                self._caught_up()
                return
        self.verdict.expect(the_wheels_come_to_rest, TURNS_MAX)

    def _ended_turn(self, slot: int) -> int:
        task = self._turns[slot]
        if not task.done():
            return 0
        del self._turns[slot]
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, StoreError):
            self.trouble = True
        elif not isinstance(error, SimCrash):
            self.verdict.expect(a_bug_is_not_swallowed, error)
        return 0

    def _back_off(self) -> None:
        """As a wheel does when the store is in trouble."""
        self.trouble = False
        self.disturbed(BACK_OFF)
        for node in self.nodes:
            node.rests_until = self.loop.micros + BACK_OFF

    def _caught_up(self) -> None:
        catching, self.catching = self.catching, None
        if catching is not None:
            catching.judge(self.verdict)

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping wherever anything is due."""
        end = self.loop.micros + int(seconds * MICROSECONDS)
        self.rest()
        for _ in range(STOPS_MAX):
            at = self._next_instant()
            if at is None or at > end:
                self.loop.micros = end
                break
            self.loop.micros = at
            self.counts["stops"] += 1
            self.rest()
        self.rest()

    def pass_over(self, seconds: float) -> None:
        """Let time pass with nobody at the wheels."""
        end = self.loop.micros + int(seconds * MICROSECONDS)
        while (at := self.loop.next_timer()) is not None and at <= end:
            self.loop.micros = max(at, self.loop.micros)
            self.run_ready()
        self.loop.micros = end

    def _next_instant(self) -> int | None:
        now = self.loop.micros
        found = [self.loop.next_timer(), *self.revivals.values(), *(node.rests_until for node in self.nodes)]
        node = next((one for one in self.nodes if one.awake and one.turning), None)
        if node is not None:
            try:
                due = self.settled(node.engine.next_at())
            except (SimCrash, StoreError):
                self._back_off()
                return self.loop.micros + BACK_OFF
            if due is not None:
                at = (due - START - self.offset) // timedelta(microseconds=1)
                # What is due and was not done waits for room on its channel: a wheel looks again soon.
                found.append(at if at > now else now + BACK_OFF)
        return min((at for at in found if at is not None and at > now), default=None)

    # What the world does to the servers.

    def apply_plan(self, *, next_version: bool = False) -> None:
        """Put another plan in force, or the one before with changes, as the command line does."""
        change = self.choice if next_version else None
        if not next_version:
            self._shape = f"{self.seed}/{len(self.newest_plans)}"
        text = plan(random.Random(self._shape), len(self.newest_plans) + 1, slow=self.slow, change=change)
        files = {"plan.yaml": text}
        version = version_of(files)
        self.policies[version] = compile_files(files)
        self.newest_plans.append((version, self.clock()))
        self.duty.plan(self.policies[version].rotas, self.clock())
        self.quietly(lambda tx: plans.keep(tx, version, files, self.clock()))
        self.log.write(f"plan {version}")

    def replace_people(self, contacts: list[Contact]) -> None:
        """Make the directory hold these people."""
        self.contacts = {one.id: one for one in contacts}
        self.quietly(lambda tx: directory.replace_people(tx, contacts))
        self.note_reachable()
        self.log.write(f"people {[(one.id, sorted(one.channels)) for one in contacts]}")

    def note_reachable(self) -> None:
        """Who can be told something from now on, as every server knows it once its view is old."""
        known = self.clock() + VIEW_LASTS
        usable = {name for name, one in self.contacts.items() if set(one.channels) & set(self.channels)}
        self.duty.people(self.contacts, self.channels, self.clock())
        self.reachable = {one: self.reachable.get(one, known) for one in sorted(usable)}

    def quietly(self, job: Job[None]) -> None:
        """A write of the world itself, which no fault touches."""
        calm, self.chaos.calm = self.chaos.calm, True
        if self.power_is_out:
            # Nobody can write before the power is back: what was written then would be forgotten again.
            self._notice_the_dead()
        store = Store(self.database.url)
        store.write_now(job)
        store.close()
        self.chaos.calm = calm

    def left(self, attempt: Attempt, message: Message, leased: Leased) -> None:
        """A message was given to a channel."""
        self.counts["messages"] += 1
        self.counts["repeats"] += attempt.repeat
        repeat = " (may be a repeat)" if attempt.repeat else ""
        what = f"{' '.join(message.incidents)} {attempt.key}{repeat}"
        self.log.write(f"{self.loop.micros} {attempt.node} {leased.channel} to {message.person}: {what}")
        if self.catching is not None:
            self.catching.left(self.loop.micros, leased)


class _Ear(logging.Handler):
    """Hears what the engine says went wrong: trouble with the store is life, anything else is a bug."""

    def __init__(self, run: Simulation) -> None:
        super().__init__(logging.ERROR)
        self._run = run

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, StoreError):
            self._run.trouble = True
        elif error is not None and not isinstance(error, SimCrash | ChannelBug):
            self._run.verdict.expect(a_bug_is_not_swallowed, error)
