"""Roles: who has which, what excludes what, and how one goes from hand to hand."""

from __future__ import annotations

from dataclasses import replace

from tests.core.trial import Trial, level, policy, role
from tocsin.core.incident import commands, deadlines, events
from tocsin.core.model import PersonId, Refused, RoleId
from tocsin.core.policy import Policy

LEAD, SCRIBE = RoleId("Lead"), RoleId("Scribe")
ANA, BEN, CHLOE = map(PersonId, ("ana", "ben", "chloe"))


def plan(*ladder: str) -> Policy:
    roles = (role("Lead", "ana", at="P1", not_with="Scribe"), role("Scribe", at="P1"))
    plain = policy(level("P1", *(ladder or ("0m ana",)), lasts=""))
    return replace(plain, roles={one.id: one for one in roles})


def opened(plan: Policy) -> Trial:
    trial = Trial(plan)
    trial.join()
    return trial


def asked(trial: Trial, name: str, command: commands.IncidentCommand) -> str:
    answer = trial.by(name, command)
    return answer.reason if isinstance(answer, Refused) else ""


def test_whoever_was_given_a_role_is_meant_by_it() -> None:
    trial = opened(plan("0m ana", "5m role:Lead until resolved"))
    assert asked(trial, "ana", commands.Assign(LEAD, BEN)) == ""
    trial.wait(minutes=5)
    assert trial.told() == ["0m ana email", "5m ben email"]


def test_a_role_that_excludes_another_does_so_both_ways_and_by_default() -> None:
    trial = opened(plan())
    forbidden = "ana is Lead, and the plan forbids to be Scribe too. Make somebody else Lead first."
    assert asked(trial, "ben", commands.Assign(SCRIBE, ANA)) == forbidden
    assert asked(trial, "ben", commands.Assign(SCRIBE, CHLOE)) == ""
    forbidden = "chloe is Scribe, and the plan forbids to be Lead too. Make somebody else Scribe first."
    assert asked(trial, "ben", commands.Assign(LEAD, CHLOE)) == forbidden
    assert asked(trial, "ben", commands.Assign(LEAD, BEN)) == ""
    assert asked(trial, "ben", commands.Assign(SCRIBE, ANA)) == ""


def test_a_role_goes_over_when_both_have_confirmed() -> None:
    trial = opened(plan())
    assert asked(trial, "ana", commands.HandOver(LEAD, ANA, BEN)) == ""
    assert trial.incident.roles == {}
    once = "ana has confirmed the hand-over of Lead already."
    assert asked(trial, "ana", commands.ConfirmHandOver(LEAD)) == once
    stranger = "Only ana and ben can confirm the hand-over of Lead."
    assert asked(trial, "chloe", commands.ConfirmHandOver(LEAD)) == stranger
    assert asked(trial, "ben", commands.ConfirmHandOver(LEAD)) == ""
    assert (trial.incident.roles, trial.incident.hand_overs) == ({LEAD: BEN}, ())
    assert trial.happened(events.HandOverOffered, events.HandOverConfirmed, events.RoleHandedOver) == [
        "0m HandOverOffered",
        "0m HandOverConfirmed",
        "0m HandOverConfirmed",
        "0m RoleHandedOver",
    ]


def test_when_somebody_else_asks_for_a_hand_over_both_must_confirm() -> None:
    trial = opened(plan())
    trial.by("chloe", commands.HandOver(LEAD, ANA, BEN))
    trial.by("ben", commands.ConfirmHandOver(LEAD))
    assert trial.incident.roles == {}
    trial.by("ana", commands.ConfirmHandOver(LEAD))
    assert trial.incident.roles == {LEAD: BEN}


def test_only_what_somebody_has_can_be_handed_over() -> None:
    trial = opened(plan())
    assert asked(trial, "ben", commands.HandOver(LEAD, BEN, CHLOE)) == "ben is not Lead of INC-1."
    assert asked(trial, "ana", commands.HandOver(LEAD, ANA, ANA)) == "ana is Lead of INC-1 already."
    trial.by("ana", commands.HandOver(LEAD, ANA, BEN))
    again = "That hand-over of Lead waits to be confirmed already."
    assert asked(trial, "ana", commands.HandOver(LEAD, ANA, BEN)) == again


def test_an_assignment_ends_a_hand_over_that_waits() -> None:
    trial = opened(plan())
    trial.by("ana", commands.HandOver(LEAD, ANA, BEN))
    trial.by("ana", commands.Assign(LEAD, CHLOE))
    gone = "No hand-over of Lead waits to be confirmed."
    assert asked(trial, "ben", commands.ConfirmHandOver(LEAD)) == gone


def test_a_role_that_must_be_held_is_a_promise_until_somebody_has_it() -> None:
    kept, broken = opened(plan()), opened(plan())
    kept.by("ana", commands.Assign(SCRIBE, BEN))
    for trial in (kept, broken):
        trial.wait(minutes=6)
    listed = [
        [f"{one.promise} {one.state}" for one in deadlines(trial.incident, trial.policy) if "role" in one.id]
        for trial in (kept, broken)
    ]
    assert listed == [
        ["somebody is Lead kept", "somebody is Scribe kept"],
        ["somebody is Lead kept", "somebody is Scribe broken"],
    ]
    assert broken.heard() == ["5m ana email: “somebody is Scribe” did not happen in time."]
