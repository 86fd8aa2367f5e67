"""Facts that alerts state: they decide how bad it is, at once, after a time, and across services."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import text

from tests.support.world import World, page
from tocsin.core.incident import commands, events
from tocsin.core.model import (
    Actor,
    ActorKind,
    AlertAction,
    AlertSeverity,
    FactId,
    LevelId,
    ServiceId,
    Signal,
    SubjectId,
)
from tocsin.engine import failing
from tocsin.engine.context import Context
from tocsin.engine.declare import Declared
from tocsin.engine.intake import Intake
from tocsin.store import alerts, subjects
from tocsin.store.alerts import Received

ANA = Actor(ActorKind.PERSON, "ana")
PLAN = """
plan: Harbour
zone: UTC
facts:
  error_rate: {is: percent, ask: What is the error rate?}
  backup_failed: {is: yes or no}
levels:
  P1: {repeat_every: 1h, ladder: [{after: 0m, page: ana}]}
  P2: {repeat_every: 1h, ladder: [{after: 0m, page: ben}]}
  P3: {urgent: false}
classify:
  - {level: P1, when: services_failing > 1}
  - {level: P2, when: backup_failed, because: the backup failed}
  - {level: P2, when: error_rate > 20%, for: 2m}
  - {level: P3, severity: warning}
services: {shop: Shop, bank: Bank}
integrations: {prometheus: shop, backup: bank}
rotas: {}
catch_all: [ana]
notify:
  - {after: 0m, by: [email]}
"""


@pytest.fixture
def harbour(world: World) -> World:
    world.apply_plan(PLAN)
    world.advance(seconds=3)
    return world


def slow(world: World, rate: object) -> None:
    world.alert("prometheus", "slow", severity="warning", details={"error_rate": rate, "host": "web-1"})


def reasons(world: World, incident: str = "") -> list[str]:
    found = (one.event for one in world.timeline(incident))
    return [
        f"{event.level}: {event.reason}"
        for event in found
        if isinstance(event, events.Opened | events.LevelRaised)
    ]


def test_what_an_alert_states_decides_how_bad_it_is(harbour: World) -> None:
    details: dict[str, object] = {"backup_failed": "yes"}
    harbour.alert("prometheus", "backup", severity="warning", details=details)
    harbour.expect(page("ben"))
    assert reasons(harbour) == ["P2: the backup failed (backup_failed is yes)"]
    assert harbour.incident().facts[FactId("backup_failed")].by.id == "prometheus"


def test_an_alert_that_goes_on_for_long_enough_counts(harbour: World) -> None:
    slow(harbour, "25%")
    harbour.advance(minutes=1)
    slow(harbour, "31%")
    harbour.advance(minutes=0.9)
    harbour.expect()
    harbour.advance(minutes=1)
    harbour.expect(page("ben"))
    assert reasons(harbour) == [
        "P3: severity is warning",
        "P2: error_rate is 25% (error_rate > 20% for 2m)",
    ]


def test_an_alert_that_gets_better_in_between_begins_anew(harbour: World) -> None:
    slow(harbour, "25%")
    harbour.advance(minutes=1)
    slow(harbour, "4%")
    harbour.advance(minutes=2)
    slow(harbour, "25%")
    harbour.advance(minutes=1.9)
    harbour.expect()
    harbour.advance(minutes=0.2)
    harbour.expect(page("ben"))


def test_what_does_not_fit_is_kept_with_the_alert_and_counts_as_not_known(harbour: World) -> None:
    slow(harbour, "lots")
    assert list(harbour.incident().facts) == ["services_failing"]
    assert reasons(harbour) == ["P3: severity is warning"]


def test_several_services_that_fail_are_worse_than_one(harbour: World) -> None:
    failed: dict[str, object] = {"backup_failed": True}
    harbour.alert("backup", "backup", severity="warning", details=failed)
    harbour.expect(page("ben"))
    harbour.alert("prometheus", "backup", severity="warning", details=failed)
    second = next(one for one in harbour.incidents() if one.service == "shop")
    harbour.expect(page("ana"))
    assert reasons(harbour, second.id) == ["P1: services_failing is 2 (services_failing > 1)"]


def both_fail(world: World) -> str:
    """Two services fail one after the other; the older incident. Who is paged for both hears once."""
    failed: dict[str, object] = {"backup_failed": True}
    world.alert("backup", "backup", severity="warning", details=failed)
    older = world.incident().id
    world.alert("prometheus", "backup", severity="warning", details=failed)
    return older


TWO_FAIL = "P1: services_failing is 2 (services_failing > 1)"


def test_an_older_incident_hears_that_another_service_fails(harbour: World) -> None:
    older = both_fail(harbour)
    assert reasons(harbour, older)[1:] == [TWO_FAIL]
    harbour.expect(page("ben"), page("ana"))


def test_one_that_a_person_declares_counts_and_hears(harbour: World) -> None:
    failed: dict[str, object] = {"backup_failed": True}
    harbour.alert("backup", "backup", severity="warning", details=failed)
    older = harbour.incident().id
    declared = Declared(ServiceId("shop"), "orders hang", level=LevelId("P2"))
    harbour.run(harbour.engine.declare(declared, ANA))
    harbour.settle()
    newer = next(one.id for one in harbour.incidents() if one.id != older)
    assert reasons(harbour, older)[1:] == reasons(harbour, newer)[1:] == [TWO_FAIL]
    harbour.expect(page("ben"), page("ben"), page("ana"))


def test_an_incident_under_an_older_plan_hears_though_the_plan_in_force_does_not_ask(harbour: World) -> None:
    failed: dict[str, object] = {"backup_failed": True}
    harbour.alert("backup", "backup", severity="warning", details=failed)
    older = harbour.incident().id
    harbour.expect(page("ben"))
    harbour.apply_plan(PLAN.replace("  - {level: P1, when: services_failing > 1}\n", ""))
    harbour.advance(seconds=3)
    harbour.alert("prometheus", "backup", severity="warning", details=failed)
    newer = next(one.id for one in harbour.incidents() if one.id != older)
    assert reasons(harbour, older)[1:] == [TWO_FAIL]
    assert reasons(harbour, newer)[1:] == []
    harbour.expect(page("ben"), page("ana"))


def test_a_fact_that_is_worked_out_from_it_asks_too(world: World) -> None:
    asks = PLAN.replace("services_failing > 1", "spread == wide")
    spread = "  spread: {narrow: services_failing < 2, wide: services_failing > 1}\n"
    world.apply_plan(asks.replace("facts:\n", f"facts:\n{spread}"))
    world.advance(seconds=3)
    older = both_fail(world)
    assert reasons(world, older)[1:] == ["P1: spread is wide (services_failing is 2)"]
    world.expect(page("ben"), page("ana"))


def test_a_number_that_changes_nothing_is_no_event(harbour: World) -> None:
    harbour.alert("prometheus", "slow", severity="warning")
    quiet = len(harbour.timeline())
    harbour.alert("backup", "backup", severity="warning", details={"backup_failed": True})
    older = next(one.id for one in harbour.incidents() if one.service == "shop")
    assert len(harbour.timeline(older)) == quiet
    assert harbour.run(harbour.engine.count_once()) == 0
    harbour.expect(page("ben"))


def test_after_a_start_nobody_is_told_what_they_know(harbour: World) -> None:
    both_fail(harbour)
    harbour.expect(page("ben"), page("ana"))
    harbour.start()
    assert harbour.run(harbour.engine.count_once()) == 0


def test_what_a_node_did_not_come_to_tell_the_next_one_does(
    harbour: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies() -> int:
        return 0

    monkeypatch.setattr(harbour.engine, "count_once", dies)
    older = both_fail(harbour)
    harbour.expect(page("ben"), page("ana"))
    harbour.start()
    harbour.settle()
    assert reasons(harbour, older)[1:] == [TWO_FAIL]
    harbour.expect(page("ana"))


def test_of_two_nodes_that_tell_at_once_one_is_heard(harbour: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def other_node() -> int:
        return 0

    monkeypatch.setattr(harbour.engine, "count_once", other_node)
    older = both_fail(harbour)
    found = harbour.store.read_now(failing.miscounted)
    assert older in found
    job = partial(failing.tell, context=harbour.engine.context, incident=SubjectId(older), now=harbour.now)
    assert [harbour.store.write_now(job) is None for _ in range(2)] == [False, True]
    harbour.settle()
    harbour.expect(page("ben"), page("ana"), page("ana"))


def test_what_meant_nothing_to_the_old_plan_is_told_anew_under_the_next(world: World) -> None:
    world.apply_plan(PLAN.replace("services_failing > 1", "services_failing > 5"))
    world.advance(seconds=3)
    older = both_fail(world)
    world.apply_plan(PLAN)
    world.advance(seconds=3)
    world.run(world.engine.repin(SubjectId(older), "", ANA))
    world.settle()
    assert reasons(world, older)[1:] == [TWO_FAIL]
    world.expect(page("ben"), page("ben"), page("ana"))


def test_a_number_that_came_with_an_alert_is_told_anew_once_it_is_another(harbour: World) -> None:
    older = both_fail(harbour)
    newer = next(one.id for one in harbour.incidents() if one.id != older)
    over = commands.Asked(ANA, commands.Resolve("fixed"))
    harbour.run(harbour.engine.ask(SubjectId(newer), over))
    # Before anybody counts, an alert tells the older one that it is alone, and then it is not any more.
    for source in ("backup", "prometheus"):
        details: dict[str, object] = {"backup_failed": True}
        signal = Signal(AlertAction.TRIGGER, "again", "again", AlertSeverity.WARNING, source, details=details)
        harbour.run(harbour.intake.accept([Received(source, signal, harbour.now)]))
        harbour.run(harbour.engine.triage_once())
    harbour.settle()
    heard = harbour.store.read_now(lambda tx: subjects.load_incident(tx, older))
    assert heard is not None
    assert heard.state.facts[FactId("services_failing")].value == "2"
    harbour.expect(page("ben"), page("ana"), page("ana"))


def test_a_quiet_incident_is_no_failing_service(harbour: World) -> None:
    harbour.alert("backup", "slow", severity="warning")
    harbour.alert("prometheus", "backup", severity="warning", details={"backup_failed": True})
    harbour.expect(page("ben"))


def test_a_level_that_a_person_lowered_stands_while_the_figures_go_on(harbour: World) -> None:
    slow(harbour, "25%")
    harbour.advance(minutes=2)
    harbour.expect(page("ben"))
    harbour.ask("ben", commands.SetLevel(LevelId("P3"), "only the crawler sees it"))
    for rate in ("26%", "19%", "31%"):
        slow(harbour, rate)
    harbour.advance(minutes=1)
    assert harbour.incident().level == "P3"
    harbour.advance(minutes=2)
    # It fell below and has held for two minutes anew: that is worse than it was a moment before.
    assert harbour.incident().level == "P2"
    harbour.expect(page("ben"))


def storm(world: World, failed: list[str], event_class: str = "") -> None:
    """Alerts that differ in what they state of a backup alone, stored before anybody looks at them."""
    signals = [
        Signal(
            AlertAction.TRIGGER,
            f"backup-{number}",
            "backup",
            AlertSeverity.WARNING,
            event_class=event_class,
            details={"backup_failed": said},
        )
        for number, said in enumerate(failed)
    ]
    world.run(world.intake.accept([Received("prometheus", one, world.now) for one in signals]))


def test_one_of_a_storm_that_states_something_else_is_heard(harbour: World) -> None:
    storm(harbour, ["no", "no", "yes", "no"])
    harbour.settle()
    harbour.expect(page("ben"))
    assert reasons(harbour) == ["P2: the backup failed (backup_failed is yes)"]


@pytest.mark.parametrize("event_class", ["", alerts.watched(["backup_failed", "error_rate"]).id])
def test_alerts_that_were_stored_under_a_plan_without_the_fact_are_each_judged_by_the_new_plan(
    world: World, event_class: str
) -> None:
    storm(world, ["no", "no", "yes", "no"], event_class)
    world.apply_plan(PLAN)
    world.now += timedelta(seconds=3)
    world.settle()
    world.expect(page("ben"))
    assert reasons(world) == ["P2: the backup failed (backup_failed is yes)"]


def test_a_server_that_only_takes_alerts_in_hears_that_a_figure_got_worse(harbour: World) -> None:
    slow(harbour, "5%")
    context = harbour.engine.context
    only_web = Context("web-1", context.channels, context.link, context.sign_in_link)
    harbour.intake = Intake(harbour.store, lambda: None, only_web.watched)
    slow(harbour, "30%")
    harbour.advance(minutes=3)
    harbour.expect(page("ben"))


def test_an_alert_is_taken_when_there_is_no_plan_to_read(harbour: World) -> None:
    harbour.store.write_now(lambda tx: tx.execute(text("UPDATE plans SET files = '{}'")))
    harbour.start()
    signal = Signal(AlertAction.TRIGGER, "1", "backup", details={"backup_failed": "yes"})
    harbour.run(harbour.intake.accept([Received("prometheus", signal, harbour.now)]))
    assert len(harbour.store.read_now(lambda tx: alerts.dirty(tx, 10))) == 1
