"""Engines that are broken on purpose. A simulator that passes one of them proves nothing.

Each takes one guarantee away from the production code, as a careless change would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

from sqlalchemy import Connection, Engine, delete, event, select, update

from tests.sim import broken_judgement, broken_plans
from tests.sim.chance import Fault
from tests.sim.play import play
from tests.sim.verdict import Violation
from tests.support.postgres import Cluster
from tocsin.core.incident import Incident, draft, events, fold
from tocsin.core.incident.paging import ladder, targets
from tocsin.core.oncall import on_call
from tocsin.engine import messages
from tocsin.store import codec, erasing, outbox, plans, sending, subjects
from tocsin.store import store as stores
from tocsin.store.database import writing_engine
from tocsin.store.errors import Conflict
from tocsin.store.schema import outbox as rows
from tocsin.store.schema import plans as stored_plans
from tocsin.store.schema import subjects as subject_rows


@contextmanager
def fence_off() -> Iterator[None]:
    """An answer that comes after its lease was lost counts as if it were the holder's."""
    settle = sending.settle

    def broken(tx: Connection, ring: sending.Ring, *answer: Any, **when: Any) -> bool:
        now = tx.execute(select(rows.c.fence).where(rows.c.id == ring.id)).scalar_one()
        return settle(tx, replace(ring, fence=now), *answer, **when)

    with mock.patch.object(sending, "settle", broken):
        yield


@contextmanager
def lease_off() -> Iterator[None]:
    """What one sender has in hand is given to the next who asks."""
    lease = sending.lease

    def broken(tx: Connection, *given: Any, **bounds: Any) -> Any:
        tx.execute(update(rows).where(rows.c.state == outbox.LEASED).values(state=outbox.WAITING))
        return lease(tx, *given, **bounds)

    with mock.patch.object(sending, "lease", broken):
        yield


@contextmanager
def snapshot_wrong() -> Iterator[None]:
    """The stored state is not what the events say: an alert more is open."""

    def broken(value: object) -> str:
        if isinstance(value, Incident):
            value = replace(value, alerts_open=value.alerts_open + 1)
        return codec.dump(value)

    with mock.patch.object(subjects, "dump", broken):
        yield


@contextmanager
def fsync_off() -> Iterator[None]:
    """A commit returns before it is on disk."""

    def broken(url: str) -> Engine:
        engine = writing_engine(url)

        @event.listens_for(engine, "connect")
        def hurry(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA synchronous = OFF")

        return engine

    with mock.patch.object(stores, "writing_engine", broken):
        yield


@contextmanager
def withdrawal_forgotten() -> Iterator[None]:
    """Pages that have become moot go out all the same."""
    with mock.patch.object(outbox, "withdraw", return_value=None):
        yield


@contextmanager
def step_skipped() -> Iterator[None]:
    """The ladder leaves out every second rung."""
    real = ladder._next_step

    def broken(draft: Any) -> int | None:
        index = real(draft)
        return index if index is None or index % 2 == 0 else index + 1 if index + 1 < _rungs(draft) else None

    with mock.patch.object(ladder, "_next_step", broken):
        yield


def _rungs(draft: Any) -> int:
    return len(draft.level.ladder)


@contextmanager
def message_dropped() -> Iterator[None]:
    """A ring is decided, and does not come to the outbox."""
    real, asked = outbox.put, [0]

    def broken(tx: Connection, incident: Any, effects: Sequence[Any], *rest: Any) -> None:
        asked[0] += 1
        real(tx, incident, effects[1:] if asked[0] % 3 == 0 else effects, *rest)

    with mock.patch.object(outbox, "put", broken):
        yield


@contextmanager
def clock_forgotten() -> Iterator[None]:
    """Nobody notes when an incident must be looked at again."""
    with mock.patch("tocsin.engine.apply.next_due", return_value=None):
        yield


@contextmanager
def fold_forgets() -> Iterator[None]:
    """The state that is stored leaves out that alerts are over; the events have it."""
    real = fold

    def broken(before: Incident | None, one: events.Recorded) -> Incident:
        if before is not None and isinstance(one.event, events.AlertsCleared):
            return before
        return real(before, one)

    with mock.patch.object(draft, "fold", broken):
        yield


@contextmanager
def repeat_unmarked() -> Iterator[None]:
    """What may have arrived goes again as if for the first time."""
    real = sending.recover

    def broken(tx: Connection, *given: Any, **when: Any) -> int:
        taken = real(tx, *given, **when)
        tx.execute(update(rows).where(rows.c.state == outbox.WAITING).values(unknown=0))
        return taken

    with mock.patch.object(sending, "recover", broken):
        yield


@contextmanager
def compare_and_set_off() -> Iterator[None]:
    """Whoever stores last wins, whatever others have stored since it looked."""
    real = subjects.save

    def broken(tx: Connection, before: Any, now: Incident, *what: Any, **how: Any) -> int:
        try:
            return real(tx, before, now, *what, **how)
        except Conflict:
            return real(tx, subjects.load_incident(tx, now.id), now, *what, **how)

    with mock.patch.object(subjects, "save", broken):
        yield


@contextmanager
def plan_forgotten() -> Iterator[None]:
    """Only the newest plan is kept. Who runs has the older ones in memory: the next start would miss them."""
    real = plans.keep

    def broken(tx: Connection, version: str, *what: Any) -> None:
        tx.execute(delete(stored_plans).where(stored_plans.c.version != version))
        real(tx, version, *what)

    with mock.patch.object(plans, "keep", broken):
        yield


@contextmanager
def stand_in_forgotten() -> Iterator[None]:
    """Who is paged is whose turn it is by the plan, whoever stands in."""
    with mock.patch.object(targets, "on_call", lambda rotas, rota, at, _overrides: on_call(rotas, rota, at)):
        yield


@contextmanager
def sight_forgotten() -> Iterator[None]:
    """Whoever is told of an incident reads its title, whoever may see it."""
    with mock.patch.object(messages, "may_see", return_value=True):
        yield


@contextmanager
def erasing_leaves_the_snapshot() -> Iterator[None]:
    """What is erased beside events stands in the stored state still."""
    real = erasing.keep

    def broken(tx: Connection, state: Incident, *what: Any) -> None:
        before = subjects.load_incident(tx, state.id)
        assert before is not None
        real(tx, before.state, *what)

    with mock.patch.object(erasing, "keep", broken):
        yield


@contextmanager
def erasing_stops_the_clock() -> Iterator[None]:
    """Whoever erases words of an incident takes its timer away."""
    real = erasing.keep

    def broken(tx: Connection, state: Incident, *what: Any) -> None:
        real(tx, state, *what)
        tx.execute(update(subject_rows).where(subject_rows.c.id == state.id).values(due_at=None))

    with mock.patch.object(erasing, "keep", broken):
        yield


FORGETTING = (
    "nothing_committed_is_lost",
    "every_signal_is_counted_once",
    "what_was_settled_is_not_sent_again",
    "a_repeat_is_marked",
    "a_bug_is_not_swallowed",
)
"""A disk that forgets shows as any of these, by what it forgot; the last when the plan itself is gone."""

LOSING = ("the_snapshot_is_the_fold", "nothing_begins_after_the_end", "a_bug_is_not_swallowed")
"""Two truths about one incident show as any of these."""

SEEDS_MOST = 12
"""A broken engine that survives this many seeds counts as not caught."""

STEPS = 30


@dataclass(frozen=True, slots=True)
class Broken:
    """How an engine is broken, the rules that may say so, the faults and database that bring it to light.

    `first` is the seed to begin with, where few seeds come to what is broken.
    """

    break_it: Callable[[], AbstractContextManager[None]]
    rules: tuple[str, ...]
    faults: tuple[Fault, ...]
    kind: str = "sqlite"
    first: int = 1

    def first_caught(self, cluster: Cluster | None) -> tuple[int, str]:
        """The first seed that sees it, and the rule it breaks. That seed holds for the engine as it is."""
        for seed in range(self.first, self.first + SEEDS_MOST):
            try:
                with self.break_it():
                    self.play(seed, cluster)
            except Violation as caught:
                self.play(seed, cluster)
                return seed, caught.rule
        raise NotCaught(f"{SEEDS_MOST} seeds saw nothing wrong.")

    def play(self, seed: int, cluster: Cluster | None) -> None:
        """One seed of it."""
        play(seed, self.kind, cluster, steps=STEPS, faults=self.faults)


class NotCaught(Exception):
    """The simulator did not see what is wrong with a broken engine."""


QUIET: tuple[Fault, ...] = ()
DUE = ("the_due_time_is_the_next_deadline", "no_promised_page_is_put_off", "nothing_due_is_passed_over")
"""What the clock should have seen to."""

GRADING = (
    "facts_raise_the_level",
    "nothing_is_owed_to_facts",
    "an_opening_has_its_level",
    "levels_have_a_ground",
    "open_alerts_are_looked_after",
)
"""A level that is not what the plan gives shows as any of these, by where it came from."""

MEANING = ("whoever_is_meant_is_asked", "whoever_is_named_is_told")
TELLING = ("whoever_is_named_is_told",)

BROKEN = {
    "fence off": Broken(fence_off, ("a_stale_answer_changes_nothing",), (Fault.LATE, Fault.DOUBLE_ANSWER)),
    "lease off": Broken(lease_off, ("a_lease_belongs_to_one",), (Fault.SLOW, Fault.TIMED_OUT, Fault.REFUSED)),
    "snapshot wrong": Broken(snapshot_wrong, ("the_snapshot_is_the_fold", "triggers_fire_once"), QUIET),
    "fold forgets": Broken(fold_forgets, ("the_snapshot_is_the_fold",), QUIET),
    "fsync off": Broken(fsync_off, FORGETTING, (Fault.POWER_CUT, Fault.POWER_CUT_IN_COMMIT), "powerloss"),
    "withdrawal forgotten": Broken(
        withdrawal_forgotten,
        ("nothing_leaves_for_a_page_that_is_over",),
        (Fault.REFUSED, Fault.PROVIDER_DOWN),
    ),
    "step skipped": Broken(step_skipped, ("steps_are_taken_in_order", "a_bug_is_not_swallowed"), QUIET),
    "message dropped": Broken(message_dropped, ("every_ring_is_in_the_outbox",), QUIET),
    "clock forgotten": Broken(clock_forgotten, ("the_due_time_is_the_next_deadline",), QUIET),
    "stand-in forgotten": Broken(stand_in_forgotten, MEANING, QUIET, first=37),
    "sight forgotten": Broken(sight_forgotten, ("a_title_is_for_those_who_may_see_it",), QUIET, first=18),
    "erasing leaves the snapshot": Broken(
        erasing_leaves_the_snapshot, ("what_is_erased_is_gone", "the_snapshot_is_the_fold"), QUIET, first=26
    ),
    "erasing stops the clock": Broken(
        erasing_stops_the_clock, ("erasing_changes_nothing_else",), QUIET, first=5
    ),
    "plan forgotten": Broken(plan_forgotten, ("the_auditor_finds_nothing",), QUIET),
    "repeat unmarked": Broken(
        repeat_unmarked, ("a_repeat_is_marked", "a_ring_moves_along_its_arrows"), (Fault.CRASH_AFTER_SEND,)
    ),
    "stall restarts": Broken(broken_plans.stall_restarts, DUE, QUIET),
    "trigger fires twice": Broken(broken_plans.trigger_fires_twice, ("triggers_fire_once",), QUIET, first=2),
    "update not armed again": Broken(broken_plans.update_not_armed_again, DUE, QUIET),
    "raise forgets carried": Broken(broken_plans.raise_forgets_carried, DUE, QUIET, first=2),
    "repin rewinds": Broken(broken_plans.repin_rewinds, ("a_repin_rewinds_nothing",), QUIET),
    "merge drops pages": Broken(broken_plans.merge_drops_pages, ("a_merge_forgets_nobody",), QUIET, first=7),
    "threshold never held": Broken(broken_plans.threshold_never_held, DUE, QUIET),
    "first row wins": Broken(broken_judgement.first_row_wins, GRADING, QUIET),
    "doubt goes down": Broken(broken_judgement.doubt_goes_down, GRADING, QUIET, first=13),
    "threshold counts at once": Broken(broken_judgement.threshold_counts_at_once, GRADING, QUIET, first=9),
    "fact forgets to raise": Broken(broken_judgement.fact_forgets_to_raise, GRADING, QUIET, first=2),
    "unknown counts as low": Broken(broken_judgement.unknown_counts_as_low, GRADING, QUIET, first=2),
    "step pages twice": Broken(
        broken_judgement.step_pages_twice, ("nobody_is_paged_twice_for_a_reason",), QUIET
    ),
    "turns forgotten": Broken(broken_judgement.turns_forgotten, MEANING, QUIET),
    "turns of one incident": Broken(broken_judgement.turns_of_one_incident, MEANING, QUIET),
    "the paged are told too": Broken(broken_judgement.the_paged_are_told_too, TELLING, QUIET),
    "updates go to the lead": Broken(broken_judgement.updates_go_to_the_lead, TELLING, QUIET, first=11),
    "nobody told": Broken(broken_plans.nobody_told, ("whoever_leads_hears_of_it", *TELLING), QUIET),
    "nobody counts": Broken(broken_plans.nobody_counts, ("who_asks_knows_how_many_fail",), QUIET),
    "compare and set off": Broken(
        compare_and_set_off,
        LOSING,
        (Fault.INTERFERENCE,),
        "postgresql",
    ),
}
