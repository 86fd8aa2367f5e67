"""One trouble, two incidents: one of them goes on as a part of the other."""

from __future__ import annotations

from tests.support.world import World, page
from tocsin.core.incident import Incident, Status, commands
from tocsin.core.model import Refused, SubjectId


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
