"""The list of promises: what is on it, in which order, what keeps and what breaks each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.trial import START, Trial, level, person, plan, policy, rota
from tocsin.core.incident import Decision, Status, commands, deadlines, next_due
from tocsin.core.model import DeadlineState, LevelId, Notify, Refused
from tocsin.core.policy import Milestone, Policy, Rebase, Reclassify

TWO = plan("0m ana", "5m ben", "15m dara until resolved")


def listed(trial: Trial) -> list[str]:
    """Every deadline as `5m id state`."""
    return [
        f"{(one.due_at - START).total_seconds() / 60:g}m {one.id} {one.state}"
        for one in deadlines(trial.incident, trial.policy)
    ]


def opened(policy: Policy) -> Trial:
    trial = Trial(policy, (person("ana email+sms", "0m email", "2m sms"), *Trial(policy).people[1:]))
    trial.join()
    return trial


def test_an_open_incident_promises_rings_steps_and_an_answer_the_earliest_first() -> None:
    assert listed(opened(TWO)) == [
        "2m ring:1:1 due",
        "5m acknowledge:P1 due",
        "5m step:0:1 due",
        "15m step:0:2 due",
    ]


def test_promises_read_aloud() -> None:
    both = plan("0m ana", "5m @primary+ben", rotas=[rota("primary", "ana")])
    trial = opened(both)
    words = [one.promise for one in deadlines(trial.incident, trial.policy)]
    assert words == [
        "tell ana by sms",
        "acknowledged by a person",
        "page whoever is on call as primary and ben unless acknowledged",
    ]
    trial.wait(minutes=5)
    assert deadlines(trial.incident, trial.policy)[-1].promise == (
        "page again from the first step unless acknowledged"
    )
    trial.acknowledge("ana")
    assert deadlines(trial.incident, trial.policy)[-1].promise == "page again unless resolved"


def test_after_the_last_step_the_next_round_is_promised() -> None:
    trial = opened(TWO)
    trial.wait(minutes=16)
    assert listed(trial) == ["5m acknowledge:P1 broken", "25m repeat:0 due"]
    trial.wait(minutes=9)
    assert listed(trial) == [
        "5m acknowledge:P1 broken",
        "27m ring:4:1 due",
        "30m step:1:1 due",
        "40m step:1:2 due",
    ]


def test_an_answer_in_time_keeps_the_promise() -> None:
    trial = opened(TWO)
    trial.wait(minutes=4)
    trial.acknowledge("ana")
    assert listed(trial) == ["5m acknowledge:P1 kept", "15m step:0:2 due", "34m lapse due"]


def test_an_answer_too_late_does_not_mend_a_broken_promise() -> None:
    trial = opened(TWO)
    trial.wait(minutes=6)
    trial.acknowledge("ana")
    assert listed(trial)[0] == "5m acknowledge:P1 broken"
    assert [one.id for one in trial.incident.broken] == ["acknowledge:P1"]


def test_an_answer_in_the_very_minute_is_too_late() -> None:
    trial = opened(TWO)
    trial.now += timedelta(minutes=5)
    trial.acknowledge("ana")
    assert listed(trial)[0] == "5m acknowledge:P1 broken"


def test_a_lapse_does_not_promise_a_first_answer_again() -> None:
    trial = opened(TWO)
    trial.acknowledge("ana")
    trial.wait(minutes=40)
    assert listed(trial)[0] == "5m acknowledge:P1 kept"
    trial.acknowledge("ben")
    assert trial.incident.first_acknowledged_at == START


def test_a_raised_level_promises_an_answer_anew() -> None:
    trial = Trial(TWO)
    trial.join("P2")
    trial.acknowledge("ana")
    trial.wait(minutes=10)
    trial.join("P1")
    assert "15m acknowledge:P1 due" in listed(trial)


def test_a_level_that_comes_again_promises_an_answer_anew_whatever_became_of_the_first() -> None:
    trial = opened(TWO)
    trial.wait(minutes=7)
    for name in ("P2", "P1"):
        trial.by("ana", commands.SetLevel(LevelId(name), "we know more"))
        trial.wait(minutes=1)
    # At P2 from 7 to 8: of that promise nothing is left.
    assert [one for one in listed(trial) if "acknowledge" in one] == [
        "5m acknowledge:P1 broken",
        "13m acknowledge:P1:1 due",
    ]
    trial.wait(minutes=10)
    assert [one.id for one in trial.incident.broken] == ["acknowledge:P1", "acknowledge:P1:1"]


def test_where_clocks_run_from_the_beginning_a_promise_is_broken_once() -> None:
    trial = opened(replace(TWO, reclassify=Reclassify(Rebase.OPENED)))
    trial.wait(minutes=7)
    for name in ("P2", "P1"):
        trial.by("ana", commands.SetLevel(LevelId(name), "we know more"))
        trial.wait(minutes=10)
    assert [one.id for one in trial.incident.broken] == ["acknowledge:P1", "acknowledge:P2"]


def test_what_was_resolved_promises_nothing_and_keeps_its_record() -> None:
    answered, missed, quick = opened(TWO), opened(TWO), opened(TWO)
    answered.acknowledge("ana")
    missed.wait(minutes=7)
    for trial in (answered, missed, quick):
        trial.resolve("ana")
        assert next_due(trial.incident, trial.policy) is None
    assert listed(answered) == ["5m acknowledge:P1 kept"]
    assert listed(missed) == ["5m acknowledge:P1 broken"]
    assert listed(quick) == []


def test_a_level_that_pages_nobody_promises_only_what_it_says() -> None:
    silent = policy(level("P1", within="", repeat="", lasts=""))
    assert next_due(opened(silent).incident, silent) is None
    counted = policy(level("P1", within="60m", repeat="", lasts=""))
    trial = opened(counted)
    assert listed(trial) == ["60m acknowledge:P1 due"]
    trial.wait(minutes=61)
    assert next_due(trial.incident, counted) is None


def test_what_is_not_yet_due_is_refused_and_what_is_due_is_done_once() -> None:
    trial = opened(TWO)
    for one in trial.open_deadlines():
        trial.now = one.due_at - timedelta(microseconds=1)
        assert trial.due(one.id) == Refused(f"INC-1 has no deadline {one.id} due.")
        trial.now = one.due_at
        assert isinstance(trial.due(one.id), Decision)
        assert trial.due(one.id) == Refused(f"INC-1 has no deadline {one.id} due.")


def test_a_repeat_can_not_be_asked_for_twice() -> None:
    trial = opened(plan("0m ana"))
    trial.wait(minutes=10)
    assert trial.due("repeat:0") == Refused("INC-1 has no deadline repeat:0 due.")


# Whatever happens.


STEPS = st.builds(
    lambda after, who, until: (after, f"{after}m {who}{until}"),
    st.sampled_from([0, 0, 1, 5, 20]),
    st.sampled_from(["ana", "ben", "dara", "ana+ben", "@primary", "@empty", "zoe", "ana+zoe"]),
    st.sampled_from(["", "", " until resolved"]),
)
LADDERS = st.lists(STEPS, max_size=5).map(lambda steps: [text for _, text in sorted(steps)])
PLANS = st.builds(
    lambda worse, milder, lasts, catch_all: policy(
        level("P1", *worse, lasts=lasts),
        level("P2", *milder, rank=1, lasts=lasts),
        rotas=(rota("primary", "chloe", "ben"), rota("empty")),
        catch_all=catch_all,
    ),
    LADDERS.filter(bool),
    LADDERS,
    st.sampled_from(["", "30m", "3m"]),
    st.sampled_from(["dara", "zoe", "ana+dara"]),
)
PEOPLE = st.tuples(
    st.sampled_from([person("ana email"), person("ana email+sms", "0m email", "2m sms+email", "30m sms")]),
    st.sampled_from([person("ben -"), person("ben email"), person("ben call", "0m call", "1m call")]),
    st.just(person("chloe email")),
    st.sampled_from([person("dara email+sms", "1m sms", "2m email"), person("dara -")]),
)
NAMES = st.sampled_from(["ana", "ben", "chloe", "dara"])
ACTS = st.one_of(
    st.tuples(st.just("join"), st.sampled_from(["P1", "P2"])),
    st.tuples(st.just("wait"), st.sampled_from([0, 0.5, 1, 5, 31])),
    st.tuples(st.just("outage"), st.sampled_from([1, 7, 200])),
    st.tuples(st.just("acknowledge"), NAMES),
    st.tuples(st.just("receipt"), st.sampled_from(["failed", "failed", "retrying", "unknown", "accepted"])),
    st.tuples(st.just("refuse"), st.none()),
    st.tuples(st.just("clear"), st.none()),
    st.tuples(st.just("resolve"), NAMES),
)


def act(trial: Trial, what: str, how: object) -> None:
    match what:
        case "wait":
            trial.wait(minutes=float(str(how)))
        case "outage":
            trial.outage(minutes=float(str(how)))
        case "refuse":
            trial.refuse_all()
        case "clear":
            trial.clear()
        case "receipt":
            if sent := [one for _, one in trial.effects if isinstance(one, Notify)]:
                trial.receipt(sent[-1].person, str(how))
        case _:
            getattr(trial, what)(str(how))


@settings(max_examples=250, deadline=None)
@given(PLANS, PEOPLE, st.sampled_from(["P1", "P2"]), st.lists(ACTS, max_size=12))
def test_promises_hold_together_whatever_happens(
    plan: Policy, people: tuple[object, ...], first: str, acts: list[tuple[str, object]]
) -> None:
    trial = Trial(plan, people)  # type: ignore[arg-type]  # Hypothesis gives a tuple of persons
    trial.join(first)
    for what, how in [("wait", 0), *acts]:
        act(trial, what, how)
        check(trial)


def check(trial: Trial) -> None:
    """What is true of the promises of every incident at every moment."""
    state, level = trial.incident, trial.policy.level(trial.incident.level)
    found = deadlines(state, trial.policy)
    due = [one for one in found if one.state is DeadlineState.DUE]
    assert [one.due_at for one in found] == sorted(one.due_at for one in found)
    assert len({one.id for one in found}) == len(found)
    assert next_due(state, trial.policy) == min((one.due_at for one in due), default=None)
    if state.status is Status.RESOLVED:
        assert due == []
        assert state.pages == ()
    if state.status is Status.TRIGGERED and level.ladder:
        # Somebody is always asked next, no later than the longest pause of the plan.
        assert any(one.id.startswith(("step:", "repeat:")) for one in due)
        assert state.answered == ()
    if state.status is Status.ACKNOWLEDGED:
        assert all(page.until is Milestone.RESOLVED for page in state.pages)
    asked = [page.person for page in state.pages]
    assert len(set(asked)) == len(asked)
    assert not set(asked) & set(state.answered)
