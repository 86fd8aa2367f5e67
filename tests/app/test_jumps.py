"""A clock that somebody sets while the server runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.app import health
from tocsin.app.health import Health
from tocsin.app.jumps import Jumps, told
from tocsin.engine.context import Context
from tocsin.settings import read_settings
from tocsin.store.database import sqlite_url
from tocsin.store.migrate import migrate
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
BACK = (
    "This machine's clock was set back by 600 seconds: what had been promised before then is late by as much."
)
FORWARD = (
    "This machine's clock was set forward by 600 seconds, or the machine stood still: what falls due in that"
    " time is done at once."
)


class Machine:
    """A machine whose clock can be set, with whoever watches it."""

    def __init__(self) -> None:
        self.now, self.passed = NOW, timedelta(hours=5)
        self.jumps = Jumps()
        self.look()

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.passed += timedelta(seconds=seconds)

    def set(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def look(self) -> float:
        return self.jumps.look(self.now, self.passed).total_seconds()

    @property
    def jumped(self) -> float:
        return self.jumps.jumped.total_seconds()


def test_time_that_passes_is_no_jump() -> None:
    machine = Machine()
    for seconds in (0, 1, 3_600, 86_400):
        machine.wait(seconds)
        assert machine.look() == 0


@pytest.mark.parametrize(("seconds", "told"), [(1.9, 0), (2.1, 2.1), (-2.1, -2.1), (-3_600, -3_600)])
def test_a_jump_of_more_than_two_seconds_is_told(seconds: float, told: float) -> None:
    machine = Machine()
    machine.wait(1)
    machine.set(seconds)
    assert machine.look() == told
    assert machine.jumped == told
    machine.wait(1)
    assert machine.look() == 0
    assert machine.jumped == told, "what it has made late is still late"


@pytest.mark.parametrize(("seconds", "lasts"), [(-600, 600), (600, 600), (-5, 60), (10 * 86_400, 86_400)])
def test_a_jump_is_told_for_as_long_as_it_is_wide(seconds: float, lasts: float) -> None:
    machine = Machine()
    machine.set(seconds)
    machine.look()
    machine.wait(lasts - 1)
    machine.look()
    assert machine.jumped == seconds
    machine.wait(1)
    machine.look()
    assert machine.jumped == 0


def test_jumps_that_follow_each_other_add_up() -> None:
    machine = Machine()
    machine.set(-600)
    machine.look()
    machine.wait(10)
    machine.set(-300)
    assert machine.look() == -300
    assert machine.jumped == -900


def test_a_clock_that_is_set_right_again_makes_nothing_late() -> None:
    machine = Machine()
    machine.set(-600)
    machine.look()
    machine.wait(10)
    machine.set(600)
    assert machine.look() == 600
    assert machine.jumped == 0


@pytest.mark.parametrize(("seconds", "words"), [(-600, BACK), (600, FORWARD)])
def test_the_sentence_has_the_figure(seconds: float, words: str) -> None:
    assert told(timedelta(seconds=seconds)) == words


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Health]:
    """A node on SQLite."""

    def no_link(*_: object) -> str:
        raise AssertionError("nobody is paged here")

    store = Store(sqlite_url(tmp_path / "tocsin.db"))
    migrate(store.writing)
    yield Health(store, Context("local", frozenset(), no_link, no_link), read_settings({}, {}))
    store.close()


@pytest.mark.parametrize(("seconds", "words"), [(-600, BACK), (600, FORWARD)])
async def test_a_clock_that_was_set_is_said_in_the_log_and_to_whoever_asks(
    node: Health,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seconds: float,
    words: str,
) -> None:
    machine = Machine()
    monkeypatch.setattr(health, "clock", lambda: machine.now)
    monkeypatch.setattr(health, "passed", lambda: machine.passed)
    await node.measure()
    assert await node.troubles() == {}
    machine.set(seconds)
    await node.measure()
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [("CRITICAL", words)]
    assert await node.troubles() == {"jump": words}
    machine.wait(601)
    await node.measure()
    assert await node.troubles() == {}
    assert not node.skewed, "it goes on deciding: there is nothing better to go by"


async def test_a_pause_of_the_process_is_no_jump(
    node: Health, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()

    def stopped_before_the_answer() -> datetime:
        now = machine.now
        machine.wait(30)
        return now

    monkeypatch.setattr(health, "passed", lambda: machine.passed)
    monkeypatch.setattr(health, "clock", lambda: machine.now)
    await node.measure()
    monkeypatch.setattr(health, "clock", stopped_before_the_answer)
    await node.measure()
    assert caplog.records == []
