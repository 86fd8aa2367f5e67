"""Turns as bars in a picture of some days, which begin at midnight where the reader is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Override, Rotas, Seat, Turn, wall_clock, whole_turns
from tocsin.web.pages.rotas import joined
from tocsin.web.times import Moment, Reader

LOOKS = 4
"""How many colours there are for people; names tell them apart, colours only help."""

SATURDAY = 5
SIZES = (0.03, 0.09, 0.25)
"""From which share of the picture on a bar has room for initials, for a name, for a name on a phone."""


@dataclass(frozen=True)
class Day:
    """One day. `at` and `width` are shares of the picture."""

    at: str
    width: str
    name: str
    number: int
    weekend: bool


@dataclass(frozen=True)
class Bar:
    """One turn, or a time in which nobody is on call. `size` says how much of the name it has room for."""

    at: str
    width: str
    names: str
    initials: str
    look: int
    size: int
    gap: bool
    stands_in: bool
    since: Moment
    until: Moment


@dataclass(frozen=True)
class Line:
    """The bars of one rota."""

    rota: RotaId
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Timeline:
    """The picture. `now` is where the present is, "" if outside."""

    days: tuple[Day, ...]
    lines: tuple[Line, ...]
    now: str


@dataclass(frozen=True)
class Window:
    """The days that are shown, from midnight to midnight in a zone."""

    first: date
    days: int
    zone: str

    @property
    def since(self) -> datetime:
        """When the first day begins."""
        return self._midnight(0)

    @property
    def until(self) -> datetime:
        """When the last day ends."""
        return self._midnight(self.days)

    def _midnight(self, number: int) -> datetime:
        midnight = datetime.combine(self.first + timedelta(days=number), time())
        return wall_clock(midnight, ZoneInfo(self.zone))

    def share(self, at: datetime) -> float:
        """How far into the picture an instant is, from 0 to 1."""
        return min(1.0, max(0.0, (at - self.since) / (self.until - self.since)))

    def turns(self, rotas: Rotas, rota: RotaId, overrides: Sequence[Override]) -> Iterator[Turn]:
        """The turns that touch these days, as they really begin and end."""
        return joined(whole_turns(rotas, rota, self.since, self.until, overrides))

    def drawn(
        self,
        turns: Mapping[RotaId, Sequence[Turn]],
        looks: Mapping[PersonId, int],
        names: Mapping[PersonId, str],
        times: Reader,
    ) -> Timeline:
        """The turns of each rota as a picture."""
        lines = tuple(
            Line(rota, tuple(self._bar(turn, looks, names, times) for turn in some))
            for rota, some in turns.items()
        )
        present = percent(self.share(times.now)) if self.since <= times.now < self.until else ""
        return Timeline(tuple(map(self._day, range(self.days))), lines, present)

    def _day(self, number: int) -> Day:
        day, begins, ends = (
            self.first + timedelta(days=number),
            self._midnight(number),
            self._midnight(number + 1),
        )
        at, until = self.share(begins), self.share(ends)
        return Day(percent(at), percent(until - at), f"{day:%a}", day.day, day.weekday() >= SATURDAY)

    def _bar(
        self, turn: Turn, looks: Mapping[PersonId, int], names: Mapping[PersonId, str], times: Reader
    ) -> Bar:
        at, until = self.share(turn.since), self.share(turn.until)
        called = [names.get(seat.person, seat.person) for seat in turn.seats]
        return Bar(
            at=percent(at),
            width=percent(until - at),
            names=", ".join(called),
            initials=", ".join(map(_initials, called)),
            look=looks.get(turn.seats[0].person, 0) % LOOKS if turn.seats else 0,
            size=sum(until - at >= least for least in SIZES),
            gap=not turn.seats,
            stands_in=any(map(_stands_in, turn.seats)),
            since=times.moment(turn.since),
            until=times.moment(turn.until),
        )


def _stands_in(seat: Seat) -> bool:
    return seat.override is not None


def percent(share: float) -> str:
    """A share as SVG writes it."""
    return f"{100 * share:.3f}%"


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split())[:3]
