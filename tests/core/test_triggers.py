"""Escalation by impact, incidents that people open, and another version of the plan for one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.core.trial import INCIDENT, SOURCE, Trial, level, policy, target, targets, tasks
from tocsin.core.facts import FactValue
from tocsin.core.incident import commands, events
from tocsin.core.model import FactId, LevelId, Refused, ServiceId
from tocsin.core.policy import Policy, Service, Trigger

FAILING = FactId("services_failing")
WEB, SHOP = ServiceId("web"), ServiceId("shop")


@dataclass(frozen=True)
class Several:
    """A condition as the plan room would read `services_failing > 1`."""

    text: str = "services_failing > 1"
    needs: frozenset[FactId] = frozenset({FAILING})

    def holds(self, facts: Mapping[FactId, FactValue]) -> bool | None:
        number = facts.get(FAILING)
        return None if number is None else isinstance(number, float) and number > 1

    def reading(self, facts: Mapping[FactId, FactValue]) -> tuple[object, ...]:
        return (self.holds(facts),)


def plan(*ladder: str, **more: Any) -> Policy:
    levels = (level("P1", *ladder, within="", lasts=""), level("P2", "0m chloe", rank=1, within="", lasts=""))
    services = {one: Service(one, one.title()) for one in (WEB, SHOP)}
    return replace(policy(*levels), services=services, **more)


def fails(trial: Trial, number: str = "2") -> None:
    """Triage says how many services fail by now."""
    service, p1 = ServiceId("checkout"), LevelId("P1")
    trial.ask(commands.JoinAlerts(INCIDENT, service, 0, (), p1, "still P1", {FAILING: number}), SOURCE)


def refusal(answer: object) -> str:
    assert isinstance(answer, Refused)
    return answer.reason


# Triggers.


def test_a_trigger_pages_tells_and_restricts_once_when_its_condition_comes_to_hold() -> None:
    several = Trigger(
        "Several", Several(), targets("ben"), targets("chloe"), tasks("Call"), targets("ana+ben")
    )
    trial = Trial(plan("0m ana", triggers=(several,)))
    trial.join()
    assert trial.told() == ["0m ana email"]
    fails(trial)
    trial.by("ana", commands.AddNote("the web is down too"))
    fails(trial, "3")
    assert trial.told() == ["0m ana email", "0m ben email"]
    assert trial.heard() == ["0m chloe email: Several: services_failing > 1."]
    assert [one.words for one in trial.incident.tasks] == ["Call"]
    assert trial.incident.restricted_to == targets("ana+ben")
    assert trial.happened(events.TriggerFired) == ["0m TriggerFired"]


def test_an_answer_of_somebody_else_does_not_end_the_page_of_a_trigger() -> None:
    trial = Trial(plan("0m ana", triggers=(Trigger("Several", Several(), targets("ben")),)))
    trial.join()
    fails(trial)
    trial.acknowledge("ana")
    assert [page.person for page in trial.incident.pages] == ["ben"]


def test_a_trigger_that_reaches_nobody_reaches_the_catch_all() -> None:
    trial = Trial(plan("0m ana", triggers=(Trigger("Several", Several(), targets("zoe")),)))
    trial.join()
    fails(trial)
    assert trial.told() == ["0m ana email", "0m dara email"]


# Declared by hand.


def declare(trial: Trial, **more: Any) -> object:
    given = {"service": SHOP, "title": "Orders hang", "reason": "", **more}
    return trial.by("ana", commands.Declare(INCIDENT, **given))


def test_a_person_opens_an_incident_and_people_are_paged() -> None:
    trial = Trial(plan("0m ben"))
    declare(trial, level=LevelId("P1"))
    assert trial.told() == ["0m ben email"]
    state = trial.incident
    assert (state.service, state.title, state.alerts_open) == (SHOP, "Orders hang", 0)
    assert trial.last(events.Opened).reason == "a person says so"


def test_without_a_level_doubt_goes_up() -> None:
    trial = Trial(plan("0m ben"))
    declare(trial)
    assert trial.incident.level == "P1"


def test_what_is_declared_must_be_of_the_plan() -> None:
    trial = Trial(plan("0m ben"))
    assert refusal(declare(trial, service=ServiceId("x"))) == "The plan has no service x; it has web, shop."
    assert refusal(declare(trial, level=LevelId("P9"))) == "The plan has no level P9; it has P1, P2."
    untitled = "An incident needs a title: say in a few words what is wrong."
    assert refusal(declare(trial, title=" ")) == untitled
    declare(trial)
    assert refusal(declare(trial)) == "There is an incident INC-1 already."


# Another version of the plan.


def repinned(trial: Trial, new: Policy) -> object:
    answer = trial.by("ana", commands.Repin(replace(new, version="v2")))
    trial.policy = trial.policy if isinstance(answer, Refused) else replace(new, version="v2")
    return answer


def test_what_was_taken_is_not_taken_again_and_what_comes_goes_by_the_new_plan() -> None:
    trial = Trial(plan("0m ana", "15m ben", "30m chloe"))
    trial.join()
    trial.wait(minutes=16)
    repinned(trial, plan("0m ana", "5m ben", "20m chloe"))
    assert (trial.incident.policy_version, trial.incident.steps_taken) == ("v2", 2)
    trial.wait(minutes=4)
    assert trial.told() == ["0m ana email", "15m ben email", "20m chloe email"]


def test_a_page_that_both_plans_promise_is_not_dropped() -> None:
    trial = Trial(plan("0m ana", "5m ben", "15m dara"))
    trial.join()
    trial.wait(minutes=0.5)
    repinned(trial, plan("0m ben", "1m ana", "15m dara"))
    trial.wait(minutes=15)
    assert trial.told() == ["0m ana email", "0.5m ben email", "15m dara email"]


def test_another_version_once_more_still_knows_what_was_taken() -> None:
    trial = Trial(plan("0m ana", "5m ben", "15m dara"))
    trial.join()
    repinned(trial, plan("0m ben", "1m ana", "15m dara"))
    trial.by("ana", commands.Repin(replace(plan("0m ana", "2m ben", "15m dara"), version="v3")))
    trial.policy = replace(plan("0m ana", "2m ben", "15m dara"), version="v3")
    trial.wait(minutes=5)
    assert trial.told() == ["0m ana email", "2m ben email"]


def test_a_step_that_a_version_in_between_did_not_have_is_not_taken_again() -> None:
    trial = Trial(plan("0m ana", "5m ben", "15m dara"))
    trial.join()
    trial.wait(minutes=6)
    repinned(trial, plan("0m ana", "15m dara"))
    again = replace(plan("0m ana", "5m ben", "15m dara"), version="v3")
    trial.by("ana", commands.Repin(again))
    trial.policy = again
    trial.wait(minutes=9)
    assert trial.told() == ["0m ana email", "5m ben email", "15m dara email"]


def test_a_new_round_takes_every_step_of_the_new_plan() -> None:
    trial = Trial(plan("0m ana"))
    trial.join()
    repinned(trial, plan("0m ben", "1m ana"))
    trial.wait(minutes=12)
    assert trial.told() == ["0m ana email", "0m ben email", "10m ben email", "11m ana email"]


def test_a_step_that_is_new_before_those_taken_is_taken_at_once() -> None:
    trial = Trial(plan("0m ana", "5m ben"))
    trial.join()
    trial.wait(minutes=6)
    repinned(trial, plan("0m ana", "2m dara", "5m ben", "10m chloe"))
    trial.wait(minutes=4)
    assert trial.told() == ["0m ana email", "5m ben email", "6m dara email", "10m chloe email"]


def test_where_the_ladder_is_another_all_of_it_is_to_come() -> None:
    trial = Trial(plan("0m ana", "5m ben"))
    trial.join()
    trial.wait(minutes=1)
    repinned(trial, plan("0m chloe", "5m dara"))
    trial.wait(minutes=4)
    assert trial.told() == ["0m ana email", "1m chloe email", "5m dara email"]


def test_a_version_without_the_level_is_refused() -> None:
    trial = Trial(plan("0m ana"))
    trial.join()
    other = replace(policy(level("A", "0m ana"), level("P2", "0m ana", rank=1)), version="v2")
    said = "That version has no level P1; it has A, P2. Set the level to P2 first."
    assert refusal(repinned(trial, other)) == said
    strange = replace(policy(level("A", "0m ana")), version="v2")
    said = "That version has no level P1; it has A. No level is in both, so INC-1 stays with its version."
    assert refusal(repinned(trial, strange)) == said
    same = trial.by("ana", commands.Repin(trial.policy))
    assert refusal(same) == "INC-1 goes by that version of the plan already."
    assert target("ana") in trial.policy.levels[0].ladder[0].targets
