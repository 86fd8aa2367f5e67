"""One trouble, two incidents: one of them goes on as a part of the other."""

from __future__ import annotations

from datetime import timedelta

from tests.support.world import PLAN, World, page
from tocsin.core.incident import Incident, Status, commands
from tocsin.core.incident.state.facts import texts
from tocsin.core.incident.state.incident import Reference
from tocsin.core.model import FactId, PersonId, Refused, RoleId, SubjectId

KNOWING = (
    PLAN
    + """
facts: {leak: {is: yes or no, ask: Has something leaked?}, down: {is: yes or no, ask: Is it down?}}
roles: {Lead: {for: chloe}, Scribe: {for: dara}}
escalate_when:
  Something leaked: {when: leak, tasks: {do: Tell the lawyers, within: 1h}}
"""
)


def two(world: World) -> tuple[Incident, Incident]:
    """An incident that ana is paged for, and one of another service."""
    world.alert("prometheus", "checkout is down")
    world.alert("stray", "search is down")
    world.expect(page("ana"), page("ana"))
    first, second = sorted(world.incidents(), key=lambda one: one.id)
    return first, second


def merge(world: World, child: str, into: str) -> object:
    return world.ask("ben", commands.Merge(SubjectId(into)), child)


def by_id(world: World, id: str) -> Incident:
    return next(one for one in world.incidents() if one.id == id)


def test_alerts_and_their_news_go_to_the_incident_that_goes_on(world: World) -> None:
    parent, child = two(world)
    merge(world, child.id, parent.id)
    assert by_id(world, child.id).status is Status.MERGED
    assert (by_id(world, parent.id).alerts_open, by_id(world, child.id).alerts_open) == (2, 0)
    world.clear("stray", "search is down")
    assert by_id(world, parent.id).alerts_open == 1
    world.clear("prometheus", "checkout is down")
    assert by_id(world, parent.id).status is Status.RESOLVED


def test_whoever_is_asked_in_both_is_asked_in_one(world: World) -> None:
    parent, child = two(world)
    merge(world, child.id, parent.id)
    assert not by_id(world, child.id).pages
    assert [one.person for one in by_id(world, parent.id).pages] == ["ana"]
    world.advance(minutes=5)
    world.expect(page("ana", "webhook"), page("ben"))


def test_where_somebody_has_it_nobody_is_asked_again(world: World) -> None:
    parent, child = two(world)
    world.acknowledge("chloe", parent.id)
    merge(world, child.id, parent.id)
    assert not by_id(world, parent.id).pages
    assert by_id(world, parent.id).absorbed == (child.id,)


def test_an_incident_is_merged_into_another_that_is_open(world: World) -> None:
    parent, child = two(world)
    world.resolve("ana", incident=parent.id)
    for into, why in (
        ("INC-0", "There is no incident INC-0."),
        (child.id, f"{child.id} cannot be merged into itself."),
        (parent.id, f"{parent.id} is resolved; merge into an incident that is open."),
    ):
        answer = merge(world, child.id, into)
        assert isinstance(answer, Refused)
        assert answer.reason == why
    assert by_id(world, child.id).status is Status.TRIGGERED


def test_an_older_incident_is_not_merged_into_a_younger_one(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.advance(minutes=1)
    world.alert("stray", "search is down")
    world.expect(page("ana"), page("ana"))
    older, younger = sorted(world.incidents(), key=lambda one: one.opened_at)
    answer = merge(world, older.id, younger.id)
    assert isinstance(answer, Refused)
    assert answer.reason == f"{older.id} is older and its clocks run longer: merge {younger.id} into it."


def test_what_was_promised_of_the_worse_one_is_not_put_off(world: World) -> None:
    world.alert("prometheus", "checkout is slow", severity="error")
    world.alert("stray", "search is down")
    world.expect(page("ana"), page("ana"))
    child, parent = sorted(world.incidents(), key=lambda one: one.level)
    assert (child.level, parent.level) == ("P1", "P2")
    world.advance(minutes=4)
    world.expect(page("ana", "webhook"))
    merge(world, child.id, parent.id)
    assert by_id(world, parent.id).level == "P1"
    world.expect(page("ana"))
    world.advance(minutes=1)
    world.expect(page("ben"))


def test_what_is_known_and_who_does_what_goes_over_where_the_other_has_nothing(world: World) -> None:
    world.apply_plan(KNOWING)
    world.now += timedelta(seconds=3)
    parent, child = two(world)
    for incident, said in ((parent, {"down": "yes"}), (child, {"down": "no", "leak": "yes"})):
        facts = {FactId(id): value for id, value in said.items()}
        world.ask("ana", commands.SetFacts(facts), incident.id)
    world.ask("ana", commands.Assign(RoleId("Lead"), PersonId("ana")), parent.id)
    world.ask("ana", commands.Assign(RoleId("Lead"), PersonId("ben")), child.id)
    world.ask("ana", commands.Assign(RoleId("Scribe"), PersonId("ben")), child.id)
    world.ask("ana", commands.Link("https://tickets.example/7", "ticket"), child.id)
    merge(world, child.id, parent.id)
    after = by_id(world, parent.id)
    assert texts(after.facts) == {"down": "yes", "leak": "yes"}
    assert after.roles == {"Lead": "ana", "Scribe": "ben"}
    assert after.links == (Reference("https://tickets.example/7", "ticket"),)
    task = by_id(world, child.id).tasks[0]
    assert [(one.words, one.due_at) for one in after.tasks] == [("Tell the lawyers", task.due_at)]
    assert task.due_at is not None
