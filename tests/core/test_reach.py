"""Reaching a person: personal rules, channels that refuse, and what happens when nobody can be told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.core.trial import EVERYBODY, Trial, level, person, plan, policy, rota
from tocsin.core.incident import events
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Override
from tocsin.core.policy import Person, Policy

ALARM = "INC-1: nobody can be reached through the plan"


def opened(policy: Policy, *people: Person) -> Trial:
    """An incident just opened; `people` take the places of those of that name."""
    everybody = {one.id: one for one in (*EVERYBODY, *people)}
    trial = Trial(policy, tuple(everybody.values()))
    trial.join()
    return trial


# Nobody behind a step.


def test_an_empty_rota_falls_through_at_once() -> None:
    trial = opened(plan("0m @primary", "5m ben", rotas=[rota("primary")]))
    assert trial.told() == ["0m ben email"]
    assert trial.happened(events.StepTaken) == ["0m StepTaken", "0m StepTaken"]


def test_a_rota_that_has_not_begun_falls_through_at_once() -> None:
    later = rota("primary", "ana", starts="2027-01-04 09:00")
    assert opened(plan("0m @primary", "5m ben", rotas=[later])).told() == ["0m ben email"]


def test_every_seat_of_a_rota_is_paged() -> None:
    trial = opened(plan("0m @primary", "5m dara", rotas=[rota("primary", "ana", "ben", "chloe", seats=2)]))
    assert trial.last(events.StepTaken).paged == (PersonId("ana"), PersonId("ben"))
    assert trial.told() == ["0m ana email", "0m ben email"]


def test_whoever_stands_in_is_paged_and_the_page_says_so() -> None:
    trial = Trial(plan("0m @primary", "5m chloe", rotas=[rota("primary", "ana")]))
    week = trial.now - timedelta(days=1), trial.now + timedelta(days=6)
    trial.overrides = (Override(1, RotaId("primary"), PersonId("ben"), *week, PersonId("ana")),)
    trial.join()
    assert trial.told() == ["0m ben email"]
    assert trial.last(events.PageStarted).reason.startswith("on call: primary, standing in for ana, ")


def test_somebody_who_is_not_in_the_directory_falls_through_at_once() -> None:
    assert opened(plan("0m zoe", "5m ben")).told() == ["0m ben email"]


def test_somebody_without_a_channel_falls_through_at_once() -> None:
    assert opened(plan("0m ana", "5m ben"), person("ana -")).told() == ["0m ben email"]


def test_a_step_says_whom_it_could_not_page_and_why() -> None:
    unlucky = plan("0m @primary+zoe+ana+ben", rotas=[rota("primary")])
    trial = opened(unlucky, person("ana -"))
    reasons = ("nobody is on call: primary", "zoe is not in the directory", "ana has no channel")
    assert trial.last(events.StepTaken) == events.StepTaken(0, 0, (PersonId("ben"),), reasons)
    assert trial.told() == ["0m ben email"]


def test_later_steps_keep_their_times_after_one_fell_through() -> None:
    trial = opened(plan("0m zoe", "5m ben", "15m chloe"))
    trial.wait(minutes=15)
    assert trial.told() == ["0m ben email", "15m chloe email"]


def test_a_last_step_that_finds_nobody_pages_the_catch_all() -> None:
    trial = opened(plan("0m ana", "5m zoe"))
    trial.wait(minutes=5)
    assert trial.told() == ["0m ana email", "5m dara email"]


def test_a_ladder_that_finds_nobody_at_all_pages_the_catch_all_at_once() -> None:
    trial = opened(plan("0m zoe", "5m yan", "15m xia"))
    assert trial.told() == ["0m dara email"]
    assert trial.alarms() == []


def test_a_thousand_steps_that_find_nobody_end_at_the_catch_all() -> None:
    assert opened(plan(*["0m zoe"] * 1_000)).told() == ["0m dara email"]


def test_nobody_at_all_is_an_event_and_an_alarm() -> None:
    trial = opened(plan("0m zoe", "5m @primary", rotas=[rota("primary")], catch_all="yan+zoe"))
    assert trial.told() == []
    assert trial.alarms() == [f"0m {ALARM}"]
    assert trial.last(events.NobodyReached) == events.NobodyReached(
        ("zoe is not in the directory", "nobody is on call: primary", "yan is not in the directory")
    )


def test_nobody_at_all_is_tried_again_every_round() -> None:
    trial = opened(plan("0m zoe", catch_all="yan"))
    trial.wait(minutes=20)
    assert trial.alarms() == [f"0m {ALARM}", f"10m {ALARM}", f"20m {ALARM}"]
    trial.people = (*trial.people, person("zoe email"))
    trial.wait(minutes=10)
    assert trial.told() == ["30m zoe email"]


def test_the_catch_all_is_paged_again_every_round() -> None:
    trial = opened(plan("0m role:Boss"))
    trial.wait(minutes=25)
    assert trial.told() == ["0m dara email", "10m dara email", "20m dara email"]


def test_the_catch_all_is_paged_once_in_a_round() -> None:
    trial = opened(plan("0m role:Boss", "5m zoe", "8m role:Boss until resolved"))
    trial.wait(minutes=9)
    assert trial.told() == ["0m dara email"]


def test_a_step_that_finds_nobody_is_no_alarm_while_the_catch_all_has_its_page() -> None:
    trial = opened(plan("0m dara", "5m zoe"))
    trial.wait(minutes=5)
    assert trial.told() == ["0m dara email"]
    assert trial.alarms() == []


def test_the_catch_all_stands_in_for_a_step_until_resolved() -> None:
    trial = opened(plan("0m ana", "15m zoe until resolved"))
    trial.acknowledge("ana")
    trial.wait(minutes=15)
    assert trial.told() == ["0m ana email", "15m dara email"]
    assert [page.until for page in trial.incident.pages] == ["resolved"]


def test_the_catch_all_is_not_paged_about_what_it_has_taken() -> None:
    trial = opened(plan("0m ana", "15m zoe until resolved"))
    trial.acknowledge("dara")
    trial.wait(minutes=15)
    assert trial.told() == ["0m ana email"]
    assert trial.alarms() == []


def test_an_unreachable_step_is_no_alarm_while_somebody_has_taken_it() -> None:
    trial = opened(plan("0m ana", "15m zoe until resolved", catch_all="yan"))
    trial.acknowledge("ana")
    trial.wait(minutes=15)
    assert trial.alarms() == []


# Channels that refuse.


TWO_WAYS = person("ana email+sms", "0m email", "2m sms")


def test_personal_rules_ring_at_their_times() -> None:
    trial = opened(plan("0m ana"), TWO_WAYS)
    trial.wait(minutes=3)
    assert trial.told() == ["0m ana email", "2m ana sms"]


def test_an_answer_calls_off_the_rings_that_wait() -> None:
    trial = opened(plan("0m ana"), TWO_WAYS)
    trial.acknowledge("ana")
    trial.wait(minutes=29)
    assert trial.told() == ["0m ana email"]


def test_a_refused_ring_sends_the_next_at_once() -> None:
    for outcome in ("failed", "retrying"):
        trial = opened(plan("0m ana", "5m ben"), TWO_WAYS)
        trial.receipt("ana", outcome)
        assert trial.told() == ["0m ana email", "0m ana sms"], outcome
        trial.wait(minutes=4)
        assert trial.told() == ["0m ana email", "0m ana sms"], outcome


def test_a_lost_answer_advances_nothing() -> None:
    trial = opened(plan("0m ana"), TWO_WAYS)
    trial.receipt("ana", "unknown")
    assert trial.told() == ["0m ana email"]


def test_a_channel_that_is_busy_does_not_use_up_the_reminders_on_it() -> None:
    alone = plan("0m ana", catch_all="ana")
    trial = opened(alone, person("ana call", "0m call", "5m call", "8m call"))
    trial.receipt("ana", "retrying")
    trial.wait(minutes=9)
    assert trial.told() == ["0m ana call", "5m ana call", "8m ana call"]


def test_going_around_a_channel_passes_over_its_reminders_and_keeps_them() -> None:
    trial = opened(plan("0m ana"), person("ana call+sms", "0m call", "5m call", "8m sms"))
    trial.receipt("ana", "retrying")
    trial.wait(minutes=9)
    assert trial.told() == ["0m ana call", "0m ana sms", "5m ana call"]


def test_going_around_a_channel_does_not_repeat_one_that_was_just_used() -> None:
    trial = opened(plan("0m ana"), person("ana email+sms", "0m email+sms", "5m sms"))
    trial.receipt("ana", "retrying", ring=0)
    assert trial.told() == ["0m ana email", "0m ana sms"]
    trial.wait(minutes=5)
    assert trial.told()[2:] == ["5m ana sms"]


def test_a_channel_that_refused_for_good_is_not_rung_again() -> None:
    trial = opened(plan("0m ana"), person("ana email+sms", "0m email+sms", "5m email+sms"))
    trial.receipt("ana", "failed", ring=0)
    trial.wait(minutes=6)
    assert trial.told() == ["0m ana email", "0m ana sms", "5m ana sms"]


def test_when_no_channel_reaches_somebody_the_ladder_moves_on_at_once() -> None:
    trial = opened(plan("0m ana", "5m ben"), TWO_WAYS)
    trial.receipt("ana", "failed")
    trial.receipt("ana", "failed")
    assert trial.told() == ["0m ana email", "0m ana sms", "0m ben email"]


def test_reminders_on_a_dead_channel_do_not_hold_the_ladder_up() -> None:
    trial = opened(plan("0m ana", "5m ben"), person("ana email", "0m email", "2m email"))
    trial.receipt("ana", "failed")
    assert trial.told() == ["0m ana email", "0m ben email"]


def test_when_every_channel_is_busy_the_ladder_moves_on_at_once() -> None:
    trial = opened(plan("0m ana", "5m ben"), TWO_WAYS)
    trial.receipt("ana", "retrying")
    assert trial.told() == ["0m ana email", "0m ana sms"]
    trial.receipt("ana", "retrying")
    assert trial.told() == ["0m ana email", "0m ana sms", "0m ben email"]
    assert trial.happened(events.PageWithdrawn) == []


@pytest.mark.parametrize(("first", "second"), [("failed", "retrying"), ("retrying", "failed")])
def test_a_page_that_is_refused_for_good_by_one_channel_and_for_now_by_the_other_moves_the_ladder_on(
    first: str, second: str
) -> None:
    trial = opened(plan("0m ana", "5m ben"), TWO_WAYS)
    trial.receipt("ana", first)
    trial.receipt("ana", second)
    assert trial.told() == ["0m ana email", "0m ana sms", "0m ben email"]


def test_when_all_are_busy_the_ladder_runs_through_to_catch_all_and_alarm_at_once() -> None:
    trial = opened(plan("0m ana", "5m ben"))
    for name in ("ana", "ben", "dara"):
        assert trial.alarms() == []
        trial.receipt(name, "retrying")
    assert trial.told() == ["0m ana email", "0m ben email", "0m dara email"]
    assert trial.alarms() == [f"0m {ALARM}"]


def test_a_page_moves_the_ladder_on_once() -> None:
    trial = opened(plan("0m ana", "5m ben"))
    for name in ("ana", "ben", "dara"):
        trial.receipt(name, "retrying")
    for attempt, outcome in ((2, "retrying"), (3, "failed")):
        for name in ("ana", "ben", "dara"):
            trial.receipt(name, outcome, attempt=attempt)
    trial.wait(minutes=9)
    assert trial.told() == ["0m ana email", "0m ben email", "0m dara email"]
    assert trial.alarms() == [f"0m {ALARM}"]


def test_the_same_busy_person_in_the_next_step_does_not_stop_the_ladder() -> None:
    trial = opened(plan("0m ana", "5m ana", "10m ben"))
    trial.receipt("ana", "retrying")
    trial.receipt("ana", "retrying")
    assert trial.told() == ["0m ana email", "0m ana email", "0m ben email"]


def test_the_ladder_does_not_move_on_while_one_of_several_is_not_busy() -> None:
    trial = opened(plan("0m ana+ben", "5m chloe"))
    trial.receipt("ana", "retrying")
    trial.receipt("ben", "accepted")
    assert trial.told() == ["0m ana email", "0m ben email"]


def test_the_next_round_moves_on_round_busy_channels_again() -> None:
    trial = opened(plan("0m ana", "5m ben"))
    for name in ("ana", "ben", "dara"):
        trial.receipt(name, "retrying")
    trial.wait(minutes=10)
    for name in ("ana", "ben", "dara"):
        trial.receipt(name, "retrying")
    assert trial.told()[3:] == ["10m ana email", "10m ben email", "10m dara email"]
    assert trial.alarms() == [f"0m {ALARM}", f"10m {ALARM}"]


def test_the_ladder_does_not_move_on_while_one_of_several_can_be_reached() -> None:
    trial = opened(plan("0m ana+ben", "5m chloe"))
    trial.receipt("ana", "failed")
    assert trial.told() == ["0m ana email", "0m ben email"]
    trial.receipt("ben", "failed")
    assert trial.told() == ["0m ana email", "0m ben email", "0m chloe email"]


def test_one_ring_that_got_through_makes_a_page_delivered() -> None:
    trial = opened(plan("0m ana", "5m ben"), person("ana email+sms", "0m email+sms"))
    trial.receipt("ana", "accepted", ring=0)
    trial.receipt("ana", "failed", ring=1)
    assert trial.told() == ["0m ana email", "0m ana sms"]


def test_a_reminder_that_is_refused_does_not_undo_what_got_through() -> None:
    trial = opened(plan("0m ana", "9m ben"), person("ana email", "0m email", "5m email"))
    trial.receipt("ana", "accepted")
    trial.wait(minutes=5)
    trial.receipt("ana", "failed")
    assert trial.told() == ["0m ana email", "5m ana email"]


def test_a_channel_that_was_busy_and_then_refused_for_good_moves_the_ladder_on() -> None:
    trial = opened(plan("0m ana", "9m ben"))
    trial.receipt("ana", "retrying")
    trial.receipt("ana", "failed", attempt=2)
    assert trial.told() == ["0m ana email", "0m ben email"]


def test_when_all_refuse_the_ladder_runs_through_to_catch_all_and_alarm_at_once() -> None:
    trial = opened(plan("0m ana", "5m ben", "15m chloe"), TWO_WAYS)
    trial.refuse_all()
    assert trial.told() == [
        "0m ana email",
        "0m ana sms",
        "0m ben email",
        "0m chloe email",
        "0m dara email",
    ]
    assert trial.alarms() == [f"0m {ALARM}"]
    assert trial.last(events.NobodyReached).unreachable == tuple(
        f"no channel reaches {name}" for name in ("ana", "ben", "chloe", "dara")
    )


def test_when_all_refused_the_next_round_tries_everybody_again() -> None:
    trial = opened(plan("0m ana", "5m ben"))
    trial.refuse_all()
    assert trial.told() == ["0m ana email", "0m ben email", "0m dara email"]
    trial.wait(minutes=10)
    trial.refuse_all()
    assert trial.told()[3:] == ["10m ana email", "10m ben email", "10m dara email"]
    assert trial.alarms() == [f"0m {ALARM}", f"10m {ALARM}"]


def test_the_same_unreachable_person_in_the_next_step_does_not_stop_the_ladder() -> None:
    trial = opened(plan("0m ana", "5m ana", "10m ben"))
    trial.refuse_all()
    assert "0m ben email" in trial.told()


def test_after_an_answer_a_refusal_moves_nothing() -> None:
    trial = opened(plan("0m ana", "5m ben"))
    trial.acknowledge("chloe")
    trial.receipt("ana", "failed")
    assert trial.told() == ["0m ana email"]


def test_a_late_answer_for_a_page_that_was_replaced_is_only_recorded() -> None:
    trial = opened(plan("0m ana", "5m ana", "10m ben"))
    first = trial.effects[0]
    trial.wait(minutes=5)
    trial.effects.append(first)
    trial.receipt("ana", "failed")
    assert trial.told()[:2] == ["0m ana email", "5m ana email"]
    assert trial.happened(events.RingSettled) == ["5m RingSettled"]
    assert "5m ben email" not in trial.told()


# After an outage.


def test_rings_of_one_channel_that_fall_due_together_go_once() -> None:
    trial = opened(plan("0m ana"), person("ana email+sms", "0m email", "2m sms", "4m sms", "6m email"))
    trial.outage(minutes=9)
    assert trial.told() == ["0m ana email", "9m ana sms", "9m ana email"]
    assert trial.happened(events.RingSkipped) == ["9m RingSkipped"]


# Personal rules.


def test_without_rules_of_their_own_the_plan_says_how() -> None:
    assert opened(plan("0m ana"), person("ana email+sms")).told() == ["0m ana email"]


def test_rules_that_name_no_channel_they_have_mean_all_at_once() -> None:
    trial = opened(plan("0m ana"), person("ana call+sms", "5m pager"))
    assert trial.told() == ["0m ana call", "0m ana sms"]


def test_rules_are_kept_in_the_order_of_their_times() -> None:
    trial = opened(plan("0m ana"), person("ana call+email+sms", "4m call", "0m email", "2m sms"))
    trial.wait(minutes=5)
    assert trial.told() == ["0m ana email", "2m ana sms", "4m ana call"]


def test_a_first_rule_whose_channel_is_missing_here_makes_nobody_wait() -> None:
    trial = opened(plan("0m ana"), person("ana call+email+sms", "0m pager", "5m email+sms", "8m call"))
    trial.wait(minutes=8)
    assert trial.told() == ["0m ana email", "0m ana sms", "8m ana call"]


def test_a_pause_that_somebody_asked_for_is_kept() -> None:
    trial = opened(policy(level("P1", "0m ana")), person("ana email", "2m email"))
    assert trial.told() == []
    trial.wait(minutes=2)
    assert trial.told() == ["2m ana email"]
