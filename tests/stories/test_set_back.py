"""The clock is set back while the server is down: it is said, and whoever must be paged is paged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from tests.support.world import World, page
from tocsin.app import health
from tocsin.app.health import Health
from tocsin.core.incident import Status, commands
from tocsin.core.model import Outcome, Receipt
from tocsin.settings import read_settings
from tocsin.store import leases, sending
from tocsin.store.latest import REMEDY, newest_time

BACK = timedelta(hours=1)
SAID = (
    "This machine's clock is {} seconds behind the newest time in the database: it was set back while no "
    "server ran, or was ahead before. What was promised by then is late by as much."
)
Start = Callable[[], Health]


@pytest.fixture
def start(world: World, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a server as `tocsin serve` does, and gives what it finds out about itself."""
    monkeypatch.setattr(health, "clock", lambda: world.now)

    def started() -> Health:
        world.start()
        world.store.write_now(partial(sending.begin, now=world.now, node="node-1"))
        return Health(world.store, world.engine.context, read_settings({}, {}))

    return started


def jumps(world: World, node: Health) -> str:
    return dict(world.run(node.troubles())).get("jump", "")


def test_a_clock_set_back_while_no_server_ran_is_said_until_it_is_right(
    world: World, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.now -= BACK
    node = start()
    world.run(node.look_back())
    said = SAID.format(3600)
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [("CRITICAL", f"{said} {REMEDY}")]
    assert jumps(world, node) == said
    world.now += timedelta(minutes=30)
    assert jumps(world, node) == SAID.format(1800)
    world.now += timedelta(minutes=30)
    assert jumps(world, node) == ""


def test_a_clock_that_was_a_year_ahead_is_told_of_for_a_day(world: World, start: Start) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.now -= timedelta(days=365)
    node = start()
    world.run(node.look_back())
    assert jumps(world, node) == SAID.format(365 * 86400)
    world.now += timedelta(hours=25)
    assert jumps(world, node) == ""


@pytest.mark.parametrize("seconds", [-9, 0, 3600])
def test_a_clock_that_goes_on_is_not_worth_a_word(
    world: World, start: Start, seconds: int, caplog: pytest.LogCaptureFixture
) -> None:
    world.alert("prometheus", "checkout is down")
    world.acknowledge("ana")
    world.expect(page("ana"))
    world.now += timedelta(seconds=seconds)
    node = start()
    world.run(node.look_back())
    assert (jumps(world, node), caplog.records) == ("", [])


def test_a_server_that_had_nothing_to_do_is_known_to_have_been_up(world: World, start: Start) -> None:
    assert world.store.read_now(newest_time) is None
    hold = partial(leases.hold, name=leases.AUDITOR, lasts=timedelta(seconds=120))
    world.store.write_now(partial(hold, node="node-1", now=world.now))
    assert world.store.read_now(newest_time) == world.now
    # Another server takes the job, which nobody can have for an hour.
    before: datetime = world.now
    world.now -= BACK
    node = start()
    world.run(node.look_back())
    assert jumps(world, node) == SAID.format(3600)
    assert world.store.write_now(partial(hold, node="node-2", now=world.now))
    assert not world.store.write_now(partial(hold, node="node-1", now=world.now))
    assert world.store.read_now(newest_time) == world.now < before


def test_whoever_must_be_paged_is_paged_by_the_clock_that_is(world: World, start: Start) -> None:
    world.channels["email"].answer = lambda _: Receipt(Outcome.RETRYING, "busy")
    world.alert("prometheus", "checkout is down")
    world.sent.clear()
    world.now -= BACK
    start()
    world.channels["email"].answer = lambda _: Receipt(Outcome.ACCEPTED)
    # The page that was to be tried again goes at once, and not in an hour.
    world.settle()
    assert "ana" in {message.person for _, channel, message in world.sent if channel == "email"}
    world.expected = len(world.sent)
    # What begins now goes by this clock.
    world.alert("uptime", "search is down", severity="error")
    world.expect(page("ana"))
    search = next(one for one in world.incidents() if one.service == "catalogue")
    world.advance(minutes=16)
    world.expect(page("ana", "webhook"), page("ben"))
    world.acknowledge("ben", search.id)
    old = next(one for one in world.incidents() if one.service == "checkout")
    assert old.status is Status.TRIGGERED
    world.acknowledge("ana", old.id)
    assert {one.status for one in world.incidents()} == {Status.ACKNOWLEDGED}
    world.expected = len(world.sent)


@pytest.mark.parametrize("skew_seconds", [0, 3600])
def test_what_waits_to_be_tried_again_goes_at_once_when_the_clock_is_set_back_under_a_running_server(
    world: World, start: Start, monkeypatch: pytest.MonkeyPatch, skew_seconds: int
) -> None:
    """But not by the clock of a node that the database's shows to be wrong."""
    passed = timedelta(seconds=100)
    monkeypatch.setattr(health, "passed", lambda: passed)
    node = start()
    world.channels["email"].answer = lambda _: Receipt(Outcome.RETRYING, "busy")
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"), page("ana", "webhook"))
    monkeypatch.setattr(health, "database_now", lambda _tx: world.now.timestamp())
    world.run(node.measure())
    world.now -= BACK
    theirs = world.now + timedelta(seconds=skew_seconds)
    monkeypatch.setattr(health, "database_now", lambda _tx: theirs.timestamp())
    world.run(node.measure())
    world.settle()
    world.expect(*() if skew_seconds else (page("ana"),))


def test_after_a_set_back_a_person_can_have_the_next_step_at_once(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.now -= BACK
    world.advance(minutes=10)
    world.expect()
    world.ask("ana", commands.Escalate("the clock was set back"))
    world.expect(page("ben"))
