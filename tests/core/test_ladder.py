"""The ladder: who is paged when, until somebody answers, and what happens when they cannot be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.core.trial import Trial, level, person, plan, policy, rota
from tocsin.core.incident import Status, commands, events
from tocsin.core.model import Actor, ActorKind, Notify, PersonId, Withdraw
from tocsin.core.policy import Policy

THREE = plan("0m ana", "5m ben", "15m chloe")


def unfolded(policy: Policy, minutes: float = 0) -> Trial:
    """An incident that nobody answers, so many minutes in."""
    trial = Trial(policy)
    trial.join()
    trial.wait(minutes=minutes)
    return trial


# Steps.


def test_steps_page_in_their_order_at_their_times() -> None:
    assert unfolded(THREE, 16).told() == ["0m ana email", "5m ben email", "15m chloe email"]


def test_a_ladder_may_begin_later() -> None:
    trial = unfolded(plan("5m ana"), 4)
    assert trial.told() == []
    trial.wait(minutes=1)
    assert trial.told() == ["5m ana email"]


def test_steps_of_the_same_minute_go_together_and_each_is_taken() -> None:
    names = [f"p{number}" for number in range(12)]
    trial = Trial(plan(*(f"5m {name}" for name in names)), tuple(person(f"{name} email") for name in names))
    trial.join()
    trial.wait(minutes=5)
    assert trial.told() == [f"5m {name} email" for name in names]


def test_a_step_pages_everybody_it_names() -> None:
    assert unfolded(plan("0m ana+ben")).told() == ["0m ana email", "0m ben email"]


def test_a_step_that_names_somebody_twice_pages_them_once() -> None:
    trial = unfolded(plan("0m ana+@primary", rotas=[rota("primary", "ana")]))
    assert trial.told() == ["0m ana email"]


def test_a_step_pages_who_is_on_call_when_it_is_taken() -> None:
    # The week of 2026-11-23 03:00 still belongs to the third turn; at 09:00 the next person takes over.
    primary = rota("primary", "ana", "ben", "chloe")
    trial = unfolded(plan("0m @primary", "420m @primary", rotas=[primary]), 420)
    assert trial.told() == ["0m ana email", "420m ben email"]


def test_somebody_in_two_steps_is_paged_twice_with_one_page_open() -> None:
    trial = unfolded(plan("0m ana", "5m ana"), 5)
    assert trial.told() == ["0m ana email", "5m ana email"]
    assert [page.id for page in trial.incident.pages] == [2]


def test_a_level_without_a_ladder_pages_nobody() -> None:
    trial = unfolded(policy(level("P1", repeat="")), 600)
    assert trial.told() == []


def test_a_page_says_why_it_asks_this_person() -> None:
    trial = Trial(plan("0m @primary", "5m ben until resolved", "9m zoe", rotas=[rota("primary", "ana")]))
    trial.join()
    trial.wait(minutes=9)
    pages = [one.event for one in trial.recorded if isinstance(one.event, events.PageStarted)]
    assert [(page.person_name, page.reason) for page in pages] == [
        ("Ana", "on call: primary, step 1 of P1, until acknowledged"),
        ("Ben", "named by the plan, step 2 of P1, until resolved"),
        ("Dara", "named by the plan, catch-all: nobody else could be reached"),
    ]


def test_pages_are_as_urgent_as_the_level() -> None:
    trial = unfolded(THREE)
    assert [one.urgent for _, one in trial.effects if isinstance(one, Notify)] == [True]


# Milestone somebody answers.


def test_an_acknowledgement_stops_the_steps_that_wait_for_one() -> None:
    trial = unfolded(THREE, 1)
    trial.acknowledge("ana")
    trial.wait(minutes=29)
    assert trial.told() == ["0m ana email"]


def test_a_step_until_resolved_goes_on_after_an_acknowledgement() -> None:
    trial = unfolded(plan("0m ana", "5m ben", "15m dara until resolved"), 1)
    trial.acknowledge("ana")
    trial.wait(minutes=20)
    assert trial.told() == ["0m ana email", "15m dara email"]


def test_a_step_until_resolved_does_not_go_on_after_the_end() -> None:
    trial = unfolded(plan("0m ana", "15m dara until resolved"), 1)
    trial.resolve("ana")
    trial.wait(minutes=600)
    assert trial.told() == ["0m ana email"]


@pytest.mark.parametrize("answers", ["ana", "ben"])
def test_one_answer_calls_off_the_pages_of_all_who_were_asked_to_acknowledge(answers: str) -> None:
    trial = unfolded(plan("0m ana+ben"), 1)
    trial.acknowledge(answers)
    assert trial.incident.pages == ()
    assert sorted(one.page for _, one in trial.effects if isinstance(one, Withdraw)) == [1, 2]


def test_when_several_are_wanted_until_resolved_each_answers_for_themselves() -> None:
    trial = unfolded(plan("0m ana+ben until resolved"), 1)
    trial.acknowledge("ana")
    assert [page.person for page in trial.incident.pages] == ["ben"]
    trial.acknowledge("ben")
    assert trial.incident.pages == ()
    assert str(trial.incident.acknowledged_by) == "ana"
    assert trial.happened(events.PageAnswered, events.Acknowledged) == [
        "1m PageAnswered",
        "1m Acknowledged",
        "1m PageAnswered",
    ]


def test_a_source_that_is_called_like_a_person_does_not_answer_for_them() -> None:
    trial = unfolded(plan("0m ana", "15m ana until resolved"), 1)
    trial.ask(commands.Acknowledge("source"), Actor(ActorKind.SOURCE, "ana"))
    assert trial.happened(events.PageAnswered) == []
    trial.wait(minutes=14)
    assert trial.told() == ["0m ana email", "15m ana email"]


def test_somebody_who_answers_is_noted_once() -> None:
    trial = unfolded(THREE, 1)
    trial.acknowledge("ana")
    assert trial.incident.answered == ("ana",)


def test_who_has_taken_it_is_not_paged_by_a_later_step() -> None:
    trial = unfolded(plan("0m ana", "15m dara until resolved"), 1)
    trial.acknowledge("dara")
    trial.wait(minutes=28)
    assert trial.told() == ["0m ana email"]
    assert trial.last(events.StepTaken) == events.StepTaken(0, 1, (), (), (PersonId("dara"),))


def test_a_step_whose_people_have_all_answered_does_not_go_on_to_others() -> None:
    trial = unfolded(
        plan("0m ana", "15m dara until resolved", "25m ben until resolved", catch_all="chloe"), 1
    )
    trial.acknowledge("dara")
    trial.wait(minutes=29)
    assert trial.told() == ["0m ana email", "25m ben email"]  # not ben at 15, and not the catch-all


def test_who_has_answered_their_page_is_not_paged_by_a_later_step() -> None:
    trial = unfolded(plan("0m ana", "5m ben until resolved", "10m ben+chloe until resolved"), 1)
    trial.acknowledge("ana")
    trial.wait(minutes=5)
    trial.acknowledge("ben")
    trial.wait(minutes=5)
    assert trial.told() == ["0m ana email", "5m ben email", "10m chloe email"]


def test_who_had_taken_it_is_paged_again_once_it_counts_as_unanswered() -> None:
    trial = unfolded(plan("0m ana", "15m dara until resolved"), 1)
    trial.acknowledge("dara")
    trial.wait(minutes=45)
    assert trial.told() == ["0m ana email", "31m ana email", "46m dara email"]


def test_a_longer_promise_to_somebody_is_not_shortened_by_a_later_step() -> None:
    trial = unfolded(plan("0m ana", "5m dara until resolved", "10m dara"), 11)
    assert trial.told() == ["0m ana email", "5m dara email", "10m dara email"]
    trial.acknowledge("ana")
    assert [page.person for page in trial.incident.pages] == ["dara"]


# Rounds.


def test_rounds_go_on_for_ever_while_nobody_answers() -> None:
    trial = unfolded(plan("0m ana", "5m ben"), 15 * 40)
    assert trial.told()[-3:] == ["585m ana email", "590m ben email", "600m ana email"]
    assert trial.open_deadlines()


def test_a_round_follows_the_last_step_by_the_time_the_plan_says() -> None:
    trial = unfolded(plan("0m ana", "5m ben"), 20)
    assert trial.told() == ["0m ana email", "5m ben email", "15m ana email", "20m ben email"]


def test_a_new_round_replaces_the_open_page_of_the_round_before() -> None:
    trial = unfolded(plan("0m ana"), 10)
    assert [(page.id, page.person) for page in trial.incident.pages] == [(2, "ana")]
    assert trial.happened(events.PageWithdrawn) == ["10m PageWithdrawn"]


def test_no_round_follows_an_acknowledgement() -> None:
    trial = unfolded(policy(level("P1", "0m ana", lasts="")), 1)
    trial.acknowledge("ana")
    assert trial.open_deadlines() == []
    trial.wait(minutes=6_000)
    assert trial.happened(events.RoundStarted) == []


def test_no_round_follows_where_the_plan_names_no_pause() -> None:
    assert unfolded(policy(level("P1", "0m ana", repeat="")), 6_000).told() == ["0m ana email"]


def test_an_acknowledgement_lapses_and_the_ladder_starts_again() -> None:
    trial = unfolded(THREE, 2)
    trial.acknowledge("ben")
    trial.wait(minutes=35)
    assert trial.told() == ["0m ana email", "32m ana email", "37m ben email"]
    assert trial.incident.status is Status.TRIGGERED
    assert trial.last(events.AcknowledgementLapsed).by.id == "ben"


def test_after_a_lapse_the_same_person_can_take_it_again() -> None:
    trial = unfolded(THREE, 0)
    trial.acknowledge("ana")
    trial.wait(minutes=31)
    trial.acknowledge("ana")
    trial.wait(minutes=29)
    assert trial.told() == ["0m ana email", "30m ana email"]
    trial.wait(minutes=1)
    assert trial.told()[2:] == ["61m ana email"]


# The level rises.


def test_a_raised_level_starts_its_own_ladder_from_its_first_step() -> None:
    levels = (level("P1", "0m ana", "2m ben"), level("P2", "0m chloe", "30m dara", rank=1))
    trial = Trial(policy(*levels))
    trial.join("P2")
    trial.wait(minutes=20)
    trial.join("P1")
    trial.wait(minutes=9)
    assert trial.told() == ["0m chloe email", "20m ana email", "22m ben email"]
    assert trial.incident.ladder_at == trial.last_at(events.RoundStarted)


def test_what_waits_behind_want_of_progress_at_the_new_level_brings_nobody_in_time() -> None:
    """Escalation begins anew with the new level: its second rung holds up the third for half an hour."""
    worse = level("P1", "0m ana", "stalled:30m chloe until resolved", "10m ben until resolved")
    trial = Trial(policy(worse, level("P2", "0m ana", "0m dara", "15m ben", rank=1)))
    trial.join("P2")
    trial.join("P1")
    trial.wait(minutes=16)
    assert "15m ben email" in trial.told()


def test_a_raised_level_voids_the_acknowledgement_and_its_promise() -> None:
    trial = Trial(THREE)
    trial.join("P2")
    trial.acknowledge("ana")
    trial.wait(minutes=10)
    trial.join("P1")
    assert trial.incident.status is Status.TRIGGERED
    assert trial.incident.acknowledged_by is None
    trial.wait(minutes=5)
    assert trial.told() == ["0m ana email", "10m ana email", "15m ben email"]
    assert trial.last(events.PromiseBroken).deadline == "acknowledge:P1"


def test_a_level_raised_in_the_same_breath_pages_again_at_the_new_urgency() -> None:
    trial = Trial(THREE)
    trial.join("P2")
    trial.join("P1")
    assert [one for _, one in trial.effects if not isinstance(one, Notify)] == [Withdraw(1)]
    assert [one.page for _, one in trial.effects if isinstance(one, Notify)] == [1, 2]


def test_a_milder_alert_is_only_counted() -> None:
    trial = Trial(THREE)
    trial.join("P1")
    trial.acknowledge("ana")
    trial.join("P2", count=2)
    assert (trial.incident.alerts_count, trial.incident.alerts_open) == (3, 3)
    assert trial.incident.level == "P1"
    assert trial.incident.status is Status.ACKNOWLEDGED


def test_a_level_without_a_ladder_that_repeats_does_not_spin() -> None:
    levels = (level("P1", repeat="10m"), level("P2", "0m ana", rank=1))
    trial = Trial(policy(*levels))
    trial.join("P2")
    trial.join("P1")
    trial.wait(minutes=100)
    # Once more, as P2 had promised; never again, since P1 pages nobody.
    assert trial.told() == ["0m ana email", "10m ana email"]


# After an outage.


def test_an_outage_skips_no_step_and_keeps_their_order() -> None:
    trial = unfolded(THREE)
    trial.outage(minutes=120)
    assert trial.told() == ["0m ana email", "120m ben email", "120m chloe email"]


def test_an_outage_repeats_one_round_however_many_were_missed() -> None:
    trial = unfolded(plan("0m ana", "5m ben"), 6)
    trial.outage(minutes=600)
    assert trial.told()[2:] == ["606m ana email"]
    assert trial.happened(events.RoundStarted) == ["606m RoundStarted"]


def test_after_an_outage_the_next_round_is_a_whole_pause_away() -> None:
    trial = unfolded(plan("0m ana"), 6)
    trial.outage(minutes=600)
    trial.wait(minutes=10)
    assert trial.told() == ["0m ana email", "606m ana email", "616m ana email"]


def test_an_outage_pages_nobody_for_what_was_resolved() -> None:
    trial = unfolded(THREE)
    trial.clear()
    trial.outage(minutes=600)
    assert trial.told() == ["0m ana email"]


def test_an_outage_over_a_lapse_pages_the_first_step_once() -> None:
    trial = unfolded(plan("0m ana", "15m dara until resolved"))
    trial.acknowledge("ana")
    trial.outage(minutes=600)
    assert trial.told() == ["0m ana email", "600m dara email", "600m ana email"]
    assert trial.happened(events.RoundStarted) == ["600m RoundStarted"]


def test_steps_caught_up_together_send_somebody_one_message() -> None:
    trial = unfolded(plan("0m ana", "5m ben", "10m ben"))
    trial.outage(minutes=60)
    assert trial.told() == ["0m ana email", "60m ben email"]
    assert trial.happened(events.PageStarted) == ["0m PageStarted", "60m PageStarted"]


def test_steps_of_the_same_minute_ask_somebody_once_and_keep_the_longer_promise() -> None:
    trial = unfolded(plan("0m ana", "0m ana"))
    assert trial.happened(events.PageStarted) == ["0m PageStarted"]
    trial = unfolded(plan("0m ana until resolved", "0m ana"))
    assert [(page.id, page.until) for page in trial.incident.pages] == [(1, "resolved")]


def test_steps_caught_up_together_keep_the_longer_promise() -> None:
    trial = unfolded(plan("0m ana", "5m ben", "10m ben until resolved"))
    trial.outage(minutes=60)
    assert trial.told() == ["0m ana email", "60m ben email"]
    trial.acknowledge("ana")
    assert [page.person for page in trial.incident.pages] == ["ben"]


def test_an_acknowledgement_that_came_too_late_does_not_hide_the_broken_promise() -> None:
    trial = unfolded(THREE)
    trial.now += timedelta(minutes=100)  # nobody looked for a long while
    trial.acknowledge("ana")
    both = (events.PromiseBroken, events.Acknowledged)
    assert trial.happened(*both) == ["100m PromiseBroken", "100m Acknowledged"]


# Paged again.


def test_paging_again_does_not_put_off_a_ring_that_was_promised_earlier() -> None:
    sleepy = person("ana email+call", "0m email", "15m call")
    trial = Trial(plan("0m ana"), (sleepy,))
    trial.join()
    trial.wait(minutes=36)
    assert [one for one in trial.told() if "call" in one] == ["15m ana call", "35m ana call"]


def test_a_raised_level_does_not_put_off_a_ring_that_was_promised_earlier() -> None:
    trial = Trial(plan("0m ana"), (person("ana email+call", "0m email", "8m call"),))
    trial.join("P2")
    trial.wait(minutes=7)
    trial.join("P1")
    trial.wait(minutes=2)
    assert trial.told() == ["0m ana email", "7m ana email", "8m ana call"]


def test_paging_again_does_not_call_off_a_ring_that_falls_due_at_the_same_instant() -> None:
    trial = Trial(plan("0m ana", "5m ana"), (person("ana email", "5m email"),))
    trial.join()
    trial.wait(minutes=6)
    assert trial.told() == ["5m ana email"]


@pytest.mark.parametrize(("outcome", "again"), [("retrying", "4.5m"), ("unknown", "5m")])
def test_paging_again_does_not_put_off_a_ring_that_has_not_got_through_yet(outcome: str, again: str) -> None:
    trial = Trial(plan("0m ana", "5m ana"), (person("ana email", "4m email"),))
    trial.join()
    trial.wait(minutes=4.5)
    trial.receipt("ana", outcome)
    trial.wait(minutes=1)
    assert trial.told() == ["4m ana email", f"{again} ana email"]


def test_a_ring_that_got_through_is_not_sent_sooner_when_paging_again() -> None:
    trial = Trial(plan("0m ana", "5m ana"), (person("ana email", "4m email"),))
    trial.join()
    trial.wait(minutes=4.5)
    trial.receipt("ana", "accepted")
    trial.wait(minutes=5)
    assert trial.told() == ["4m ana email", "9m ana email"]
