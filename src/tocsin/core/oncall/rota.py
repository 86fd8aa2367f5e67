"""A rota as frozen values: who takes turns, in which layers, and who stands in. See docs/plan/on-call.md."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from tocsin.core.model import PersonId, RotaId

DAY = timedelta(days=1)


class Unit(StrEnum):
    """What a shift is counted in."""

    HOURS = "h"
    """By the wall clock, served or not."""
    DAYS = "d"
    """Only dates that count: those that the layer serves and that no holiday layer above takes over."""
    WEEKS = "w"
    """By the wall clock, served or not."""


@dataclass(frozen=True)
class Hours:
    """A piece of the week, by the wall clock: from `begins` to `ends` after midnight, on each of `days`.

    Days are numbered from Monday 0. What ends after 24 h runs into the next day.
    """

    days: frozenset[int]
    begins: timedelta
    ends: timedelta


WHOLE_DAYS = Hours(frozenset(range(7)), timedelta(0), DAY)


@dataclass(frozen=True)
class Layer:
    """People who take turns of `shift` units, `seats` of them at a time.

    `starts` is the first hand-over, a wall-clock time in `zone` (IANA name); before it the layer does not
    serve. With `hours` it serves only then, with `dates` only on these; both belong to the date on which
    they begin.
    """

    people: tuple[PersonId, ...]
    starts: datetime
    zone: str
    shift: int = 1
    unit: Unit = Unit.WEEKS
    seats: int = 1
    hours: tuple[Hours, ...] = ()
    dates: tuple[date, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Rota:
    """Layers: the first that serves at an instant, and has people, says who is on call.

    Where none serves, a rota that `follows` another has whoever takes that one's turn `ahead` turns later,
    whoever stands in there today.
    """

    id: RotaId
    layers: tuple[Layer, ...] = ()
    follows: RotaId | None = None
    ahead: int = 1

    @property
    def people(self) -> tuple[PersonId, ...]:
        """Everybody whom its layers name, once."""
        return tuple(dict.fromkeys(person for layer in self.layers for person in layer.people))


@dataclass(frozen=True)
class Override:
    """`person` stands in from `since` until `until`: for `replaces`, or in the first seat when that is None.

    `by` is who arranged it. Of two that claim one seat the later made, with the higher id, counts. One whose
    person is `out_of_reach` takes the seat from nobody.
    """

    id: int
    rota: RotaId
    person: PersonId
    since: datetime
    until: datetime
    replaces: PersonId | None = None
    by: str = ""
    reason: str = ""
    out_of_reach: bool = False


def reaching(overrides: Iterable[Override], reached: Container[PersonId]) -> tuple[Override, ...]:
    """The same, each with whether its person is among those who can be reached: people leave."""
    return tuple(replace(one, out_of_reach=one.person not in reached) for one in overrides)


@dataclass(frozen=True)
class Seat:
    """One person on call. `scheduled` is whose turn it is by the layer; None when nobody's.

    `missing` was to stand in, and is out of reach.
    """

    rota: RotaId
    person: PersonId
    scheduled: PersonId | None
    layer: str
    turn: int
    override: Override | None = None
    missing: PersonId | None = None

    @property
    def why(self) -> str:
        """Why this person, as a page and the timeline say it."""
        besides = f"; {self.missing} was to stand in and is out of reach" if self.missing else ""
        if self.override is None:
            return f"on call: {self.rota}" + (f", layer {self.layer}" if self.layer else "") + besides
        instead = f" for {self.scheduled}" if self.scheduled else ""
        return f"on call: {self.rota}, standing in{instead}{besides}"


@dataclass(frozen=True)
class Turn:
    """Who is on call from `since` until `until`. No seats: nobody is."""

    since: datetime
    until: datetime
    seats: tuple[Seat, ...]
