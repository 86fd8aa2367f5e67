"""What befalls a run between two steps."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from tests.sim.cast import CHANNELS
from tests.sim.chance import Fault
from tests.sim.node import Node
from tests.sim.operations import alert, clear
from tests.sim.run_rules import Catching
from tests.sim.simulation import Simulation

HOUR = 3_600
_PAGES = "PRAGMA max_page_count = {}"


def provider_down(run: Simulation) -> None:
    """One provider refuses everything for a while."""
    lengths = (60, 600, 2 * HOUR, 24 * HOUR) if run.slow else (60, 600, 2 * HOUR)
    length = run.choice.choice(lengths) * 1_000_000
    run.down[run.choice.choice(CHANNELS)] = run.loop.micros + length


def killed(run: Simulation) -> None:
    """A server process dies, with whatever it has in hand."""
    run.counts["crashes"] += 1
    run.choice.choice(run.nodes).kill()


def frozen(run: Simulation) -> None:
    """A server process stops for a while, and goes on where it was."""
    run.choice.choice(run.nodes).freeze(run.choice.choice((3, 16, 120, HOUR)))


def engine_outage(run: Simulation) -> None:
    """No wheel turns for hours; intake goes on."""
    for node in run.nodes:
        node.turning = False
    for _ in range(run.choice.randint(1, 4)):
        run.pass_over(run.choice.choice((600, HOUR, 2 * HOUR)))
        run.choice.choice((alert, alert, clear))(run)
    run.pass_over(6 * HOUR)
    for node in run.nodes:
        node.turning = True
    _catch_up(run)


def outage(run: Simulation) -> None:
    """The whole server is down for hours."""
    run.counts["crashes"] += 1
    for node in run.nodes:
        node.kill()
    run.pass_over(run.choice.choice((HOUR, 6 * HOUR, 30 * HOUR)))
    run.revivals = dict.fromkeys(range(len(run.nodes)), run.loop.micros)
    _catch_up(run)


def _catch_up(run: Simulation) -> None:
    run.disturbed()
    old = frozenset(row[0] for row in run.database.look("SELECT key FROM outbox"))
    run.catching = Catching(run.loop.micros, old)
    run.chaos.calm = True
    run.rest()
    run.chaos.calm = False


def clock_forward(run: Simulation) -> None:
    """Somebody, or time synchronisation, sets the clock forward."""
    run.move_clock(run.choice.choice((1, 30, 300, HOUR)))


def clock_back(run: Simulation) -> None:
    """The clock is set back."""
    run.move_clock(-run.choice.choice((1, 30, 300, HOUR)))


def database_restart(run: Simulation) -> None:
    """The database stops and starts again. SQLite lives in the server's process, so that restarts too."""
    if run.database.kind == "postgresql":
        run.database.restart()
    else:
        killed(run)


def disk_full(run: Simulation) -> None:
    """No page can be added to the database for a while."""
    node = run.nodes[0]
    if node.dead:
        return
    with node.store.writing.connect() as connection:
        count = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(_PAGES.format(count)))
    run.loop.call_later(run.choice.choice((5, 60, 600)), room_again, node)


def room_again(node: Node) -> None:
    """Somebody has made room on the disk."""
    if not node.dead and node.run.database.kind != "postgresql":
        with node.store.writing.connect() as connection:
            connection.execute(text(_PAGES.format(1 << 30)))


def power_cut(run: Simulation) -> None:
    """The power goes, and comes back."""
    run.cut_power()


def channel_removed(run: Simulation) -> None:
    """The servers restart with other channels set up."""
    lost = run.choice.choice(CHANNELS)
    run.channels = CHANNELS if len(run.channels) < len(CHANNELS) else tuple(set(CHANNELS) - {lost})
    run.channels = tuple(sorted(run.channels))
    run.note_reachable()
    for node in run.nodes:
        node.kill()


DISASTERS: dict[Fault, Callable[[Simulation], None]] = {
    Fault.PROVIDER_DOWN: provider_down,
    Fault.KILLED: killed,
    Fault.FROZEN: frozen,
    Fault.ENGINE_OUTAGE: engine_outage,
    Fault.OUTAGE: outage,
    Fault.CLOCK_FORWARD: clock_forward,
    Fault.CLOCK_BACK: clock_back,
    Fault.DATABASE_RESTART: database_restart,
    Fault.DISK_FULL: disk_full,
    Fault.POWER_CUT: power_cut,
    Fault.CHANNEL_REMOVED: channel_removed,
}
