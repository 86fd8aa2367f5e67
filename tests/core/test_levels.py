"""A level that is raised or lowered: what the clocks make of it, and whom it must not keep waiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.core.trial import START, Trial, level, plan, policy, role
from tocsin.core.incident import Status, commands, deadlines, events
from tocsin.core.model import LevelId, Refused
from tocsin.core.policy import Policy, Rebase, Reclassify

OPENED = Reclassify(Rebase.OPENED)


def two(worse: tuple[str, ...], milder: tuple[str, ...], reclassify: Reclassify | None = None) -> Policy:
    levels = (level("P1", *worse, within="", lasts=""), level("P2", *milder, rank=1, within="", lasts=""))
    return replace(policy(*levels), reclassify=reclassify or Reclassify())


def opened(plan: Policy, name: str) -> Trial:
    trial = Trial(plan)
    trial.join(name)
    return trial


def set_level(trial: Trial, name: str, by: str = "ana") -> str:
    answer = trial.by(by, commands.SetLevel(LevelId(name), "we know more"))
    return answer.reason if isinstance(answer, Refused) else str(answer.state.level)


# Raised.


def test_a_raised_level_climbs_its_own_ladder_from_the_change() -> None:
    trial = opened(two(("0m ana", "5m ben"), ("0m ana",)), "P2")
    trial.wait(minutes=8)
    assert set_level(trial, "P1") == "P1"
    trial.wait(minutes=5)
    assert trial.told() == ["0m ana email", "8m ana email", "13m ben email"]


def test_where_clocks_run_from_the_beginning_what_would_be_past_is_done_at_once() -> None:
    trial = opened(two(("0m ana", "5m ben", "15m chloe"), ("0m ana",), OPENED), "P2")
    trial.wait(minutes=8)
    set_level(trial, "P1")
    assert trial.told() == ["0m ana email", "8m ana email", "8m ben email"]
    trial.wait(minutes=7)
    assert trial.told()[3:] == ["15m chloe email"]


def test_what_waits_for_an_answer_waits_from_when_somebody_is_asked_and_not_from_the_beginning() -> None:
    """So that the new ladder does not bring ben before 130, and 80 stands."""
    trial = opened(two(("0m ana", "unanswered:60m ben"), ("0m dara", "80m ben"), OPENED), "P2")
    trial.wait(minutes=70)
    set_level(trial, "P1")
    trial.wait(minutes=20)
    assert trial.told() == ["0m dara email", "70m ana email", "80m ben email"]


def test_being_raised_never_puts_off_a_page_that_was_promised_for_earlier() -> None:
    trial = opened(two(("0m ana", "5m ben"), ("0m ana", "5m ben")), "P2")
    trial.wait(minutes=4)
    set_level(trial, "P1")
    trial.wait(minutes=1)
    assert trial.told() == ["0m ana email", "4m ana email", "5m ben email"]
    assert [one.id for one in deadlines(trial.incident, trial.policy)][:1] == ["step:1:1"]


def test_somebody_whom_only_the_milder_level_pages_is_paged_all_the_same() -> None:
    trial = opened(two(("0m ana",), ("0m ana", "unanswered:5m chloe")), "P2")
    trial.wait(minutes=4)
    set_level(trial, "P1")
    assert "page chloe unless acknowledged, as P2 promised" in [
        one.promise for one in deadlines(trial.incident, trial.policy)
    ]
    trial.wait(minutes=1)
    assert trial.told()[2:] == ["5m chloe email"]


def test_a_page_that_is_moot_sooner_is_no_page_in_the_place_of_one_that_lasts() -> None:
    trial = opened(two(("0m ana", "5m ben"), ("0m ana", "15m ben until mitigated")), "P2")
    set_level(trial, "P1")
    trial.acknowledge("ana")
    trial.wait(minutes=15)
    assert trial.told()[-1:] == ["15m ben email"]


def test_a_page_that_the_new_level_brings_in_time_is_not_brought_twice() -> None:
    trial = opened(two(("0m ana", "1m ben"), ("0m ana", "5m ben")), "P2")
    trial.wait(minutes=2)
    set_level(trial, "P1")
    trial.wait(minutes=7)
    assert trial.told() == ["0m ana email", "2m ana email", "3m ben email"]


def test_the_next_round_of_the_milder_level_is_a_promise_too() -> None:
    trial = opened(two(("5m ben",), ("0m ana",)), "P2")
    trial.wait(minutes=9)
    set_level(trial, "P1")
    trial.wait(minutes=1)
    assert trial.told() == ["0m ana email", "10m ana email"]


def test_what_is_promised_until_somebody_answers_is_moot_when_somebody_does() -> None:
    trial = opened(two(("0m ana",), ("0m ana", "5m ben")), "P2")
    trial.wait(minutes=4)
    set_level(trial, "P1")
    trial.acknowledge("ana")
    trial.wait(minutes=20)
    assert trial.told() == ["0m ana email", "4m ana email"]


def test_an_answer_for_the_milder_level_stands_no_more() -> None:
    trial = opened(two(("0m ana",), ("0m ana",)), "P2")
    trial.acknowledge("ana")
    set_level(trial, "P1")
    assert trial.incident.status is Status.TRIGGERED
    assert trial.told() == ["0m ana email", "0m ana email"]


# Lowered.


def test_a_lowered_level_pages_nobody_for_what_would_be_past() -> None:
    milder = ("0m ana", "5m ben", "15m chloe")
    from_the_change = opened(two(("0m dara",), milder), "P1")
    from_the_start = opened(two(("0m dara",), milder, OPENED), "P1")
    for trial in (from_the_change, from_the_start):
        trial.wait(minutes=8)
        assert set_level(trial, "P2") == "P2"
        assert trial.told() == ["0m dara email"]
        trial.wait(minutes=7)
    assert from_the_change.told()[1:] == ["13m ben email"]
    assert from_the_start.told()[1:] == ["15m chloe email"]


def test_a_lowered_level_is_still_had_by_whoever_had_it() -> None:
    trial = opened(two(("0m ana",), ("0m ana", "5m ben")), "P1")
    trial.acknowledge("ana")
    set_level(trial, "P2")
    trial.wait(minutes=30)
    assert trial.incident.status is Status.ACKNOWLEDGED
    assert trial.told() == ["0m ana email"]
    assert trial.happened(events.LevelLowered) == ["0m LevelLowered"]


def test_an_unanswered_page_is_not_called_off_by_a_lower_level() -> None:
    trial = opened(two(("0m ana",), ()), "P1")
    set_level(trial, "P2")
    assert [page.person for page in trial.incident.pages] == ["ana"]


def test_the_plan_says_who_may_lower_a_level() -> None:
    rule = Reclassify(lower=(role("Commander").default or ()))
    commander = role("Commander", "ben")
    rule = replace(rule, lower=tuple(one for one in plan("0m role:Commander").levels[0].ladder[0].targets))
    guarded = replace(two(("0m ana",), ("0m ana",), rule), roles={commander.id: commander})
    trial = opened(guarded, "P1")
    assert set_level(trial, "P2", by="ana") == "Only the Commander may lower the level of INC-1."
    assert set_level(trial, "P2", by="ben") == "P2"
    assert set_level(trial, "P1", by="ana") == "P1"


def test_a_level_must_be_another_one_of_the_plan() -> None:
    trial = opened(two(("0m ana",), ("0m ana",)), "P1")
    assert set_level(trial, "P1") == "INC-1 is P1 already."
    assert set_level(trial, "P9") == "The plan has no level P9; it has P1, P2."


# The level's own promises.


def test_a_promise_of_the_level_counts_from_where_its_clocks_do() -> None:
    due = {}
    for rule in (Reclassify(), OPENED):
        levels = (level("P1", "0m ana", within="30m"), level("P2", "0m ana", rank=1))
        trial = opened(replace(policy(*levels), reclassify=rule), "P2")
        trial.wait(minutes=8)
        set_level(trial, "P1")
        listed = {one.id: one.due_at for one in deadlines(trial.incident, trial.policy)}
        due[rule.clocks] = listed["acknowledge:P1"] - START
    assert due == {Rebase.CHANGE: timedelta(minutes=38), Rebase.OPENED: timedelta(minutes=30)}


def test_what_is_raised_lowered_and_raised_again_promises_a_page_once() -> None:
    trial = opened(two(("0m ana", "30m dara"), ("0m ana", "20m ben until resolved")), "P2")
    for minutes, name in ((2, "P1"), (3, "P2"), (5, "P1")):
        trial.wait(minutes=minutes)
        set_level(trial, name)
    trial.wait(minutes=40)
    # The ladder of P2 began anew at 5, and would have paged ben at 25.
    assert [line for line in trial.told() if "ben" in line] == ["25m ben email"]
