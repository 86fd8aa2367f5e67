"""What a plan promises: kept, due or broken, also after the end; and what audiences are to hear."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tests.core.trial import START, Trial, level, policy, role, stage, targets
from tocsin.core.facts import Fact, FactKind, FactValue
from tocsin.core.incident import commands, deadlines, events, next_due
from tocsin.core.model import FactId, LevelId, Refused
from tocsin.core.policy import Cadence, Milestone, Moment, Policy, Promise

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
INSIDE = Cadence("inside", (), targets("ben"), 10 * MINUTE, 30 * MINUTE)


@dataclass(frozen=True)
class Lasted:
    """A condition as the plan room would read `lasted > 1h`."""

    text: str = "lasted > 1h"
    needs: frozenset[FactId] = frozenset({FactId("lasted")})

    def holds(self, facts: Any) -> bool | None:
        lasted: FactValue | None = facts.get(FactId("lasted"))
        return None if lasted is None else isinstance(lasted, timedelta) and lasted > HOUR

    def reading(self, facts: Any) -> tuple[object, ...]:
        return (self.holds(facts),)


@dataclass(frozen=True)
class Says:
    """A condition that is a fact, yes or no."""

    fact: FactId
    text: str = ""
    needs: frozenset[FactId] = frozenset()

    def holds(self, facts: Any) -> bool | None:
        said: bool | None = facts.get(self.fact)
        return said

    def reading(self, facts: Any) -> tuple[object, ...]:
        return (self.holds(facts),)


def plan(*promises: Promise, updates: tuple[Cadence, ...] = (), **more: Any) -> Policy:
    p1 = replace(level("P1", "0m ana", within="", lasts=""), updates=updates)
    p2 = level("P2", "0m ana", rank=1, within="", lasts="")
    lead = role("Lead", "chloe")
    return replace(policy(p1, p2), promises=promises, roles={lead.id: lead}, **more)


def opened(plan: Policy, name: str = "P1") -> Trial:
    trial = Trial(plan)
    trial.join(name)
    return trial


def listed(trial: Trial, word: str = "promise") -> list[str]:
    return [
        f"{(one.due_at - START) / MINUTE:g}m {one.id.partition(':')[2]} {one.state}"
        for one in deadlines(trial.incident, trial.policy)
        if one.id.startswith(word)
    ]


def refusal(answer: object) -> str:
    assert isinstance(answer, Refused)
    return answer.reason


# Promises.


def test_a_promise_is_kept_by_its_milestone_or_a_later_one() -> None:
    verified = Promise("Verified", Milestone.OPENED, 5 * MINUTE, kept_by=Milestone.VERIFIED)
    kept, broken = opened(plan(verified)), opened(plan(verified))
    kept.wait(minutes=4)
    kept.by("ana", commands.BeginMitigation())
    broken.wait(minutes=8)
    broken.by("ana", commands.Verify())
    assert (listed(kept), listed(broken)) == (["5m Verified kept"], ["5m Verified broken"])
    assert broken.heard() == ["5m chloe email: “Verified” did not happen in time."]


def test_whoever_the_plan_names_for_a_promise_hears_that_it_was_broken() -> None:
    longer = Promise("Verified by two", Milestone.OPENED, 5 * MINUTE, kept_by=Milestone.VERIFIED)
    named = Promise("Verified", Milestone.OPENED, 5 * MINUTE, tell=targets("ben+chloe"))
    trial = opened(plan(longer, named))
    trial.wait(minutes=5)
    assert trial.heard() == [
        "5m chloe email: “Verified by two” did not happen in time.",
        "5m chloe email: “Verified” did not happen in time.",
        "5m ben email: “Verified” did not happen in time.",
    ]


# Warnings.

SOON = (12 * HOUR, 2 * HOUR)
REPORT = Promise("Report", Milestone.OPENED, 24 * HOUR, tell=targets("ben"), warn=SOON)


def said(minute: int, left: str, at: str) -> list[str]:
    words = f"“Report” is due in {left}, at {at} UTC."
    return [f"{minute}m {name} email: {words}" for name in ("chloe", "ben")]


def test_whoever_leads_and_whom_the_plan_names_are_warned_before_it_is_due() -> None:
    trial = opened(plan(REPORT))
    assert listed(trial, "remind") == ["720m 43200:promise:Report due", "1320m 7200:promise:Report due"]
    trial.wait(minutes=23 * 60)
    due = "2026-11-24 03:00"
    assert trial.heard() == [*said(720, "12h", due), *said(1320, "2h", due)]
    trial.wait(minutes=60)
    assert [line for line in trial.heard() if "did not happen" in line] == [
        f"1440m {name} email: “Report” did not happen in time." for name in ("chloe", "ben")
    ]
    assert trial.incident.warned == {}


def test_what_is_kept_is_not_warned_of() -> None:
    trial = opened(plan(REPORT))
    trial.by("ana", commands.MarkDone("Report"))
    trial.wait(minutes=25 * 60)
    assert (trial.heard(), listed(trial, "remind")) == ([], [])


def test_an_outage_warns_once_and_not_when_it_is_too_late() -> None:
    late, too_late = opened(plan(REPORT)), opened(plan(REPORT))
    late.outage(minutes=23 * 60)
    too_late.outage(minutes=25 * 60)
    assert late.heard() == said(1380, "1h", "2026-11-24 03:00")
    assert [line.split(": ")[1] for line in too_late.heard()] == ["“Report” did not happen in time."] * 2


def test_what_comes_to_hold_late_is_warned_of_at_once() -> None:
    trial = opened(plan(replace(REPORT, anchor=Milestone.RESOLVED, within=HOUR)))
    trial.wait(minutes=30)
    trial.resolve("ana")
    trial.wait(minutes=1)
    assert trial.heard() == said(30, "1h", "2026-11-23 04:30")


def test_each_update_is_warned_of_unless_a_stage_brings_them_that_close() -> None:
    inside = replace(INSIDE, warn=(5 * MINUTE,))
    trial = opened(plan(updates=(inside,)))
    trial.wait(minutes=6)
    trial.by("ana", commands.PostUpdate("inside", "We are at it."))
    assert listed(trial, "remind") == ["31m 300:update:2:inside due"]
    trial.wait(minutes=26)
    words = "“an update for inside” is due in 5m, at 2026-11-23 03:10 UTC."
    assert trial.heard()[0] == f"5m chloe email: {words}"
    assert trial.heard()[2].startswith("31m chloe email: “an update for inside” is due in 5m")
    assert list(trial.incident.warned) == ["update:2:inside"]
    second = stage("Second", updates_every=10)
    p1 = replace(level("P1", "0m ana stage Second", within="", lasts=""), updates=(inside,))
    close = opened(replace(policy(p1), stages={second.id: second}))
    close.by("ana", commands.PostUpdate("inside", "We are at it."))
    assert listed(close, "remind") == []


def test_what_is_promised_for_afterwards_lives_on_and_wakes_the_incident() -> None:
    report = Promise("Report", Milestone.RESOLVED, 48 * HOUR)
    trial = opened(plan(report))
    assert listed(trial) == []
    trial.wait(minutes=30)
    trial.resolve("ana")
    assert next_due(trial.incident, trial.policy) == START + 30 * MINUTE + 48 * HOUR
    trial.by("ana", commands.Close("done"))
    trial.wait(minutes=60)
    trial.by("ana", commands.MarkDone("promise:Report"))
    assert listed(trial) == ["2910m Report kept"]
    assert next_due(trial.incident, trial.policy) is None


def test_a_promise_for_afterwards_that_nobody_keeps_is_broken_though_it_is_closed() -> None:
    trial = opened(plan(Promise("Report", Milestone.RESOLVED, 48 * HOUR)))
    trial.resolve("ana")
    trial.wait(minutes=60 * 49)
    assert listed(trial) == ["2880m Report broken"]
    assert next_due(trial.incident, trial.policy) is None


def test_a_false_positive_promises_nothing() -> None:
    trial = opened(plan(Promise("Report", Milestone.RESOLVED, 48 * HOUR)))
    trial.by("ana", commands.FalsePositive("a test"))
    assert listed(trial) == []


def test_what_may_not_be_done_yet_is_refused() -> None:
    meeting = Promise("Meeting held", Milestone.RESOLVED, 48 * HOUR, not_before=24 * HOUR)
    trial = opened(plan(meeting))
    trial.resolve("ana")
    early = trial.by("ana", commands.MarkDone("promise:Meeting held"))
    assert refusal(early) == "Meeting held may not be done before 2026-11-24 03:00 UTC."
    trial.wait(minutes=24 * 60)
    trial.by("ana", commands.MarkDone("promise:Meeting held"))
    assert listed(trial) == ["2880m Meeting held kept"]


def test_a_review_is_due_when_its_condition_holds_at_the_end() -> None:
    review = Promise("Review", Milestone.RESOLVED, 48 * HOUR)
    due: dict[str, Any] = {"review_due_when": (Lasted(),), "review_steps": (review,)}
    short, long = opened(plan(**due)), opened(plan(**due))
    short.wait(minutes=30)
    long.wait(minutes=90)
    for trial in (short, long):
        trial.resolve("ana")
    assert (listed(short), listed(long)) == ([], ["2970m Review due"])


def test_after_a_reopening_what_is_promised_for_the_end_is_promised_anew() -> None:
    trial = opened(plan(Promise("Report", Milestone.RESOLVED, HOUR)))
    trial.resolve("ana")
    trial.wait(minutes=61)
    trial.by("ana", commands.Reopen("it is back"))
    assert listed(trial) == ["60m Report broken"]
    trial.resolve("ana")
    assert listed(trial) == ["60m Report broken", "121m Report:1 due"]


def test_what_was_missed_while_nobody_looked_is_not_hidden_by_a_new_alert() -> None:
    again = Promise("Fix announced", Milestone.MITIGATED, HOUR)
    trial = opened(plan(again))
    trial.by("ana", commands.Mitigate("rolled back"))
    trial.now += 2 * HOUR
    trial.join()
    assert str(trial.incident.status) == "triggered"
    assert [one.id for one in trial.incident.broken] == ["promise:Fix announced"]


def test_what_was_missed_while_nobody_looked_is_not_hidden_by_facts() -> None:
    harmed = FactId("harmed")
    asked = Promise("Customers told", Milestone.OPENED, HOUR, when=Says(harmed))
    trial = opened(plan(asked, facts={harmed: Fact(harmed, FactKind.YES_OR_NO)}))
    trial.by("ana", commands.SetFacts({harmed: "yes"}))
    trial.now += 2 * HOUR
    trial.by("ana", commands.SetFacts({harmed: "no"}))
    assert [one.id for one in trial.incident.broken] == ["promise:Customers told"]


def test_a_promise_has_a_time_for_each_level() -> None:
    times = {LevelId("P1"): 5 * MINUTE, LevelId("P2"): 15 * MINUTE}
    response = Promise("Response", Milestone.OPENED, 15 * MINUTE, times, Milestone.ACKNOWLEDGED)
    assert listed(opened(plan(response), "P1")) == ["5m Response:P1 due"]
    trial = opened(plan(response), "P2")
    trial.wait(minutes=10)
    trial.by("ana", commands.SetLevel(LevelId("P1"), "worse"))
    assert listed(trial) == ["15m Response:P1 due"]


# Updates.


def test_an_update_keeps_the_promise_and_begins_the_next() -> None:
    trial = opened(plan(updates=(INSIDE,)))
    assert listed(trial, "update") == ["10m 1:inside due"]
    trial.wait(minutes=8)
    trial.by("ana", commands.PostUpdate("inside", "We are at it."))
    assert trial.heard() == ["8m ben email: We are at it."]
    assert listed(trial, "update") == ["38m 2:inside due"]


def test_an_update_that_is_missed_is_recorded_and_the_next_is_due_after_it() -> None:
    trial = opened(plan(updates=(INSIDE,)))
    trial.wait(minutes=41)
    assert listed(trial, "update") == ["10m 1:inside broken", "40m 2:inside broken", "70m 3:inside due"]
    said = "“an update for inside” did not happen in time."
    assert trial.heard() == [f"10m chloe email: {said}", f"40m chloe email: {said}"]


def test_an_outage_misses_one_update_and_not_every_one() -> None:
    trial = opened(plan(updates=(INSIDE,)))
    trial.outage(minutes=60 * 24)
    assert len(trial.heard()) == 1
    assert listed(trial, "update") == ["10m 1:inside broken", "1450m 2:inside due"]


def test_whoever_is_to_hear_within_no_time_hears_from_tocsin() -> None:
    trial = opened(plan(updates=(replace(INSIDE, first_within=timedelta(0)),)))
    assert trial.heard() == ["0m ben email: INC-1 is P1: down"]
    assert listed(trial, "update") == ["30m 2:inside due"]
    assert not trial.incident.advances


def test_a_stage_makes_updates_more_frequent() -> None:
    second = stage("Second", updates_every=50)
    p1 = replace(level("P1", "0m ana", "5m ben stage Second", within="", lasts=""), updates=(INSIDE,))
    trial = opened(replace(policy(p1), stages={second.id: second}))
    trial.wait(minutes=6)
    trial.by("ana", commands.PostUpdate("inside", "We are at it."))
    assert listed(trial, "update") == ["21m 2:inside due"]


def test_a_stage_that_comes_late_in_an_interval_makes_nobody_late() -> None:
    third = stage("Third", updates_every=20)
    p1 = replace(level("P1", "0m ana", "24m ben stage Third", within="", lasts=""), updates=(INSIDE,))
    trial = opened(replace(policy(p1), stages={third.id: third}))
    trial.wait(minutes=1)
    trial.by("ana", commands.PostUpdate("inside", "We are at it."))
    trial.wait(minutes=23)
    assert listed(trial, "update") == ["30m 2:inside due"]
    trial.wait(minutes=4)
    trial.by("ana", commands.PostUpdate("inside", "Still."))
    assert listed(trial, "update") == ["34m 3:inside due"]


def test_an_update_at_the_end_is_due_when_it_is_over() -> None:
    trial = opened(plan(updates=(Cadence("inside", (), (), 10 * MINUTE, at=Moment.RESOLVED),)))
    trial.wait(minutes=5)
    assert listed(trial, "update") == []
    trial.resolve("ana")
    assert listed(trial, "update") == ["15m 1:inside due"]
    trial.by("ana", commands.PostUpdate("inside", "It was a full disk."))
    assert listed(trial, "update") == []


def test_updates_end_with_the_incident_and_what_was_missed_stays() -> None:
    trial = opened(plan(updates=(INSIDE,)))
    trial.wait(minutes=11)
    trial.resolve("ana")
    assert listed(trial, "update") == ["10m 1:inside broken"]
    assert next_due(trial.incident, trial.policy) is None


def test_a_daily_update_and_one_for_each_change() -> None:
    daily, change = Cadence("daily", (), at=Moment.DAILY), Cadence("change", (), (), HOUR, at=Moment.CHANGE)
    trial = opened(plan(updates=(daily, change)))
    assert listed(trial, "update") == ["60m 1:change due", "1440m 1:daily due"]
    trial.by("ana", commands.PostUpdate("change", "It is open."))
    trial.wait(minutes=10)
    trial.by("ana", commands.Verify())
    assert listed(trial, "update") == ["70m 2:change due", "1440m 1:daily due"]


def test_an_update_needs_words_and_an_audience() -> None:
    trial = opened(plan(updates=(INSIDE,)))
    assert refusal(trial.by("ana", commands.PostUpdate("inside", " "))) == "An update needs words."
    nobody = trial.by("ana", commands.PostUpdate("outside", "x"))
    assert refusal(nobody) == "The plan has no audience outside; it has inside."
    assert trial.happened(events.UpdatePosted) == []


@dataclass(frozen=True)
class ManyAlerts:
    """A condition as the plan room would read `alerts > 1`."""

    text: str = "alerts > 1"
    needs: frozenset[FactId] = frozenset({FactId("alerts")})

    def holds(self, facts: Any) -> bool | None:
        return bool(facts[FactId("alerts")] > 1)

    def reading(self, facts: Any) -> tuple[object, ...]:
        return (self.holds(facts),)


def test_what_takes_away_the_condition_of_a_promise_does_not_hide_that_it_was_missed() -> None:
    trial = Trial(plan(Promise("Word", Milestone.OPENED, HOUR, when=ManyAlerts())))
    trial.join("P1", 2)
    # The engine comes late, and the news before it.
    trial.now = START + 2 * HOUR
    trial.clear(1)
    names = [type(one.event) for one in trial.recorded]
    assert names.index(events.PromiseBroken) < names.index(events.AlertsCleared)
