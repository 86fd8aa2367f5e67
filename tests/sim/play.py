"""Playing one seed from beginning to end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.sim import operations
from tests.sim.cast import CHANNELS
from tests.sim.chance import DISASTERS as DISASTER_FAULTS
from tests.sim.chance import Fault
from tests.sim.checks import Checks, open_incidents
from tests.sim.databases import open_database
from tests.sim.disasters import DISASTERS, room_again
from tests.sim.erasing import erase_words
from tests.sim.operations import OPERATIONS, WEIGHTS
from tests.sim.simulation import Simulation
from tests.support.postgres import Cluster

STEPS = 60
DEEP_LOOK_EVERY = 20
FAST_PAUSES = (0, 0, 0, 1, 15, 60, 60, 300, 1_200, 7_200)
SLOW_PAUSES = (0, 0, 60, 3_600, 6 * 3_600, 86_400, 3 * 86_400)
LONG_PAUSES = (7 * 86_400, 30 * 86_400)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run that held came to."""

    digest: str
    lines: int
    seconds: float
    counts: Counter[str]
    faults: Counter[Fault]
    judged: int


def play(
    seed: int,
    kind: str,
    cluster: Cluster | None = None,
    *,
    steps: int = STEPS,
    faults: tuple[Fault, ...] | None = None,
) -> Outcome:
    """Run a seed on a kind of database; raises Violation when an invariant does not hold."""
    database = open_database(kind, cluster)
    try:
        run = Simulation(seed, database, faults)
        try:
            _play(run, steps)
        finally:
            run.close()
    finally:
        database.close()
    return Outcome(
        run.log.digest(),
        run.log.lines,
        run.loop.micros / 1e6,
        run.counts,
        run.chaos.counts,
        run.verdict.judged,
    )


def _play(run: Simulation, steps: int) -> None:
    checks = Checks(run)
    weights = [WEIGHTS.get(one, 1) * run.choice.choice((0, 1, 1, 3)) for one in OPERATIONS]
    weights[OPERATIONS.index(operations.alert)] += 1
    for step in range(1, steps + 1):
        run.counts["steps"] = step
        _step(run, weights)
        checks.look()
        if step % DEEP_LOOK_EVERY == 0:
            checks.look_deep()
    _heal(run)
    checks.look_healed()
    operations.resolve_most(run)
    operations.clear_everything(run)
    run.advance(3_600)
    checks.look_healed()


def _step(run: Simulation, weights: list[float]) -> None:
    disaster = run.chaos.strikes(*DISASTER_FAULTS)
    if disaster is not None:
        run.log.write(f"{run.loop.micros} disaster {disaster}")
        DISASTERS[disaster](run)
    (operation,) = run.choice.choices(OPERATIONS, weights)
    run.log.write(f"{run.loop.micros} step {run.counts['steps']}: {operation.__name__}")
    operation(run)
    erase_words(run)
    run.rested = run.choice.random() < 0.8
    if not run.rested:
        return
    run.rest()
    pause = run.choice.choice(SLOW_PAUSES if run.slow else FAST_PAUSES)
    if run.choice.random() < 0.03:
        operations.resolve_most(run)
        pause = run.choice.choice(LONG_PAUSES)
    run.advance(pause)


def _heal(run: Simulation) -> None:
    """No more faults; whoever was stopped goes on, whatever was lost is there again, and time passes."""
    run.log.write(f"{run.loop.micros} all is well")
    run.chaos.calm = True
    run.down.clear()
    if run.channels != CHANNELS:
        # Whoever runs goes on with the channels that were there at the start.
        run.channels = CHANNELS
        run.note_reachable()
        for node in run.nodes:
            node.kill()
    for node in run.nodes:
        node.thaw()
        node.turning = True
        node.late.clear()
        room_again(node)
    run.revivals = {slot: run.loop.micros for slot, node in enumerate(run.nodes) if node.dead}
    run.rested = True
    run.advance(1_200)
    assert all(one.awake for one in run.nodes), open_incidents(run)
