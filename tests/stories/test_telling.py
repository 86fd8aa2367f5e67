"""Messages that want no answer, and promises that outlive their incident."""

from __future__ import annotations

from pathlib import Path

from tests.support.world import PEOPLE, PLAN, World, page
from tocsin.core.incident import Status, commands, deadlines, events
from tocsin.core.model import Outcome, PersonId
from tocsin.engine.auditor import Mark, audit
from tocsin.store import ledger
from tocsin.store.database import sqlite_url

TELLING = PLAN.replace("after: 5m", "tell: chloe, after: 5m")
WARNING = PLAN + "promises:\n  Report written: {from: resolved, within: 48h, warn: 24h, tell: [ana, chloe]}\n"
REPORTING = PLAN + "promises:\n  Report written: {from: resolved, within: 48h}\n"


def test_somebody_who_is_told_is_asked_for_nothing(world: World) -> None:
    world.apply_plan(TELLING)
    world.advance(seconds=3)
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.advance(minutes=5)
    world.expect(page("ana", "webhook"), page("ben"), page("chloe"))
    message = next(message for _, _, message in world.sent if message.person == "chloe")
    incident = world.incident()
    assert (message.link, message.urgent, message.incidents) == ("", False, (incident.id,))
    assert message.subject.startswith("For you to know: ")
    assert message.text.startswith("Chloe, this is for you to know. You need not answer.\n\n")
    assert "Acknowledge" not in message.text
    assert incident.status is Status.TRIGGERED
    attempts = world.store.read_now(lambda tx: ledger.of_incident(tx, incident.id))
    assert [row.outcome for row in attempts if row.person == "chloe"] == [Outcome.ACCEPTED]
    settled = [one.event for one in world.timeline() if isinstance(one.event, events.RingSettled)]
    assert any(one.person == "chloe" for one in settled)


def test_who_may_not_see_an_incident_hears_of_it_without_its_title(world: World) -> None:
    world.apply_plan(TELLING)
    world.advance(seconds=3)
    world.alert("prometheus", "the payroll leaked")
    world.ask("ana", commands.Restrict((PersonId("ana"),)))
    world.advance(minutes=5)
    world.expect(page("ana"), page("ana", "webhook"), page("ben"), page("chloe"))
    heard = {str(message.person): message for _, _, message in world.sent}
    assert "the payroll leaked" in heard["ben"].text, "who is paged must see what for"
    subject = f"For you to know: P1 Checkout: only some may see what it is ({world.incident().id})"
    assert (heard["chloe"].subject, "payroll" in heard["chloe"].text) == (subject, False)


def test_times_are_those_of_the_readers_clock_and_utc_beside_it(tmp_path: Path) -> None:
    """In the morning in Seoul it is still night in London; whoever named no zone reads UTC."""
    seoul = PEOPLE.replace("chloe: {name: Chloe,", "chloe: {name: Chloe, zone: Asia/Seoul,")
    world = World(sqlite_url(tmp_path / "tocsin.db"), plan=WARNING, people=seoul)
    world.alert("prometheus", "checkout is down")
    world.resolve("ana")
    world.advance(hours=24)
    world.expect(page("ana"), page("ana"), page("chloe"))
    said = "“Report written” is due in 1d, at"
    assert {message.person: message.text.splitlines()[3] for _, _, message in world.sent[1:]} == {
        "ana": f"{said} 2026-11-25 03:00 UTC.",
        "chloe": f"{said} Wed 2026-11-25 12:00 Asia/Seoul (2026-11-25 03:00 UTC).",
    }
    world.close()


def test_an_answer_does_not_call_off_what_people_are_told(world: World) -> None:
    world.apply_plan(TELLING)
    world.advance(seconds=3)
    world.alert("prometheus", "checkout is down")
    world.advance(minutes=5)
    world.expect(page("ana"), page("ana", "webhook"), page("ben"), page("chloe"))
    world.acknowledge("ana")
    found = world.store.read_now(lambda tx: audit(tx, world.engine.context, world.now, Mark(world.now)))
    assert found.findings == ()


def test_a_promise_wakes_an_incident_that_is_over(world: World) -> None:
    world.apply_plan(REPORTING)
    world.advance(seconds=3)
    world.alert("prometheus", "checkout is down")
    world.expect(page("ana"))
    world.resolve("ana")
    world.ask("ana", commands.Close("done"))
    world.advance(hours=49)
    incident = world.incident()
    policy = world.store.read_now(lambda tx: world.engine.context.policy(tx, incident.policy_version))
    listed = [f"{one.promise} {one.state}" for one in deadlines(incident, policy)]
    assert "Report written broken" in listed
    assert incident.status is Status.CLOSED
