"""The clocks of a ladder, what a rung brings besides its pages, and whom roles and teams mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.core.trial import EVERYBODY, START, Trial, level, person, policy, role, rota, stage, team
from tocsin.core.incident import commands, deadlines, events
from tocsin.core.model import Deadline, Outcome, PersonId, Receipt, Refused
from tocsin.core.policy import Policy, Progress

STALLS = (
    "0m ana",
    "unanswered:5m ben",
    "stalled:15m chloe until resolved",
    "stalled:15m dara until resolved",
)


def plan(*ladder: str, repeat: str = "10m", **more: Any) -> Policy:
    plain = policy(level("P1", *ladder, within="", lasts="", repeat=repeat))
    return replace(plain, **more)


def opened(plan: Policy, people: tuple[str, ...] = ()) -> Trial:
    trial = Trial(plan, (*EVERYBODY, *(person(f"{name} email") for name in people)))
    trial.join()
    return trial


def refusal(answer: object) -> str:
    assert isinstance(answer, Refused)
    return answer.reason


# Clocks.


def test_a_step_for_the_unanswered_counts_from_the_step_before() -> None:
    trial = opened(plan("0m ana", "unanswered:5m ben", "unanswered:5m chloe"))
    trial.wait(minutes=10)
    assert trial.told() == ["0m ana email", "5m ben email", "10m chloe email"]


def test_when_somebody_answers_the_steps_for_the_unanswered_are_moot() -> None:
    trial = opened(plan(*STALLS))
    trial.wait(minutes=2)
    trial.acknowledge("ana")
    trial.wait(minutes=14)
    assert trial.told() == ["0m ana email"]
    trial.wait(minutes=1)
    assert trial.told()[1:] == ["17m chloe email"]


def test_progress_puts_off_the_step_that_waits_for_it() -> None:
    trial = opened(plan(*STALLS))
    trial.acknowledge("ana")
    for minutes in (10, 20, 30):
        trial.wait(minutes=10)
        trial.by("ana", commands.AddNote(f"minute {minutes}"))
    assert trial.told() == ["0m ana email"]
    trial.wait(minutes=30)
    assert trial.told()[1:] == ["45m chloe email", "60m dara email"]


def test_only_what_the_plan_counts_is_progress() -> None:
    deaf = replace(plan(*STALLS), progress=Progress(counts=frozenset()))
    trial = opened(deaf)
    trial.acknowledge("ana")
    trial.wait(minutes=10)
    trial.by("ana", commands.AddNote("working"))
    trial.wait(minutes=5)
    assert trial.told()[1:] == ["15m chloe email"]


def test_nobody_has_it_and_nothing_moves() -> None:
    trial = opened(plan(*STALLS))
    trial.wait(minutes=50)
    assert trial.told() == [
        "0m ana email",
        "5m ben email",
        "15m chloe email",
        "30m dara email",
        "40m ana email",
        "45m ben email",
        "45m chloe email",
    ]


def test_forgetting_an_incident_puts_off_no_page_that_was_promised() -> None:
    ladder = ("0m ana", "10m ben", "30m chloe until resolved", "60m dara until resolved")
    forgetful = policy(level("P1", *ladder, within="", lasts="20m", repeat="10m"))
    trial = opened(forgetful)
    trial.acknowledge("ana")
    for minutes in (25, 20, 20):
        trial.wait(minutes=minutes)
        trial.acknowledge("ana")
    assert trial.told() == [
        "0m ana email",
        "20m ana email",
        "30m chloe email",
        "45m ana email",
        "60m dara email",
        "65m ana email",
    ]


def test_what_a_step_brings_besides_its_page_is_not_put_off_either() -> None:
    ladder = ("0m ana", "30m - tell ben until resolved", "60m dara until resolved tasks War-room")
    trial = opened(policy(level("P1", *ladder, within="", lasts="20m", repeat="10m")))
    trial.acknowledge("ana")
    for minutes in (25, 20, 15):
        trial.wait(minutes=minutes)
        trial.acknowledge("ana")
    assert trial.heard() == ["30m ben email: Step 2 of P1: nobody else is paged."]
    assert [task.words for task in trial.incident.tasks] == ["War-room"]
    assert "60m dara email" in trial.told()


def test_being_forgotten_is_no_progress() -> None:
    stalls = ("0m ana", "unanswered:5m ben", "stalled:15m chloe until resolved")
    trial = opened(policy(level("P1", *stalls, within="", lasts="10m", repeat="10m")))
    trial.acknowledge("ana")
    trial.wait(minutes=15)
    assert trial.told() == ["0m ana email", "10m ana email", "15m ben email", "15m chloe email"]


def test_escalation_for_want_of_progress_goes_on_from_where_it_was_when_it_lapses() -> None:
    stalls = [f"stalled:15m {name} until resolved" for name in ("ben", "chloe", "dara")]
    trial = opened(policy(level("P1", "0m ana", *stalls, within="", lasts="20m", repeat="10m")))
    trial.acknowledge("ana")
    trial.wait(minutes=25)
    trial.acknowledge("ana")
    trial.wait(minutes=25)
    trial.wait(minutes=5)
    escalated = [line for line in trial.told() if "ana" not in line]
    assert escalated == ["15m ben email", "40m chloe email", "55m dara email"]


def test_what_is_due_at_the_instant_of_a_lapse_comes_before_it() -> None:
    ladder = ("0m ana", "10m ben until resolved")
    trial = opened(policy(level("P1", *ladder, within="", lasts="10m", repeat="10m")))
    trial.acknowledge("ana")
    trial.wait(minutes=10)
    assert trial.told() == ["0m ana email", "10m ben email", "10m ana email"]


def test_a_step_that_somebody_asked_for_begins_the_wait_for_progress_anew() -> None:
    trial = opened(plan(*STALLS))
    trial.wait(minutes=10)
    trial.by("ana", commands.Escalate("I need help"))
    assert trial.told()[2:] == ["10m chloe email"]
    trial.wait(minutes=15)
    assert trial.told()[3:] == ["25m dara email"]


def test_the_list_shows_when_each_step_follows_if_nothing_happens() -> None:
    trial = opened(plan(*STALLS))
    listed = [
        f"{(one.due_at - START).total_seconds() / 60:g}m {one.id}"
        for one in deadlines(trial.incident, trial.policy)
    ]
    assert listed == ["5m step:0:1", "15m step:0:2", "30m step:0:3"]


def test_whoever_leads_is_warned_before_a_step_for_want_of_progress_and_may_put_it_off_once() -> None:
    minutes = timedelta(minutes=1)
    progress = Progress(warn_before=3 * minutes, extend_by=15 * minutes)
    trial = opened(plan(*STALLS, progress=progress))
    trial.acknowledge("ana")
    trial.wait(minutes=13)
    said = "No progress is recorded. Without any, step 3 of P1 follows at 2026-11-23 03:15 UTC."
    assert trial.heard() == [f"12m ana email: {said}"]
    trial.by("ana", commands.ExtendProgress("the restore takes its time"))
    trial.wait(minutes=16)
    assert trial.told() == ["0m ana email"]
    assert trial.heard()[1:] == [f"27m ana email: {said.replace('03:15', '03:30')}"]
    late = opened(plan(*STALLS, progress=progress))
    late.outage(minutes=40)
    assert late.heard() == []
    again = trial.by("ana", commands.ExtendProgress("still"))
    assert refusal(again) == "INC-1 was extended already, and the plan grants that once."
    trial.wait(minutes=1)
    assert trial.told()[1:] == ["30m chloe email"]


def test_an_extension_needs_a_plan_that_grants_it_and_a_step_that_waits() -> None:
    trial = opened(plan(*STALLS))
    assert refusal(trial.by("ana", commands.ExtendProgress("x"))) == "The plan grants no extension."
    granted = opened(plan("0m ana", progress=Progress(extend_by=timedelta(minutes=15))))
    assert refusal(granted.by("ana", commands.ExtendProgress("x"))) == "No step of INC-1 waits for progress."


# By hand.


def test_a_step_without_a_clock_is_taken_when_somebody_asks() -> None:
    trial = opened(plan("0m ana", "by_hand:0m ben until resolved", repeat=""))
    trial.wait(minutes=600)
    assert trial.told() == ["0m ana email"]
    trial.by("ana", commands.Escalate("I need help"))
    assert trial.told()[1:] == ["600m ben email"]
    assert trial.happened(events.Escalated) == ["600m Escalated"]
    again = trial.by("ana", commands.Escalate("more"))
    assert refusal(again) == "The ladder of P1 has no further step for INC-1."


def test_a_step_without_a_clock_does_not_hold_up_the_next_round() -> None:
    trial = opened(plan("0m ana", "by_hand:0m ben until resolved"))
    trial.wait(minutes=10)
    assert trial.told() == ["0m ana email", "10m ana email"]


def test_anybody_can_ask_for_the_next_step_before_its_time() -> None:
    trial = opened(plan("0m ana", "15m ben", "30m chloe until resolved"))
    trial.wait(minutes=1)
    trial.by("dara", commands.Escalate("the whole shop is down"))
    trial.acknowledge("ben")
    trial.by("ben", commands.Escalate("over my head"))
    assert trial.told() == ["0m ana email", "1m ben email", "1m chloe email"]


# What a rung brings besides.


def test_a_task_may_have_a_time_and_is_kept_or_broken_like_any_promise() -> None:
    roles = {one.id: one for one in (role("Lead", "chloe"),)}
    done, forgotten = (opened(plan("0m ana", "5m ben tasks Call/10m+Log", roles=roles)) for _ in range(2))
    for trial in (done, forgotten):
        trial.wait(minutes=10)
        assert [(one.id, one.promise, minute(one)) for one in promises(trial)] == [("task:1", "Call", 15)]
    done.by("ana", commands.MarkDone("task:1"))
    for trial in (done, forgotten):
        trial.wait(minutes=20)
    assert [one.state for one in promises(done)] == ["kept"]
    assert [one.state for one in promises(forgotten)] == ["broken"]
    assert done.heard() == []
    assert forgotten.heard() == ["15m chloe email: “Call” did not happen in time."]
    forgotten.by("ana", commands.MarkDone("task:1"))
    assert [one.state for one in promises(forgotten)] == ["broken"]
    assert forgotten.incident.tasks[0].done_at == START + timedelta(minutes=30)


def test_the_end_of_an_incident_ends_what_was_to_be_done_by_a_time() -> None:
    trial = opened(plan("0m ana tasks Call/10m"))
    trial.resolve("ana")
    trial.wait(minutes=20)
    assert promises(trial) == []
    assert trial.happened(events.PromiseBroken) == []


def promises(trial: Trial) -> list[Deadline]:
    return [one for one in deadlines(trial.incident, trial.policy) if one.id.startswith("task")]


def minute(one: Deadline) -> float:
    return (one.due_at - START) / timedelta(minutes=1)


def test_a_rung_tells_and_gives_tasks_and_never_waits_for_an_answer() -> None:
    second = stage("Second", tell="dara", words="Open-room+Call")
    ladder = ("0m ana", "5m ben until resolved tell chloe+ben tasks Call+Log stage Second")
    trial = opened(plan(*ladder, stages={second.id: second}))
    trial.wait(minutes=5)
    words = "Second (P1): Ben is paged."
    assert trial.heard() == [f"5m chloe email: {words}", f"5m dara email: {words}"]
    assert trial.told() == ["0m ana email", "5m ben email"]
    assert [one.words for one in trial.incident.tasks] == ["Call", "Log", "Open-room"]
    assert trial.incident.stages == {"Second": START + timedelta(minutes=5)}
    assert not trial.incident.answered


def test_a_rung_that_only_tells_pages_nobody_and_does_not_fall_through() -> None:
    trial = opened(plan("0m - tell ana", "5m ben", repeat=""))
    assert trial.told() == []
    assert trial.heard() == ["0m ana email: Step 1 of P1: nobody else is paged."]
    trial.wait(minutes=5)
    assert trial.told() == ["5m ben email"]


def test_where_a_rung_reaches_nobody_those_that_only_tell_do_not_end_the_search() -> None:
    trial = opened(plan("0m zoe", "5m - tell ana", "10m ben"))
    assert trial.told() == ["0m ben email"]
    assert trial.heard() == ["0m ana email: Step 2 of P1: nobody else is paged."]


def test_a_message_that_was_refused_holds_up_nothing() -> None:
    trial = opened(plan("0m ana tell zoe", "5m ben"), people=("zoe",))
    failed = Receipt(Outcome.FAILED, "no such address")
    trial.ask(commands.Settle(0, 1, PersonId("zoe"), "email", 1, failed))
    assert trial.happened(events.RingSettled) == ["0m RingSettled"]
    trial.wait(minutes=4)
    assert trial.told() == ["0m ana email"]


def test_a_task_is_given_once_and_struck_off_once_by_its_id_or_in_its_words() -> None:
    trial = opened(plan("0m ana tasks Log", "5m ben tasks Log+Write"))
    trial.wait(minutes=15)
    given = [("task:1", "Log"), ("task:2", "Write")]
    assert [(one.id, one.words) for one in trial.incident.tasks] == given
    trial.by("ana", commands.MarkDone("task:1"))
    assert trial.incident.tasks[0].done_at == START + timedelta(minutes=15)
    assert refusal(trial.by("ben", commands.MarkDone("task:1"))) == "task:1 of INC-1 is done already."
    trial.by("ben", commands.MarkDone("Write"))
    assert trial.incident.tasks[1].done_at == START + timedelta(minutes=15)
    assert refusal(trial.by("ana", commands.MarkDone("Write"))) == "Write of INC-1 is done already."
    unknown = "INC-1 has no task and no promise task:9 that a person marks as done."
    assert refusal(trial.by("ben", commands.MarkDone("task:9"))) == unknown


def test_what_a_rung_expects_is_a_promise_that_is_kept_or_broken() -> None:
    ladder = ("0m ana", "15m ben until mitigating promise Assessed")
    kept, broken = opened(plan(*ladder)), opened(plan(*ladder))
    kept.wait(minutes=10)
    kept.by("ana", commands.BeginMitigation())
    for trial in (kept, broken):
        trial.wait(minutes=20)
    first = [deadlines(trial.incident, trial.policy)[0] for trial in (kept, broken)]
    assert [f"{one.promise} {one.state}" for one in first] == ["Assessed kept", "Assessed broken"]
    order = broken.happened(events.PromiseBroken, events.StepTaken)
    assert order[1:3] == ["15m PromiseBroken", "15m StepTaken"]


# Roles and teams.


def test_a_role_means_its_default_and_a_team_everybody_in_it() -> None:
    primary = rota("primary", "ben")
    roles = {one.id: one for one in (role("CTO", "dara"), role("Commander", "@primary"))}
    teams = {one.id: one for one in (team("ops", "ana+@primary"), team("all", "team:ops+role:CTO"))}
    ladder = ("0m role:CTO", "5m role:Commander", "10m team:all until resolved")
    trial = opened(plan(*ladder, roles=roles, teams=teams, rotas={primary.id: primary}))
    trial.wait(minutes=10)
    assert trial.told() == [
        "0m dara email",
        "5m ben email",
        "10m ana email",
        "10m ben email",
        "10m dara email",
    ]


def test_of_a_team_the_next_is_whoever_was_paged_longest_ago() -> None:
    teams = {one.id: one for one in [team("ops", "ana+ben+chloe")]}
    trial = Trial(plan("0m next:ops", "5m next:ops", "10m next:ops", "15m next:ops", teams=teams))
    hour = timedelta(hours=1)
    trial.paged_at = {PersonId("ana"): START - hour, PersonId("ben"): START - 2 * hour}
    trial.join()
    trial.wait(minutes=15)
    assert trial.told() == ["0m chloe email", "5m ben email", "10m ana email", "15m chloe email"]


def test_the_next_of_a_team_is_nobody_who_has_answered_while_others_have_not() -> None:
    teams = {one.id: one for one in [team("ops", "ana+ben+chloe")]}
    trial = Trial(plan("0m next:ops", "10m next:ops until resolved", "20m ops until resolved", teams=teams))
    # Both were busy elsewhere a moment ago; ana answers here.
    trial.paged_at = {PersonId(one): START + timedelta(minutes=5) for one in ("ben", "chloe")}
    trial.join()
    trial.acknowledge("ana")
    trial.wait(minutes=10)
    assert trial.told() == ["0m ana email", "10m ben email"]


def test_the_next_of_a_team_can_be_whoever_is_on_call_and_is_one_who_can_be_reached() -> None:
    primary = rota("primary", "ben")
    teams = {
        one.id: one for one in [team("inner", "@primary+gone"), team("ops", "team:inner+team:ops+chloe")]
    }
    trial = Trial(
        plan(
            "0m next:ops",
            "5m next:ops",
            "10m next:none",
            "10m dara",
            teams=teams,
            rotas={primary.id: primary},
        )
    )
    trial.join()
    trial.wait(minutes=10)
    assert [one.rpartition(" ")[0] for one in trial.told()] == ["0m ben", "5m chloe", "10m dara"]


def test_roles_and_teams_that_lead_in_a_circle_or_nowhere_fall_through() -> None:
    roles = {one.id: one for one in [role("A", "role:B"), role("B", "role:A"), role("C")]}
    trial = opened(plan("0m role:A", "5m role:C", "10m team:none", "15m ana", roles=roles))
    assert trial.told() == ["0m ana email"]
    missing = [one.event.unreachable for one in trial.recorded if isinstance(one.event, events.StepTaken)]
    assert missing[1:3] == [("nobody has the role C",), ("nobody is in the team none",)]
