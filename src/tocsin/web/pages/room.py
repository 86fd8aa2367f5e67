"""What the people of an incident hold in common: what is known, who does what, what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from tocsin.core.incident import Incident
from tocsin.core.incident.promises.promised import by_hand as promises_by_hand
from tocsin.core.policy import Policy
from tocsin.web.sentences import Names, named
from tocsin.web.times import Moment, Reader


@dataclass(frozen=True)
class Known:
    """A fact: the question that it answers, its value, and who said so when."""

    ask: str
    value: str
    by: str
    at: Moment


@dataclass(frozen=True)
class Holder:
    """Who has a role, assigned or by default, and to whom it is on its way."""

    role: str
    person: str
    by_default: bool
    goes_to: str


@dataclass(frozen=True)
class TaskShown:
    """Something to be done. `id` names it to `done`."""

    id: str
    words: str
    reason: str
    done: Moment | None


@dataclass(frozen=True)
class Pointer:
    """Something that it has to do with: `address` is empty where it cannot be followed."""

    to: str
    what: str
    address: str


@dataclass(frozen=True)
class Room:
    """What people have said and agreed. `expected` is the newest estimate."""

    known: tuple[Known, ...]
    holders: tuple[Holder, ...]
    tasks: tuple[TaskShown, ...]
    pointers: tuple[Pointer, ...]
    expected: Moment | None
    restricted: bool


def room(state: Incident, policy: Policy, people: Names, times: Reader) -> Room:
    """The room of one incident as it stands."""
    asks = {id: fact.ask or str(id) for id, fact in policy.facts.items()}
    held = {**state.by_default, **state.roles}
    order = list(dict.fromkeys((*policy.roles, *held)))
    goes = {one.role: named(one.taker, people) for one in state.hand_overs}
    return Room(
        known=tuple(
            Known(asks.get(id, str(id)), said.value, _by(said.by.id, people), times.moment(said.at))
            for id, said in state.facts.items()
        ),
        holders=tuple(
            Holder(role, named(held[role], people), role not in state.roles, goes.get(role, ""))
            for role in sorted(held, key=order.index)
        ),
        tasks=tuple(
            TaskShown(one.id, one.words, one.reason, times.moment(one.done_at) if one.done_at else None)
            for one in state.tasks
        ),
        pointers=tuple(Pointer(one.to, one.what, _address(one.to)) for one in state.links),
        expected=times.moment(state.estimates[-1].expected_at) if state.estimates else None,
        restricted=bool(state.restricted_to),
    )


def by_hand(state: Incident, policy: Policy) -> frozenset[str]:
    """The promises that a person marks as done and has not yet."""
    return frozenset(one.id for one in promises_by_hand(state, policy) if one.id not in state.done)


def _by(id: str, people: Names) -> str:
    return {str(person): name for person, name in people.items()}.get(id, id)


def _address(to: str) -> str:
    """Where a link leads: people's words must never become anything but a web address."""
    return to if urlsplit(to).scheme in ("http", "https") else ""
