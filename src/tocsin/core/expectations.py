"""What a rehearsal is expected to show: the tests of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import assert_never

from tocsin.core.aloud import Name
from tocsin.core.incident import Incident, Status, events, fold
from tocsin.core.lengths import span
from tocsin.core.model import DeadlineState, LevelId, PersonId
from tocsin.core.rehearse import Rehearsal


class Within(StrEnum):
    """How a time is meant, as the file spells it."""

    AT = "at"
    """Just then, whatever there was before."""
    WITHIN = "within"
    """Then or sooner."""
    BEFORE = "before"
    """Sooner than then."""
    AFTER = "after"
    """Later than then."""


@dataclass(frozen=True)
class When:
    """A time of the rehearsal, from its start."""

    within: Within
    time: timedelta

    def fits(self, at: timedelta) -> bool:
        """Whether something at that time is meant."""
        match self.within:
            case Within.AT:
                return at == self.time
            case Within.WITHIN:
                return at <= self.time
            case Within.BEFORE:
                return at < self.time
            case Within.AFTER:
                return at > self.time
            case _:
                assert_never(self.within)


@dataclass(frozen=True)
class Paged:
    """A page reaches each of these people then (`never`: none of them), by this channel if one is named.

    With `told` a message is meant that wants no answer.
    """

    people: tuple[PersonId, ...]
    when: When | None = None
    channel: str = ""
    never: bool = False
    told: bool = False


@dataclass(frozen=True)
class Given:
    """These tasks are on the list then."""

    tasks: tuple[str, ...]
    when: When | None = None


@dataclass(frozen=True)
class Stands:
    """A promise, by its words or its id, is kept, broken or still due."""

    promise: str
    state: DeadlineState


@dataclass(frozen=True)
class Is:
    """The incident has this level, or this status, then; at the end if no time is said."""

    what: LevelId | Status
    at: timedelta | None = None


@dataclass(frozen=True)
class Unreached:
    """It comes to the point where nobody can be reached (or never does)."""

    happens: bool


Expectation = Paged | Given | Stands | Is | Unreached


def failures(rehearsal: Rehearsal, expectation: Expectation, name: Name = str) -> Iterator[str]:
    """What happened instead, a sentence for each thing that is not as expected.

    `name` says what people are called.
    """
    match expectation:
        case Paged():
            for person in expectation.people:
                yield from _paged(rehearsal, expectation, person, name(person))
        case Given():
            yield from _given(rehearsal, expectation)
        case Stands():
            yield from _stands(rehearsal, expectation)
        case Is():
            yield from _is(rehearsal, expectation)
        case Unreached():
            if expectation.happens and not rehearsal.alarms:
                yield "Somebody could be reached all the time."
            elif not expectation.happens and rehearsal.alarms:
                at, _ = rehearsal.alarms[0]
                yield f"Nobody could be reached at {span(at - rehearsal.scenario.starts)}."
        case _:
            assert_never(expectation)


def _paged(rehearsal: Rehearsal, expected: Paged, person: PersonId, name: str) -> Iterator[str]:
    times = [
        one.at - rehearsal.scenario.starts
        for one in rehearsal.sent
        if one.message.person == person
        and expected.channel in ("", one.message.channel)
        and one.pages is not expected.told
    ]
    is_reached = "told" if expected.told else "paged"
    by = f" by {expected.channel}" if expected.channel else ""
    when = expected.when
    fitting = [at for at in times if when is None or when.fits(at)]
    if expected.never:
        if fitting:
            yield f"{name} is {is_reached}{by} at {span(fitting[0])}."
    elif not times:
        yield f"{name} is never {is_reached}{by}."
    elif not fitting:
        yield f"{name} is {is_reached}{by} at {_listing(times)}."


def _given(rehearsal: Rehearsal, expected: Given) -> Iterator[str]:
    given = [
        (task, one.at - rehearsal.scenario.starts)
        for one in rehearsal.recorded
        if isinstance(one.event, events.TasksGiven)
        for task in one.event.tasks
    ]
    for task in expected.tasks:
        times = [at for name, at in given if name == task]
        if not times:
            known = ", ".join(dict.fromkeys(f"“{name}”" for name, _ in given)) or "none"
            yield f"“{task}” is never given. Tasks given are: {known}."
        elif expected.when is not None and not any(map(expected.when.fits, times)):
            yield f"“{task}” is given at {_listing(times)}."


def _stands(rehearsal: Rehearsal, expected: Stands) -> Iterator[str]:
    known = rehearsal.promises
    found = [one for one in known if expected.promise in (one.id, one.promise)]
    if not found:
        names = ", ".join(dict.fromkeys(f"“{one.promise}”" for one in known)) or "none"
        yield f"There is no such promise. Promises are: {names}."
    elif all(one.state is not expected.state for one in found):
        yield f"It is {' and '.join(dict.fromkeys(one.state for one in found))}."


def _is(rehearsal: Rehearsal, expected: Is) -> Iterator[str]:
    state = _state_at(rehearsal, rehearsal.scenario.lasts if expected.at is None else expected.at)
    if state is None:
        yield "There is no incident."
        return
    actual = state.status if isinstance(expected.what, Status) else state.level
    if actual != expected.what:
        yield f"It is {actual}."


def _state_at(rehearsal: Rehearsal, at: timedelta) -> Incident | None:
    state: Incident | None = None
    for one in rehearsal.recorded:
        if one.at - rehearsal.scenario.starts > at:
            break
        state = fold(state, one)
    return state


def _listing(times: list[timedelta]) -> str:
    shown = list(dict.fromkeys(map(span, times)))
    return ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")
