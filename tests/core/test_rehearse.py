"""A rehearsal is the incident itself in virtual time: the same decisions, with pretend people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.core.trial import EVERYBODY, START, level, person, plan, policy
from tocsin.core.incident import Status, commands, events, fold_all
from tocsin.core.model import AlertAction, AlertSeverity, DeadlineState, LevelId, PersonId, ServiceId, Signal
from tocsin.core.policy import Classification, Person, Policy, View
from tocsin.core.rehearse import Act, Arrive, Ask, Clear, Open, Rehearsal, Scenario, Switch, rehearse

ANA, BEN = PersonId("ana"), PersonId("ben")


def at(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def opened(name: str = "P1") -> Open:
    return Open(at(0), LevelId(name))


def acknowledge(minutes: float, by: PersonId | None = None) -> Ask:
    return Ask(at(minutes), commands.Acknowledge("link"), by)


def alert(minutes: float, severity: AlertSeverity = AlertSeverity.CRITICAL) -> Arrive:
    return Arrive(at(minutes), Signal(AlertAction.TRIGGER, "down", "down", severity))


def play(
    a_plan: Policy,
    *acts: Act,
    people: Sequence[Person] = EVERYBODY,
    lasts: float = 20,
    answers_after: float | None = None,
) -> Rehearsal:
    scenario = Scenario(
        START,
        at(lasts),
        ServiceId("checkout"),
        acts or (opened(),),
        at(answers_after) if answers_after is not None else None,
    )
    return rehearse(a_plan, View({one.id: one for one in people}), scenario)


def messages(rehearsal: Rehearsal) -> list[str]:
    return [
        f"{(one.at - START).total_seconds() / 60:g}m {one.message.person} {one.message.channel}"
        for one in rehearsal.sent
    ]


LADDER = plan("0m ana", "5m ben", "15m chloe until resolved")


def test_the_ladder_is_climbed_while_nobody_answers() -> None:
    assert messages(play(LADDER)) == ["0m ana email", "5m ben email", "15m chloe email"]


def test_time_stops_where_the_rehearsal_ends() -> None:
    assert messages(play(LADDER, lasts=4)) == ["0m ana email"]
    assert messages(play(LADDER, lasts=5)) == ["0m ana email", "5m ben email"]


def test_the_state_is_the_fold_of_what_is_recorded() -> None:
    rehearsal = play(LADDER, answers_after=7, lasts=120)
    assert fold_all(rehearsal.recorded) == rehearsal.state


def test_whoever_is_paged_can_answer_later() -> None:
    rehearsal = play(LADDER, answers_after=7)
    assert messages(rehearsal) == ["0m ana email", "5m ben email", "15m chloe email"]
    assert [(one.promise, one.state) for one in rehearsal.promises] == [
        ("acknowledged by a person", DeadlineState.BROKEN)
    ]
    assert rehearsal.state is not None
    assert str(rehearsal.state.acknowledged_by) == "ana"


def test_an_answer_in_time_keeps_the_promise() -> None:
    rehearsal = play(LADDER, answers_after=2)
    assert messages(rehearsal) == ["0m ana email", "15m chloe email"]
    assert [(one.promise, one.state) for one in rehearsal.promises] == [
        ("acknowledged by a person", DeadlineState.KEPT)
    ]


def test_what_is_due_comes_before_what_people_do_at_that_instant() -> None:
    assert messages(play(LADDER, opened(), acknowledge(5, ANA)))[:2] == ["0m ana email", "5m ben email"]


@pytest.mark.parametrize(
    ("act", "by"),
    [
        pytest.param(acknowledge(1), "ana", id="whoever was paged first"),
        pytest.param(acknowledge(1, BEN), "ben", id="the one who is named"),
    ],
)
def test_a_person_of_the_script_acknowledges(act: Act, by: str) -> None:
    state = play(LADDER, opened(), act).state
    assert state is not None
    assert str(state.acknowledged_by) == by


def test_whoever_has_it_does_what_nobody_is_named_for() -> None:
    resolve = Ask(at(3), commands.Resolve("fixed"))
    rehearsal = play(LADDER, opened(), acknowledge(1, BEN), resolve)
    assert rehearsal.state is not None
    assert rehearsal.state.status is Status.RESOLVED
    assert [str(one.actor) for one in rehearsal.recorded if isinstance(one.event, events.Resolved)] == ["ben"]


def test_a_refusal_is_part_of_the_rehearsal() -> None:
    rehearsal = play(LADDER, opened(), acknowledge(1, ANA), acknowledge(2, BEN))
    assert [(one.at - START, str(one.by), one.reason) for one in rehearsal.turned] == [
        (at(2), "ben", f"{rehearsal_id(rehearsal)} was already acknowledged by Ana.")
    ]


def rehearsal_id(rehearsal: Rehearsal) -> str:
    assert rehearsal.state is not None
    return rehearsal.state.id


def test_a_channel_that_is_out_of_order_sends_people_round_it_and_catches_up_when_it_works() -> None:
    people = (person("ana email+sms", "0m email", "9m sms"), *EVERYBODY[1:])
    rehearsal = play(
        plan("0m ana"),
        opened(),
        Switch(at(0), "email", works=False),
        Switch(at(3), "email", works=True),
        people=people,
        lasts=4,
    )
    assert messages(rehearsal) == ["0m ana sms", "3m ana email"]


def test_a_channel_can_fail_for_one_person_alone() -> None:
    silent = Switch(at(0), "email", works=False, person=ANA)
    assert messages(play(plan("0m ana+ben"), opened(), silent, lasts=1)) == ["0m ben email"]


def test_a_page_that_reached_nobody_is_not_answered() -> None:
    silent = Switch(at(0), "email", works=False, person=ANA)
    alone = plan("0m ana", catch_all="ana")
    state = play(alone, opened(), silent, lasts=4, answers_after=1).state
    assert state is not None
    assert state.status is Status.TRIGGERED


def test_an_alert_is_judged_by_the_plan() -> None:
    a_plan = policy(level("P1", "0m ana"), level("P2", "0m ben", rank=1))
    rows = (
        Classification({"severity": "error"}, LevelId("P2")),
        Classification({"severity": "critical"}, LevelId("P1")),
    )
    rehearsal = play(replace(a_plan, classifications=rows), alert(0, AlertSeverity.ERROR), alert(4), lasts=5)
    assert messages(rehearsal) == ["0m ben email", "4m ana email"]


def test_when_the_source_says_that_it_is_over_the_incident_is() -> None:
    rehearsal = play(LADDER, opened(), Clear(at(3)))
    assert messages(rehearsal) == ["0m ana email"]
    assert rehearsal.state is not None
    assert rehearsal.state.status is Status.RESOLVED


def test_nobody_at_all_is_an_alarm() -> None:
    rehearsal = play(plan("0m ana"), people=(person("ana -"),))
    assert [(moment - START, text) for moment, text in rehearsal.alarms][:1] == [
        (at(0), f"{rehearsal_id(rehearsal)}: nobody can be reached through the plan")
    ]


def test_without_an_opening_there_is_no_incident() -> None:
    rehearsal = play(LADDER, acknowledge(1, ANA))
    assert rehearsal.state is None
    assert [one.reason for one in rehearsal.turned] == ["There is no such incident."]


def test_whoever_may_not_see_the_incident_does_nothing_in_it() -> None:
    restrict = Ask(at(1), commands.Restrict((ANA,)), ANA)
    rehearsal = play(LADDER, opened(), restrict, acknowledge(2, PersonId("dara")), acknowledge(3, ANA))
    assert [(str(one.by), one.reason) for one in rehearsal.turned] == [
        ("dara", "It is restricted, and they may not see it.")
    ]
    assert rehearsal.state is not None
    assert str(rehearsal.state.acknowledged_by) == "ana"


def test_the_same_rehearsal_again_is_the_same() -> None:
    assert play(LADDER, answers_after=7, lasts=300) == play(LADDER, answers_after=7, lasts=300)
