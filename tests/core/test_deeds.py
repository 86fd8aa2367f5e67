"""What people can ask for, in words: every button has a deed, and what is filled in is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.core.trial import plan
from tocsin import limits
from tocsin.core.deeds import DEEDS
from tocsin.core.facts import Fact, FactKind
from tocsin.core.incident import TRANSITIONS, commands
from tocsin.core.incident.asking import NAMES, Given, Unclear, read
from tocsin.core.model import FactId, LevelId, PersonId, RoleId, SubjectId, TeamId

LOST, HURT = FactId("data_loss"), FactId("users_affected")
FACTS = {id: Fact(id, FactKind.TEXT) for id in (LOST, HURT, FactId("security"))}
NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)


def given(**answers: str) -> Given:
    return Given(answers, replace(plan("0m ana"), facts=FACTS), "Asia/Seoul", NOW, "cli")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}+00:00")


def test_every_button_has_its_deed() -> None:
    buttons = {command for allowed in TRANSITIONS.values() for command in allowed}
    assert buttons <= NAMES.keys()
    assert set(NAMES.values()) == DEEDS.keys()


@pytest.mark.parametrize(
    ("name", "answers", "command"),
    [
        ("acknowledge", {}, commands.Acknowledge("cli")),
        ("verify", {}, commands.Verify()),
        ("begin-mitigation", {}, commands.BeginMitigation()),
        ("mitigate", {"how": "rolled back"}, commands.Mitigate("rolled back")),
        ("resolve", {"reason": " it is\n over\x07 "}, commands.Resolve("it is over")),
        ("false-positive", {"reason": "a test"}, commands.FalsePositive("a test")),
        ("escalate", {"reason": "it spreads"}, commands.Escalate("it spreads")),
        ("extend", {"reason": "80 %"}, commands.ExtendProgress("80 %")),
        ("level", {"level": "P1", "reason": "all"}, commands.SetLevel(LevelId("P1"), "all")),
        ("update", {"audience": "inside", "text": "x"}, commands.PostUpdate("inside", "x")),
        (
            "assign",
            {"role": "Lead", "person": "ana"},
            commands.Assign(RoleId("Lead"), PersonId("ana")),
        ),
        (
            "hand-over",
            {"role": "Lead", "giver": "ana", "taker": "ben"},
            commands.HandOver(RoleId("Lead"), PersonId("ana"), PersonId("ben")),
        ),
        ("confirm", {"role": "Lead"}, commands.ConfirmHandOver(RoleId("Lead"))),
        ("merge", {"into": "INC-7"}, commands.Merge(SubjectId("INC-7"))),
        ("done", {"what": "task:1"}, commands.MarkDone("task:1")),
        ("reopen", {"reason": "again"}, commands.Reopen("again")),
        ("close", {}, commands.Close("")),
        ("note", {"text": "first\r\nsecond\x00\n"}, commands.AddNote("first\nsecond")),
        ("estimate", {"time": "30m"}, commands.SetEstimate(at("21 18:30"), "")),
        ("estimate", {"time": "04:15", "reason": "r"}, commands.SetEstimate(at("21 19:15"), "r")),
        ("estimate", {"time": "02:00"}, commands.SetEstimate(at("22 17:00"), "")),
        ("estimate", {"time": "2026-11-23T09:00"}, commands.SetEstimate(at("23 00:00"), "")),
        ("estimate", {"time": "2026-11-23T09:00Z"}, commands.SetEstimate(at("23 09:00"), "")),
        (
            "facts",
            {"facts": "data_loss=yes\n users_affected = 60 %\nsecurity="},
            commands.SetFacts({LOST: "yes", HURT: "60 %", FactId("security"): ""}),
        ),
        ("link", {"to": "INC-7", "what": "the cause"}, commands.Link("INC-7", "the cause")),
        (
            "restrict",
            {"people": "ana, ben,ana", "teams": "security"},
            commands.Restrict((PersonId("ana"), PersonId("ben")), (TeamId("security"),)),
        ),
        ("restrict", {}, commands.Restrict()),
    ],
)
def test_a_deed_makes_its_command(
    name: str, answers: Mapping[str, str], command: commands.IncidentCommand
) -> None:
    assert read(name, given(**answers)) == command


@pytest.mark.parametrize(
    ("name", "answers", "sentence"),
    [
        ("dance", {}, f"`dance` is nothing that can be asked. There are: {', '.join(DEEDS)}."),
        ("resolve", {"reason": "  "}, "`reason` is missing. What ended it?"),
        ("verify", {"reason": "x"}, "`reason` means nothing to verify. It takes: nothing."),
        ("link", {"to": "INC-7", "why": "x"}, "`why` means nothing to link. It takes: to, what."),
        (
            "facts",
            {"facts": "weather=bad"},
            "`weather` is no fact of the plan. Facts are: data_loss, users_affected, security.",
        ),
        (
            "estimate",
            {"time": "soon"},
            "`soon` is no time for `time`. Write it like 30m, 15:30, or 2026-11-22 15:30.",
        ),
        (
            "estimate",
            {"time": "25:00"},
            "`25:00` is no time for `time`. Write it like 30m, 15:30, or 2026-11-22 15:30.",
        ),
    ],
)
def test_what_is_unclear_is_said(name: str, answers: Mapping[str, str], sentence: str) -> None:
    with pytest.raises(Unclear) as unclear:
        read(name, given(**answers))
    assert str(unclear.value) == sentence


def test_what_is_too_long_is_cut() -> None:
    long = "x" * 10_000
    assert read("resolve", given(reason=long)) == commands.Resolve("x" * limits.REASON_CHARACTERS)
    assert read("note", given(text=long)) == commands.AddNote("x" * limits.NOTE_CHARACTERS)
