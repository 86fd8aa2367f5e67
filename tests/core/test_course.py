"""The course of an incident: what implies what, what ends what, and what comes back when it is reopened."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.core.trial import INCIDENT, START, Trial, level, plan, policy
from tocsin.core.facts import Fact, FactKind
from tocsin.core.incident import Decision, Status, commands, events
from tocsin.core.model import FactId, LevelId, Refused, ServiceId, SubjectId
from tocsin.core.policy import Advance, Milestone, Progress, Service

PLAN = plan("0m ana", "15m ben until mitigating", "25m chloe until resolved")


def opened() -> Trial:
    trial = Trial(PLAN)
    trial.join()
    return trial


def reached(trial: Trial) -> list[str]:
    return [f"{one}" for one in Milestone if trial.incident.reached_at(one) is not None]


def test_a_later_milestone_implies_the_earlier_ones() -> None:
    trial = opened()
    trial.wait(minutes=4)
    trial.by("ana", commands.Mitigate("rolled back"))
    assert reached(trial) == ["opened", "acknowledged", "verified", "mitigating", "mitigated"]
    assert trial.incident.reached_at(Milestone.VERIFIED) == START + timedelta(minutes=4)


def test_the_time_of_a_milestone_is_when_it_was_first_reached() -> None:
    trial = opened()
    for minutes, command in ((1, commands.Verify()), (2, commands.BeginMitigation())):
        trial.now = START + timedelta(minutes=minutes)
        trial.by("ana", command)
    trial.wait(minutes=7)
    trial.by("ana", commands.Mitigate("rolled back"))
    times = [trial.incident.milestones[one] - START for one in list(Milestone)[1:5]]
    assert [one.total_seconds() / 60 for one in times] == [1, 1, 2, 9]


def test_steps_run_until_the_milestone_that_they_name() -> None:
    trial = opened()
    trial.acknowledge("ana")
    trial.wait(minutes=15)
    trial.by("ana", commands.BeginMitigation())
    trial.wait(minutes=60)
    assert trial.told()[:3] == ["0m ana email", "15m ben email", "25m chloe email"]
    early = opened()
    early.by("ana", commands.BeginMitigation())
    early.wait(minutes=24)
    assert early.told() == ["0m ana email"]


def test_whoever_has_it_renews_how_long_that_stands() -> None:
    trial = Trial(plan("0m ana"))
    trial.join()
    trial.acknowledge("ana")
    trial.wait(minutes=20)
    advances = trial.incident.advances
    assert isinstance(trial.acknowledge("ana"), Decision)
    assert isinstance(trial.acknowledge("ben"), Refused)
    assert trial.incident.advances == advances
    trial.wait(minutes=29)
    assert trial.incident.status is Status.ACKNOWLEDGED
    trial.wait(minutes=1)
    assert trial.happened(events.AcknowledgementLapsed) == ["50m AcknowledgementLapsed"]


@pytest.mark.parametrize(
    ("counts", "lapsed"),
    [
        pytest.param(tuple(Advance), "50m", id="a note renews it, whoever wrote it"),
        pytest.param((Advance.MILESTONE, Advance.UPDATE), "30m", id="not where the plan says notes are none"),
        pytest.param((), "30m", id="nothing counts as progress"),
    ],
)
def test_progress_renews_an_acknowledgement(counts: tuple[Advance, ...], lapsed: str) -> None:
    trial = Trial(replace(plan("0m ana"), progress=Progress(frozenset(counts))))
    trial.join()
    trial.acknowledge("ana")
    trial.wait(minutes=20)
    trial.by("ben", commands.AddNote("the index is rebuilt"))
    trial.wait(minutes=30)
    assert trial.happened(events.AcknowledgementLapsed) == [f"{lapsed} AcknowledgementLapsed"]
    assert trial.told()[:2] == ["0m ana email", f"{lapsed} ana email"]


def test_what_is_mitigated_does_not_lapse() -> None:
    trial = opened()
    trial.by("ana", commands.Mitigate("rolled back"))
    trial.wait(minutes=29)
    trial.by("chloe", commands.AddNote("watching it"))
    trial.wait(minutes=600)
    assert trial.happened(events.AcknowledgementLapsed) == []


def test_a_raised_level_is_no_longer_mitigated() -> None:
    trial = Trial(PLAN)
    trial.join("P2")
    trial.by("ana", commands.Mitigate("rolled back"))
    trial.join("P1")
    assert trial.incident.status is Status.TRIGGERED
    assert reached(trial) == ["opened", "acknowledged"]


@pytest.mark.parametrize("end", [commands.Resolve("fixed"), commands.FalsePositive("a test")])
def test_reopening_counts_as_unanswered_and_begins_a_round(end: commands.IncidentCommand) -> None:
    trial = opened()
    trial.by("ana", commands.BeginMitigation())
    trial.by("ana", end)
    trial.wait(minutes=5)
    trial.by("ben", commands.Reopen("it is back"))
    state = trial.incident
    assert (state.status, state.round, state.reopened, state.verdict) == (Status.TRIGGERED, 1, 1, None)
    assert reached(trial) == ["opened", "acknowledged"]
    assert trial.told() == ["0m ana email", "5m ana email"]


def test_what_joined_before_the_end_does_not_resolve_what_was_reopened() -> None:
    trial = opened()
    trial.resolve("ana")
    trial.by("ana", commands.Reopen("it is back"))
    trial.clear()
    assert str(trial.incident.status) == "triggered"
    trial.join()
    trial.clear()
    assert str(trial.incident.status) == "resolved"


def test_where_it_can_not_lapse_there_is_nothing_to_renew() -> None:
    trial = Trial(policy(level("P2", "0m ana", lasts="")))
    trial.join("P2")
    trial.acknowledge("ana")
    trial.wait(minutes=1)
    assert trial.acknowledge("ana") == Refused("INC-1 was already acknowledged by Ana.")


VOUCHING = {
    "raised": commands.SetLevel(LevelId("P1"), "orders are lost"),
    "facts": commands.SetFacts({FactId("users"): "60%"}),
    "verified": commands.Verify(),
    "mitigating": commands.BeginMitigation(),
    "mitigated": commands.Mitigate("rolled back"),
}


@pytest.mark.parametrize("command", VOUCHING.values(), ids=VOUCHING)
def test_what_a_person_has_vouched_for_is_not_over_because_its_alerts_are(
    command: commands.IncidentCommand,
) -> None:
    trial = Trial(replace(PLAN, facts={FactId("users"): Fact(FactId("users"), FactKind.PERCENT)}))
    trial.join("P2")
    assert isinstance(trial.by("ana", command), Decision)
    status = trial.incident.status
    trial.clear()
    assert trial.incident.status is status
    assert trial.last(events.AlertsCleared).stays_open
    trial.resolve("ana")
    assert trial.incident.status is Status.RESOLVED


def test_what_a_person_declared_is_not_over_because_its_alerts_are() -> None:
    trial = Trial(replace(PLAN, services={ServiceId("checkout"): Service(ServiceId("checkout"), "Checkout")}))
    trial.by("ana", commands.Declare(INCIDENT, ServiceId("checkout"), "orders hang", "", LevelId("P2")))
    trial.join("P2", count=2)
    trial.clear()
    assert not trial.last(events.AlertsCleared).stays_open
    trial.clear()
    assert trial.last(events.AlertsCleared).stays_open
    assert trial.incident.status is Status.TRIGGERED


def test_what_was_declared_and_merged_keeps_the_other_open() -> None:
    trial = opened()
    declared = Trial(
        replace(PLAN, services={ServiceId("db"): Service(ServiceId("db"), "DB")}), id=SubjectId("INC-7")
    )
    declared.by("ana", commands.Declare(declared.id, ServiceId("db"), "slow", "", LevelId("P2")))
    trial.absorb(declared)
    trial.clear()
    assert trial.incident.status is Status.TRIGGERED


def test_a_merge_vouches_for_nothing_that_only_alerts_have_said() -> None:
    trial = Trial(replace(PLAN, facts={FactId("users"): Fact(FactId("users"), FactKind.PERCENT)}))
    trial.join("P2")
    child = Trial(trial.policy, id=SubjectId("INC-7"))
    child.join("P1")
    child.by("ana", commands.SetFacts({FactId("users"): "60%"}))
    child.state = replace(child.incident, vouched=False)
    trial.absorb(child)
    assert (trial.incident.level, trial.incident.facts[FactId("users")].value) == ("P1", "60%")
    trial.clear(2)
    assert trial.incident.status is Status.RESOLVED


def test_what_only_alerts_made_is_over_with_them() -> None:
    trial = Trial(PLAN)
    trial.join("P2")
    trial.acknowledge("ana")
    trial.by("ana", commands.AddNote("looking"))
    trial.join("P1")
    trial.clear(2)
    assert not trial.last(events.AlertsCleared).stays_open
    assert trial.incident.status is Status.RESOLVED


def test_every_estimate_is_kept() -> None:
    trial = opened()
    for minutes in (30, 60):
        expected_at = START + timedelta(minutes=minutes)
        trial.by("ana", commands.SetEstimate(expected_at, "the restore goes on"))
        again = trial.by("ben", commands.SetEstimate(expected_at, "the same"))
        assert getattr(again, "reason", "") == "INC-1 has that estimate already."
    given = [(one.expected_at - START).total_seconds() / 60 for one in trial.incident.estimates]
    assert given == [30, 60]
