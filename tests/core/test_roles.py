"""Roles: who has which, what excludes what, and how one goes from hand to hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests.core.trial import Trial, level, policy, role, rota
from tocsin.core.incident import commands, deadlines, events
from tocsin.core.model import LevelId, PersonId, Refused, RoleId
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
    forbidden = "Ana is Lead, and the plan forbids to be Scribe too. Make somebody else Lead first."
    assert asked(trial, "ben", commands.Assign(SCRIBE, ANA)) == forbidden
    assert asked(trial, "ben", commands.Assign(SCRIBE, CHLOE)) == ""
    forbidden = "Chloe is Scribe, and the plan forbids to be Lead too. Make somebody else Scribe first."
    assert asked(trial, "ben", commands.Assign(LEAD, CHLOE)) == forbidden
    assert asked(trial, "ben", commands.Assign(LEAD, BEN)) == ""
    assert asked(trial, "ben", commands.Assign(SCRIBE, ANA)) == ""


def test_a_role_goes_over_when_both_have_confirmed() -> None:
    trial = opened(plan())
    assert asked(trial, "ana", commands.HandOver(LEAD, ANA, BEN)) == ""
    assert trial.incident.roles == {}
    once = "Ana has confirmed the hand-over of Lead already."
    assert asked(trial, "ana", commands.ConfirmHandOver(LEAD)) == once
    stranger = "Only Ana and Ben can confirm the hand-over of Lead."
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
    assert asked(trial, "ben", commands.HandOver(LEAD, BEN, CHLOE)) == "Ben is not Lead of INC-1."
    assert asked(trial, "ana", commands.HandOver(LEAD, ANA, ANA)) == "Ana is Lead of INC-1 already."
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


MONDAY = "2026-11-23"


@dataclass(frozen=True)
class Default:
    """Who is on call, from when, and what comes of `Lead: {for: "on call: night", at: P1}`."""

    starts: str
    people: str
    after: int
    said: str
    held: list[str]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            Default(f"{MONDAY} 02:00", "ben", 6, "kept", ["0m HeldByDefault"]),
            id="somebody is on call when it opens",
        ),
        pytest.param(
            Default(f"{MONDAY} 03:04", "ben", 6, "kept", ["5m HeldByDefault"]),
            id="somebody is on call when it is due",
        ),
        pytest.param(Default(f"{MONDAY} 03:30", "ben", 4, "due", []), id="nobody is on call yet"),
        pytest.param(Default(f"{MONDAY} 03:30", "ben", 6, "broken", []), id="nobody is on call in time"),
        pytest.param(Default(f"{MONDAY} 02:00", "zoe", 6, "broken", []), id="who is on call is a stranger"),
    ],
)
def test_a_role_is_held_by_default_where_that_comes_to_a_person(case: Default) -> None:
    night = rota("night", case.people, starts=case.starts)
    lead = role("Lead", "@night", at="P1")
    plain = policy(level("P1", "0m ana", lasts=""), rotas=(night,))
    trial = opened(replace(plain, roles={lead.id: lead}))
    trial.wait(minutes=case.after)
    [promise] = [one for one in deadlines(trial.incident, trial.policy) if one.id == "role:Lead:P1"]
    assert promise.state == case.said
    assert trial.happened(events.HeldByDefault) == case.held


def test_who_holds_a_role_by_default_is_asked_anew_at_another_level() -> None:
    night = rota("night", "ben")
    lead = role("Lead", "@night", at="P1+P2")
    both = (level("P1", "0m ana", lasts=""), level("P2", "0m ana", rank=1, lasts=""))
    trial = Trial(replace(policy(*both, rotas=(night,)), roles={lead.id: lead}))
    trial.join("P2")
    assert trial.incident.by_default == {LEAD: BEN}
    trial.people = tuple(one for one in trial.people if one.id != BEN)
    trial.by("ana", commands.SetLevel(LevelId("P1"), "worse"))
    assert trial.incident.by_default == {}
    trial.by("ana", commands.Assign(LEAD, CHLOE))
    trial.wait(minutes=6)
    [promise] = [one for one in deadlines(trial.incident, trial.policy) if one.id == "role:Lead:P1"]
    assert promise.state == "kept"
