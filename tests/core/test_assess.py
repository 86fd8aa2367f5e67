"""An incident is judged again when more is known of it: facts raise its level, also after a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.core.trial import INCIDENT, SOURCE, Trial, level, policy
from tocsin.core.facts import Fact, FactKind, built_in
from tocsin.core.incident import Decision, commands, decide, events
from tocsin.core.model import FactId, LevelId, Refused, ServiceId
from tocsin.core.policy import Classification, Matrix, Policy
from tocsin.plan.conditions import condition_of

CHOICES = ("low", "high")
FACTS = {
    fact.id: fact
    for fact in (
        Fact(FactId("error_rate"), FactKind.PERCENT),
        Fact(FactId("users"), FactKind.NUMBER),
        Fact(FactId("data_loss"), FactKind.YES_OR_NO),
        Fact(FactId("urgency"), FactKind.CHOICE, CHOICES),
        Fact(FactId("business"), FactKind.CHOICE, CHOICES),
    )
}
REACH = Fact(
    FactId("reach"),
    FactKind.CHOICE,
    CHOICES,
    chosen_by=tuple(
        (choice, condition_of(text, FACTS))
        for choice, text in (("low", "users < 10"), ("high", "users >= 10"))
    ),
)
IMPACT = Fact(FactId("impact"), FactKind.CHOICE, CHOICES, highest_of=(FactId("reach"), FactId("business")))
CELLS = {("low", "low"): "P4", ("low", "high"): "P3", ("high", "low"): "P3", ("high", "high"): "P2"}


def row(level: str, text: str, minutes: float = 0) -> Classification:
    return Classification({}, LevelId(level), condition_of(text, FACTS), timedelta(minutes=minutes))


def plan() -> Policy:
    """P1 when data is lost; by the error rate P2 after two minutes, P3 at once; the rest by the matrix."""
    levels = [level(f"P{rank + 1}", "0m ana", rank=rank, repeat="60m", lasts="") for rank in range(4)]
    return replace(
        policy(*levels),
        facts={**FACTS, REACH.id: REACH, IMPACT.id: IMPACT},
        classifications=(
            row("P1", "data_loss"),
            row("P2", "error_rate > 20%", 2),
            row("P3", "error_rate > 5%"),
            Classification({"severity": "info"}, LevelId("P4")),
        ),
        matrix=Matrix(IMPACT.id, FactId("urgency"), {cell: LevelId(level) for cell, level in CELLS.items()}),
    )


def opened(level: str = "P4", **facts: str) -> Trial:
    trial = Trial(plan())
    join(trial, level, **facts)
    return trial


def join(trial: Trial, level: str = "P4", /, **facts: str) -> None:
    said = {FactId(id): value for id, value in facts.items()}
    service = ServiceId("shop")
    alerts = commands.JoinAlerts(INCIDENT, service, 1, ("slow",), LevelId(level), "because", said)
    assert isinstance(trial.ask(alerts, SOURCE), Decision)


def says(trial: Trial, **facts: str) -> Refused | None:
    answer = trial.by("ana", commands.SetFacts({FactId(id): value for id, value in facts.items()}))
    return answer if isinstance(answer, Refused) else None


def raised(trial: Trial) -> list[str]:
    """Each time the level was raised, as `2m P2: why`."""
    whens = trial.happened(events.LevelRaised)
    found = [one.event for one in trial.recorded if isinstance(one.event, events.LevelRaised)]
    return [f"{when.split()[0]} {one.level}: {one.reason}" for when, one in zip(whens, found, strict=True)]


def test_a_fact_that_makes_it_worse_raises_the_level_and_pages_again() -> None:
    trial = opened()
    trial.acknowledge("ana")
    assert says(trial, data_loss="yes") is None
    assert raised(trial) == ["0m P1: data_loss is yes"]
    assert trial.incident.status == "triggered"


def test_a_fact_that_makes_nothing_worse_is_recorded_and_raises_nothing() -> None:
    trial = opened("P3")
    assert says(trial, error_rate="6%") is None
    assert raised(trial) == []
    assert trial.incident.facts[FactId("error_rate")].value == "6%"


def test_a_row_may_look_at_the_service() -> None:
    known = {**FACTS, **built_in([], [ServiceId("shop"), ServiceId("bank")])}
    for name, levels in (("shop", ["0m P1: error_rate is 3% and service is shop"]), ("bank", [])):
        here = condition_of(f"error_rate > 1% and service == {name}", known)
        rows = (Classification({}, LevelId("P1"), here), Classification({"severity": "info"}, LevelId("P4")))
        trial = Trial(replace(plan(), classifications=rows))
        join(trial)
        says(trial, error_rate="3%")
        assert raised(trial) == [f"{one} ({here.text})" for one in levels]


def test_the_matrix_judges_what_is_known_so_far_and_then_the_whole() -> None:
    trial = opened()
    says(trial, urgency="low")
    says(trial, users="5", business="high", urgency="high")
    assert raised(trial) == [
        "0m P3: impact is not known and counts as high and urgency is low",
        "0m P2: impact is high (business is high) and urgency is high",
    ]


def test_a_condition_counts_once_it_has_held_for_its_time() -> None:
    trial = opened(error_rate="25%")
    assert trial.last(events.Opened).reason == "error_rate is 25% (error_rate > 5%)"
    trial.wait(minutes=1.9)
    assert trial.incident.level == "P3"
    trial.wait(minutes=5)
    assert raised(trial) == ["2m P2: error_rate is 25% (error_rate > 20% for 2m)"]


def test_a_condition_that_fails_in_between_begins_anew() -> None:
    trial = opened(error_rate="25%")
    trial.wait(minutes=1)
    join(trial, error_rate="19%")
    trial.wait(minutes=1)
    join(trial, error_rate="30%")
    trial.wait(minutes=5)
    assert raised(trial) == ["4m P2: error_rate is 30% (error_rate > 20% for 2m)"]


def test_an_outage_does_not_lose_a_condition_that_has_held_meanwhile() -> None:
    trial = opened(error_rate="25%")
    trial.outage(minutes=30)
    assert raised(trial) == ["30m P2: error_rate is 25% (error_rate > 20% for 2m)"]


def test_a_condition_whose_level_it_has_already_raises_nothing() -> None:
    trial = opened("P1", error_rate="25%")
    trial.wait(minutes=10)
    assert raised(trial) == []
    assert trial.happened(events.ThresholdHeld) == ["2m ThresholdHeld"]


def test_what_follows_no_incident_is_waited_for() -> None:
    trial = opened(error_rate="25%")
    trial.resolve("ana")
    trial.wait(minutes=10)
    assert trial.happened(events.ThresholdHeld) == []
    assert says(trial, data_loss="yes") is None
    assert trial.incident.level == "P3"


def test_a_figure_that_changes_nothing_in_the_plans_eyes_leaves_no_trace() -> None:
    trial = opened(error_rate="25%")
    for rate in ("26%", "24%", "23.5%"):
        join(trial, error_rate=rate)
    assert len(trial.happened(events.FactsSet)) == 1
    join(trial, error_rate="4%")
    assert trial.last(events.FactsSet).values == (("error_rate", "4%"),)


def test_a_person_who_says_a_figure_is_always_heard() -> None:
    trial = opened(error_rate="25%")
    assert says(trial, error_rate="26%") is None
    assert trial.incident.facts[FactId("error_rate")].value == "26%"


def test_what_was_said_can_be_taken_back() -> None:
    trial = opened()
    says(trial, users="12", urgency="high")
    assert says(trial, users="") is None
    assert list(trial.incident.facts) == ["urgency"]


def test_the_worst_of_alert_and_facts_wins_and_pages_once() -> None:
    trial = opened()
    join(trial, "P3", data_loss="yes")
    assert raised(trial) == ["0m P1: data_loss is yes"]
    assert trial.happened(events.RoundStarted) == ["0m RoundStarted"]


def test_facts_that_come_to_the_same_level_again_do_not_undo_what_a_person_decided() -> None:
    trial = opened(error_rate="25%")
    trial.by("ana", commands.SetLevel(LevelId("P4"), "only a test fails"))
    lowered = trial.incident
    for rate, wanted in (("6%", "P4"), ("26%", "P4"), ("", "P4")):
        said = commands.Asked(SOURCE, commands.SetFacts({FactId("error_rate"): rate}))
        answer = decide(lowered, said, trial.policy, trial.view, trial.now)
        assert isinstance(answer, Decision)
        assert answer.state.level == wanted


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"users": "many"}, "“many” does not fit users. Say a number, such as 250."),
        ({"frob": "1"}, "The plan has no fact frob."),
        ({"impact": "high"}, "impact is worked out from other facts; say those."),
        ({"services_failing": "3"}, "The plan has no fact services_failing."),
        ({"error_rate": "25.0 %"}, "That is what INC-1 knows already."),
        ({"users": ""}, "That is what INC-1 knows already."),
        ({}, "That is what INC-1 knows already."),
    ],
)
def test_what_can_not_be_said_is_refused(facts: dict[str, str], said: str) -> None:
    trial = opened(error_rate="25%")
    assert says(trial, **facts) == Refused(said)


@pytest.mark.parametrize(
    "text",
    [
        "error_rate > 20% and data_loss",
        "data_loss and not error_rate <= 20%",
        "error_rate * users > 200% and data_loss",
        "reach == high and data_loss",
    ],
)
def test_a_figure_that_counts_only_together_with_something_not_known_yet_is_kept(text: str) -> None:
    """It came in when it changed nothing; what a person says an hour later must not meet an older figure."""
    known = {**FACTS, REACH.id: REACH}
    at_worst = Classification({}, LevelId("P1"), condition_of(text, known))
    trial = Trial(replace(plan(), classifications=(at_worst,), matrix=None))
    trial.join("P4")
    for rate, users in (("10%", "0"), ("31%", "10")):
        figures = {FactId("error_rate"): rate, FactId("users"): users, FactId("data_loss"): "no"}
        command = commands.JoinAlerts(INCIDENT, ServiceId("checkout"), 0, (), LevelId("P4"), "", figures)
        trial.ask(command, SOURCE)
    trial.ask(commands.SetFacts({FactId("data_loss"): "yes"}))
    assert trial.incident.level == "P1"
