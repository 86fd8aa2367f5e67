"""Merging: whatever the other incident had promised its people is kept here, no later, and asked once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.trial import EVERYBODY, Trial, level, plan, policy, role, rota, team
from tocsin.core.facts import Fact, FactKind
from tocsin.core.incident import commands, events
from tocsin.core.incident.events import CarriedStep
from tocsin.core.model import Actor, ActorKind, FactId, LevelId, PersonId, RoleId, SubjectId
from tocsin.core.policy import Classification, Policy

OTHER = SubjectId("INC-7")
MILD_NAMES_MORE = policy(
    level("P1", "0m ana", "60m ben"), level("P2", "0m ana", "10m ben", "20m chloe", rank=1)
)


@dataclass(frozen=True)
class AllKnown:
    """A condition that holds when people have said yes to all of these facts."""

    facts: tuple[FactId, ...]
    text: str = "all"

    @property
    def needs(self) -> frozenset[FactId]:
        return frozenset(self.facts)

    def holds(self, facts: Any) -> bool | None:
        return all(facts.get(one) for one in self.facts)

    def reading(self, facts: Any) -> tuple[object, ...]:
        return (self.holds(facts),)


def pair(
    here: Policy, parent: str, child: str, *, after: float, there: Policy | None = None
) -> tuple[Trial, Trial]:
    """An incident, and one that opens `after` minutes and is still another."""
    first, second = Trial(here), Trial(there or here, id=OTHER)
    first.join(parent)
    first.wait(minutes=after)
    second.now = first.now
    second.join(child)
    return first, second


def merged(parent: Trial, child: Trial, *, after: float) -> Trial:
    """They run `after` minutes more, and then go on as one."""
    for one in (parent, child):
        one.wait(minutes=after)
    parent.absorb(child)
    return parent


def promised(trial: Trial) -> list[str]:
    return [one.promise for one in trial.open_deadlines() if one.id.startswith("carried")]


def test_what_a_milder_incident_had_promised_earlier_is_kept() -> None:
    trial = merged(*pair(MILD_NAMES_MORE, "P1", "P2", after=5), after=2)
    assert promised(trial) == [
        "page ben unless acknowledged, as INC-7 (P2) promised",
        "page chloe unless acknowledged, as INC-7 (P2) promised",
    ]
    trial.wait(minutes=20)
    # Counted from the first: the other opened at 5, and was to page ben at 15 and chloe at 25.
    assert trial.told()[-2:] == ["15m ben email", "25m chloe email"]
    reason = "named by the plan, step 3 as INC-7 (P2) promised"
    assert trial.last(events.PageStarted).reason == reason


def test_what_this_ladder_brings_as_early_is_its_own() -> None:
    trial = merged(*pair(plan("0m ana", "10m ben", "20m chloe"), "P2", "P2", after=5), after=2)
    assert promised(trial) == []
    assert not trial.happened(events.StepsCarriedOver)


def test_whoever_was_asked_here_already_is_not_asked_again() -> None:
    trial = merged(*pair(plan("0m ana", "10m ben", "20m chloe"), "P2", "P2", after=12), after=1)
    trial.wait(minutes=12)
    assert promised(trial) == []
    assert trial.told() == ["0m ana email", "10m ben email", "20m chloe email"]


def test_an_answer_makes_them_moot_and_their_time_does_not_come_back() -> None:
    trial = merged(*pair(MILD_NAMES_MORE, "P1", "P2", after=5), after=2)
    trial.acknowledge("ana")
    trial.wait(minutes=25)
    assert [one for one in trial.told() if "ana" not in one] == []


def test_where_somebody_has_this_one_nothing_until_an_answer_is_left() -> None:
    parent, child = pair(MILD_NAMES_MORE, "P1", "P2", after=5)
    parent.acknowledge("ana")
    assert promised(merged(parent, child, after=2)) == []


def test_own_rungs_are_carried_by_a_lapse_beside_those_of_the_other() -> None:
    ladder = ("0m ana until resolved", "40m ben until resolved", "50m chloe until resolved")
    here = policy(level("P2", *ladder, repeat=""))
    there = policy(level("P2", "0m ana until resolved", "33m dara until resolved", repeat=""))
    parent, child = pair(here, "P2", "P2", after=1, there=there)
    parent.acknowledge("ana")
    trial = merged(parent, child, after=1)
    trial.wait(minutes=60)
    # It lapses at 31. The other's second rung is called as this one's is, and neither loses its time.
    firsts = {one.split()[1]: one.split()[0] for one in reversed(trial.told())}
    assert firsts == {"ana": "0m", "dara": "34m", "ben": "40m", "chloe": "50m"}


HERE = policy(level("P2", "0m ana", repeat=""))
DATABASE = policy(level("P2", "0m ana", "10m ben", "20m chloe", repeat=""))


def test_while_somebody_has_it_the_clock_of_what_was_carried_stands_still() -> None:
    """Whoever falls asleep over it wakes those who are next, and not everybody at once."""
    trial = merged(*pair(HERE, "P2", "P2", after=0, there=DATABASE), after=1)
    trial.wait(minutes=3)
    trial.acknowledge("ana")
    trial.wait(minutes=55)
    # It lapses at 34, and six minutes were left for ben.
    assert trial.told() == ["0m ana email", "34m ana email", "40m ben email", "50m chloe email"]


def test_it_stands_still_however_often_it_is_acknowledged_anew() -> None:
    trial = merged(*pair(HERE, "P2", "P2", after=0, there=DATABASE), after=1)
    for minutes in (3, 20, 20):
        trial.wait(minutes=minutes)
        trial.acknowledge("ana")
    trial.wait(minutes=50)
    assert trial.told() == ["0m ana email", "74m ana email", "80m ben email", "90m chloe email"]


def test_what_a_milder_incident_had_promised_is_kept_when_this_one_is_lowered_to_that() -> None:
    mild = level("P2", "0m ana", "30m ben until resolved", rank=1, repeat="")
    here = policy(
        level("P1", "0m ana", "15m dara until resolved", repeat=""),
        level("P2", "0m ana", rank=1, repeat=""),
        level("P3", "0m ana", rank=2, repeat=""),
    )
    there = policy(level("P1", "0m ana", repeat=""), mild)
    for lowered, told in (("P2", ["31m ben email"]), ("P3", [])):
        trial = merged(*pair(here, "P1", "P2", after=1, there=there), after=1)
        trial.by("ana", commands.SetLevel(LevelId(lowered), "half as bad"))
        trial.wait(minutes=60)
        assert [one for one in trial.told() if "ana" not in one] == told


def test_a_rung_of_the_other_is_no_rung_of_this_ladder() -> None:
    here = policy(level("P2", "0m ana", "60m chloe", repeat=""))
    there = policy(level("P2", "0m ana", "5m ben", repeat=""))
    trial = merged(*pair(here, "P2", "P2", after=1, there=there), after=1)
    trial.wait(minutes=70)
    assert trial.told()[-2:] == ["6m ben email", "60m chloe email"]
    assert trial.incident.rungs_reached == 2


def test_what_it_had_carried_from_a_level_before_goes_on_too() -> None:
    parent, child = pair(MILD_NAMES_MORE, "P1", "P2", after=5)
    child.by("ana", commands.SetLevel(LevelId("P1"), "orders are lost"))
    trial = merged(parent, child, after=2)
    assert promised(trial) == [
        "page ben unless acknowledged, as INC-7 (P2) promised",
        "page chloe unless acknowledged, as INC-7 (P2) promised",
    ]


def test_what_goes_on_twice_keeps_the_name_of_whose_it_was() -> None:
    middle, child = pair(MILD_NAMES_MORE, "P1", "P2", after=5)
    middle = replace(merged(middle, child, after=2), id=SubjectId("INC-1"))
    oldest = Trial(MILD_NAMES_MORE, id=SubjectId("INC-0"))
    oldest.join("P1")
    oldest.now = middle.now
    oldest.absorb(middle)
    assert promised(oldest) == [
        "page ben unless acknowledged, as INC-7 (P2) promised",
        "page chloe unless acknowledged, as INC-7 (P2) promised",
    ]


def test_roles_teams_and_rotas_that_this_plan_does_not_have_are_the_people_they_mean() -> None:
    here = policy(level("P1", "0m ana"), level("P2", "0m ana", rank=1))
    there = replace(
        policy(
            level("P1", "0m ana"),
            level("P2", "0m ana", "5m role:Lead+team:ops+@second", rank=1),
            rotas=[rota("second", "dara")],
        ),
        roles={RoleId("Lead"): role("Lead", "ben")},
        teams={one.id: one for one in [team("ops", "chloe")]},
        version="v2",
    )
    trial = merged(*pair(here, "P1", "P2", after=1, there=there), after=1)
    assert promised(trial) == ["page ben, chloe and dara unless acknowledged, as INC-7 (P2) promised"]
    trial.wait(minutes=5)
    assert trial.told()[-3:] == ["6m ben email", "6m chloe email", "6m dara email"]


def test_a_role_that_means_the_same_here_is_asked_of_whoever_has_it_then() -> None:
    both = replace(
        policy(level("P1", "0m ana"), level("P2", "0m ana", "5m role:Lead", rank=1)),
        roles={RoleId("Lead"): role("Lead", "ben")},
    )
    trial = merged(*pair(both, "P1", "P2", after=1), after=1)
    trial.by("ana", commands.Assign(RoleId("Lead"), PersonId("chloe")))
    trial.wait(minutes=5)
    assert trial.told()[-1] == "6m chloe email"


def test_whoever_has_the_worse_one_has_both() -> None:
    parent, child = pair(plan("0m ben", "10m ana", "20m chloe"), "P2", "P1", after=2)
    child.acknowledge("ana")
    trial = merged(parent, child, after=1)
    assert (str(trial.incident.status), trial.incident.level) == ("acknowledged", "P1")
    assert trial.last(events.Acknowledged) == events.Acknowledged(Actor(ActorKind.PERSON, "ana"), "merge")
    trial.wait(minutes=29)
    assert trial.told() == ["0m ben email"]
    trial.wait(minutes=2)
    # It lapses half an hour after the merge, as any acknowledgement of this plan does.
    assert "33m ben email" in trial.told()


def test_whoever_has_one_as_bad_has_both() -> None:
    parent, child = pair(plan("0m ben", "10m ana"), "P2", "P2", after=2)
    child.acknowledge("ana")
    trial = merged(parent, child, after=1)
    trial.wait(minutes=20)
    assert (str(trial.incident.status), trial.told()) == ("acknowledged", ["0m ben email"])


def test_whoever_has_the_milder_one_does_not_have_the_worse() -> None:
    parent, child = pair(plan("0m ben", "10m ana"), "P1", "P2", after=2)
    child.acknowledge("ana")
    trial = merged(parent, child, after=1)
    trial.wait(minutes=20)
    assert str(trial.incident.status) == "triggered"
    assert trial.told()[:2] == ["0m ben email", "10m ana email"]


def test_what_an_acknowledged_one_and_this_come_to_together_nobody_has_yet() -> None:
    users, orders = FactId("users"), FactId("orders")
    rows = (Classification({}, LevelId("P1"), AllKnown((users, orders))),)
    facts = {one: Fact(one, FactKind.YES_OR_NO) for one in (users, orders)}
    here = replace(plan("0m ben", "10m chloe"), classifications=rows, facts=facts)
    parent, child = pair(here, "P2", "P2", after=2)
    parent.by("dara", commands.SetFacts({orders: "yes"}))
    child.by("ana", commands.SetFacts({users: "yes"}))
    child.acknowledge("ana")
    trial = merged(parent, child, after=1)
    assert (str(trial.incident.status), trial.incident.level) == ("triggered", "P1")


def test_the_record_says_what_stands() -> None:
    trial = merged(*pair(MILD_NAMES_MORE, "P1", "P2", after=5), after=2)
    said = trial.last(events.StepsCarriedOver)
    assert said.incident == OTHER
    assert [(one.step, one.incident) for one in said.carried] == [(1, OTHER), (2, OTHER)]
    assert all(isinstance(one, CarriedStep) for one in said.carried)


NAMES = [str(one.id) for one in EVERYBODY]
RUNGS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(NAMES)), min_size=1, max_size=4)
LADDERS = RUNGS.map(lambda rungs: [f"{after}m {name}" for after, name in sorted(rungs)])
PLANS = st.builds(
    lambda worse, milder: policy(level("P1", *worse, repeat=""), level("P2", *milder, rank=1, repeat="")),
    LADDERS,
    LADDERS,
)
LEVELS = st.sampled_from(["P1", "P2"])


@settings(max_examples=300, deadline=None)
@given(PLANS, PLANS, LEVELS, LEVELS, st.integers(0, 30), st.integers(0, 45))
def test_nobody_is_asked_later_than_without_the_merge(
    here: Policy, there: Policy, of_parent: str, of_child: str, opened: int, run: int
) -> None:
    alone = pair(here, of_parent, of_child, after=opened, there=there)
    for one in alone:
        one.wait(minutes=120)
    parent, child = pair(here, of_parent, of_child, after=opened, there=there)
    trial = merged(parent, child, after=run)
    trial.wait(minutes=120)
    first = _first(trial)
    for name, at in _first(child).items():
        first[name] = min(at, first.get(name, at))
    for one in alone:
        for name, at in _first(one).items():
            assert first[name] <= at, f"{name} was to be asked at {at}"


def _first(trial: Trial) -> dict[str, int]:
    """When each was first told, in minutes since the parent opened."""
    told = [(int(minute.rstrip("m")), name) for minute, name, _ in map(str.split, trial.told())]
    return {name: at for at, name in sorted(told, reverse=True)}
