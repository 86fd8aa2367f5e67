"""One record that cannot be read is set aside and said aloud; everybody else's pages go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.support.world import World, page
from tocsin.core.model import AlertAction, Outcome, Receipt, Signal
from tocsin.engine import quarantine
from tocsin.store import subjects
from tocsin.store.alerts import Received


def damage(world: World, table: str, column: str) -> None:
    """Put a value that cannot be read into every row."""
    world.store.write_now(
        lambda tx: tx.execute(text(f"UPDATE {table} SET {column} = 'broken'"))  # noqa: S608  # a test's own names
    )


def test_an_unreadable_incident_does_not_stop_the_wheels(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    damage(world, "subjects", "state")
    world.alert("uptime", "catalogue is down")
    world.expect(page("ana"))
    world.advance(minutes=5)
    # Of the one that is set aside, Dara hears, who is the catch-all.
    world.expect(page("ana", "webhook"), page("ben"), page("dara"))


def test_the_catch_all_hears_once_an_hour_of_an_incident_that_pages_nobody_any_more(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    id = world.incident().id
    damage(world, "subjects", "state")
    world.advance(minutes=59)
    world.expect(page("dara"))
    (_, _, message) = world.sent[-1]
    assert message.subject == f"Tocsin pages nobody any more for {id}"
    assert message.text == (
        "Dara, Tocsin cannot go on with this and has set it aside: nobody is paged for it any more."
        " Please see to it yourself, and call whoever is needed.\n\n"
        f"{id}: look at it, its details cannot be read\n"
        "Corrupt: A stored Incident cannot be read: JSON is malformed: invalid character (byte 0).\n"
    )
    assert message.urgent
    world.advance(minutes=60)
    world.expect(page("dara"))


def test_an_incident_is_set_aside_although_nobody_can_be_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    damage(world, "subjects", "state")

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(quarantine, "people", broken)
    world.advance(minutes=10)
    world.expect()
    assert list(world.store.read_now(subjects.set_aside_now)) == ["INC-20261123-001"]


def test_the_catch_all_hears_by_every_channel_it_has(world: World) -> None:
    world.apply_plan(world.plan.replace("catch_all: [dara]", "catch_all: [ana]"))
    world.now += timedelta(seconds=10)
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    damage(world, "subjects", "state")
    world.channels["email"].answer = lambda _message: Receipt(Outcome.FAILED)
    world.advance(minutes=10)
    world.expect(page("ana"), page("ana", "webhook"))


def test_a_new_alert_does_not_wait_behind_an_unreadable_incident(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    damage(world, "subjects", "state")
    world.alert("prometheus", "checkout is on fire")
    world.expect(page("ana"))


def test_an_unreadable_alert_still_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.store.alerts.dump", lambda _signal: "broken")
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    assert world.incident().title == "checkout is down"


def test_a_page_for_an_unreadable_incident_still_goes_out(world: World) -> None:
    signal = Signal(AlertAction.TRIGGER, "checkout", "checkout is down")
    world.run(world.intake.accept([Received("prometheus", signal, world.now)]))
    world.run(world.engine.triage_once())
    damage(world, "subjects", "state")
    world.settle()
    world.expect(page("ana"))
    (_, _, message) = world.sent[-1]
    assert message.subject.endswith("look at it, its details cannot be read")


def test_a_signal_that_cannot_be_stored_fails_alone_and_the_door_stays_open(world: World) -> None:
    with pytest.raises(UnicodeEncodeError):
        world.alert("prometheus", "half a letter \ud800")
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))


def test_an_unreadable_incident_takes_no_sound_one_with_it_when_the_plan_has_changed(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    damage(world, "subjects", "state")
    world.alert("uptime", "catalogue is down")
    world.expect(page("ana"), page("ana"))
    world.now += timedelta(seconds=10)
    world.apply_plan(world.plan.replace("prometheus: checkout", "prometheus: catalogue"))
    world.clear("prometheus", "checkout is down")
    (set_aside,) = world.store.read_now(subjects.set_aside_now)
    assert set_aside.endswith("-001")
