"""A rota looked over ahead of time: where nobody is on call, and what each person carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall.resolve import Rotas, turns
from tocsin.core.oncall.roster import Roster, rosters
from tocsin.core.oncall.rota import DAY, WHOLE_DAYS, Override, Turn
from tocsin.core.oncall.wall import wall_clock

NIGHT_ENDS = timedelta(hours=6)
"""A night is from midnight until then, where the person lives."""
SATURDAY = 5


class Kind(StrEnum):
    """What can be odd about a rota that is right in itself."""

    NOBODY = "nobody"
    TWICE = "twice"
    OUT_OF_REACH = "out of reach"
    ODD_HOUR = "odd hour"


@dataclass(frozen=True)
class Finding:
    """One oddity of a rota, from `since` until `until`; `about` names the person, or the hour."""

    kind: Kind
    rota: RotaId
    since: datetime
    until: datetime
    about: str = ""

    def sentence(self, zone: str) -> str:
        """What is found, with its times as that zone shows them; an odd hour is the rota's own."""
        span = f"from {shown(self.since, zone)} to {shown(self.until, zone)}"
        match self.kind:
            case Kind.NOBODY:
                return f"Nobody is on call in {self.rota} {span}."
            case Kind.TWICE:
                return f"{self.about} is on call in {self.rota} and in the rota that it follows {span}."
            case Kind.OUT_OF_REACH:
                return f"{self.about} is to stand in in {self.rota} {span}, and is out of reach."
            case Kind.ODD_HOUR:
                return f"{self.rota} changes at {self.about}."


@dataclass(frozen=True)
class Load:
    """What a person carries in a stretch of time. Who is on call in two rotas at once is counted once."""

    person: PersonId
    time: timedelta
    nights: int
    weekends: int


def shown(at: datetime, zone: str) -> str:
    """An instant as people read it, its zone named."""
    return _shown_wall(at.astimezone(ZoneInfo(zone)), zone)


def _shown_wall(wall: datetime, zone: str) -> str:
    return f"{wall:%a %Y-%m-%d %H:%M} {zone}"


def findings(
    rotas: Rotas, since: datetime, until: datetime, overrides: Sequence[Override] = ()
) -> list[Finding]:
    """All that is odd from `since` until `until`, rota by rota in the order of time; last the odd hours."""
    found: list[Finding] = []
    for id, rota in rotas.items():
        listed = list(turns(rotas, id, since, until, overrides))
        found += (Finding(Kind.NOBODY, id, one.since, one.until) for one in listed if not one.seats)
        if rota.follows is not None:
            found += _twice(id, listed, turns(rotas, rota.follows, since, until, overrides))
        found += (
            Finding(Kind.OUT_OF_REACH, id, max(one.since, since), min(one.until, until), one.person)
            for one in overrides
            if one.out_of_reach and one.rota == id and one.since < until and one.until > since
        )
    return found + odd_changes(rotas, since, until)


def odd_changes(rotas: Rotas, since: datetime, until: datetime) -> list[Finding]:
    """Where a rota changes at a time that is skipped or comes twice."""
    return [
        finding
        for id, rota in rotas.items()
        for roster in rosters(rota)
        for finding in _odd_hours(id, roster, since, until)
    ]


def _twice(rota: RotaId, own: Sequence[Turn], followed: Iterable[Turn]) -> list[Finding]:
    found: dict[PersonId, list[Finding]] = {}
    mine = list(own)
    for theirs in followed:
        while mine and mine[0].until <= theirs.since:
            mine.pop(0)
        for turn in mine:
            if turn.since >= theirs.until:
                break
            for person in {seat.person for seat in turn.seats} & {seat.person for seat in theirs.seats}:
                since, until = max(turn.since, theirs.since), min(turn.until, theirs.until)
                _lengthen(found.setdefault(person, []), Finding(Kind.TWICE, rota, since, until, person))
    return sorted((one for each in found.values() for one in each), key=lambda one: (one.since, one.about))


def _lengthen(listed: list[Finding], one: Finding) -> None:
    """Add a finding, or join it to the last when it goes on where that ended."""
    if listed and listed[-1].until == one.since:
        listed[-1] = replace(listed[-1], until=one.until)
    else:
        listed.append(one)


def _odd_hours(rota: RotaId, roster: Roster, since: datetime, until: datetime) -> Iterator[Finding]:
    """Where the layer changes at a time that is skipped or comes twice; once for each such hour."""
    for before, after in _clock_changes(roster.zone, since, until):
        wall = next(_walls(roster, min(before, after), max(before, after)), None)
        if wall is not None:
            actual = wall_clock(wall, roster.zone)
            skipped = f"which is skipped that day: it changes at {actual.astimezone(roster.zone):%H:%M}"
            twice = "which comes twice that day: it changes the first time"
            about = f"{_shown_wall(wall, roster.layer.zone)}, {skipped if after > before else twice}"
            yield Finding(Kind.ODD_HOUR, rota, actual, actual, about)


def _clock_changes(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """What the clocks of a zone show right before and right after each of their changes."""
    low = since.astimezone(UTC)
    while low < until:
        high = low + DAY
        before, after = low.astimezone(zone).utcoffset(), high.astimezone(zone).utcoffset()
        assert before is not None
        assert after is not None
        if before != after:
            first, last = low, high
            while last - first > timedelta(seconds=1):
                middle = first + (last - first) / 2
                if middle.astimezone(zone).utcoffset() == before:
                    first = middle
                else:
                    last = middle
            # Clocks change at whole seconds, so the end of the search, cut to seconds, is the instant.
            at = last.replace(microsecond=0)
            yield (at + before).replace(tzinfo=None), (at + after).replace(tzinfo=None)
        low = high


def _walls(roster: Roster, low: datetime, high: datetime) -> Iterator[datetime]:
    """The wall-clock times from `low` until `high` at which a layer hands over, begins or ends to serve."""
    layer = roster.layer
    if wall_clock(high, roster.zone) <= roster.begins:
        return
    if len(layer.people) > layer.seats:
        turn = roster.turn(max(roster.begins, wall_clock(low - 2 * DAY, roster.zone)))
        while (wall := roster.handover_wall(turn)) is not None and wall < high:
            if wall >= low:
                yield wall
            turn += 1
    if not layer.hours and not layer.dates:
        return
    for number in range((high.date() - low.date()).days + 3):
        day = low.date() + (number - 2) * DAY
        for hours in layer.hours or (WHOLE_DAYS,):
            if day.weekday() in hours.days and (not layer.dates or day in layer.dates):
                midnight = datetime.combine(day, time())
                yield from (
                    wall for wall in (midnight + hours.begins, midnight + hours.ends) if low <= wall < high
                )


def load(
    rotas: Rotas,
    of: Iterable[RotaId],
    since: datetime,
    until: datetime,
    zone: str,
    overrides: Sequence[Override] = (),
    zones: Mapping[PersonId, str] | None = None,
) -> list[Load]:
    """What everybody of these rotas carries, the most first. `zones` says where people live; else `zone`."""
    spans: dict[PersonId, list[tuple[datetime, datetime]]] = {}
    for rota in of:
        for person in rotas[rota].people:
            spans.setdefault(person, [])
        for turn in turns(rotas, rota, since, until, overrides):
            for seat in turn.seats:
                spans.setdefault(seat.person, []).append((turn.since, turn.until))
    found = [
        _load(person, _joined(own), ZoneInfo((zones or {}).get(person, zone)))
        for person, own in spans.items()
    ]
    return sorted(found, key=lambda one: (-one.time, one.person))


def _joined(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same stretches of time, none of which overlaps or touches another."""
    joined: list[tuple[datetime, datetime]] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return joined


def _load(person: PersonId, spans: list[tuple[datetime, datetime]], zone: ZoneInfo) -> Load:
    nights, weekends = set(), set()
    for since, until in spans:
        day, last = since.astimezone(zone).date(), until.astimezone(zone).date()
        while day <= last:
            midnight = datetime.combine(day, time())
            begins, ends = wall_clock(midnight, zone), wall_clock(midnight + DAY, zone)
            if begins < until and since < wall_clock(midnight + NIGHT_ENDS, zone):
                nights.add(day)
            if day.weekday() >= SATURDAY and begins < until and since < ends:
                weekends.add(day - (day.weekday() - SATURDAY) * DAY)
            day += DAY
    return Load(
        person, sum((until - since for since, until in spans), timedelta(0)), len(nights), len(weekends)
    )
