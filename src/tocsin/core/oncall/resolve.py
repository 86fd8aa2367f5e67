"""The one resolver: who is on call at an instant, and turn after turn. Whoever wants to know asks here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.core.model import RotaId
from tocsin.core.oncall.roster import FOREVER, rosters
from tocsin.core.oncall.rota import Override, Rota, Seat, Turn

Rotas = Mapping[RotaId, Rota]

_LOOK_BACK = timedelta(days=8)
_LONGEST = timedelta(days=1024)
"""Longer than any turn but that of somebody who never hands over."""


def on_call(rotas: Rotas, rota: RotaId, at: datetime, overrides: Sequence[Override] = ()) -> tuple[Seat, ...]:
    """Who is on call in a rota at `at` (aware), seat by seat; nobody in a rota that is not known."""
    counting = [one for one in overrides if one.rota == rota and one.since <= at < one.until]
    return _resolve(rotas, rota, at, counting)[0]


def turns(
    rotas: Rotas, rota: RotaId, since: datetime, until: datetime, overrides: Sequence[Override] = ()
) -> Iterator[Turn]:
    """What `on_call` says from `since` until `until`, without a gap: where nobody is on call too."""
    to_come = [one for one in overrides if one.rota == rota and one.since < until and one.until > since]
    to_come.sort(key=lambda one: one.since, reverse=True)
    counting: list[Override] = []
    current: Turn | None = None
    at = since
    while at < until:
        # A thousand stand-ins are looked at once each, and not at every change.
        while to_come and to_come[-1].since <= at:
            counting.append(to_come.pop())
        counting = [one for one in counting if one.until > at]
        seats, change = _resolve(rotas, rota, at, counting)
        change = min(change, until, to_come[-1].since if to_come else until)
        if current is not None and current.seats == seats:
            current = replace(current, until=change)
        else:
            if current is not None:
                yield current
            current = Turn(at, change, seats)
        at = change
    if current is not None:
        yield current


def whole_turns(
    rotas: Rotas, rota: RotaId, since: datetime, until: datetime, overrides: Sequence[Override] = ()
) -> Iterator[Turn]:
    """The turns that touch the time from `since` until `until`, as they really begin and end."""
    back = _LOOK_BACK
    first = next(turns(rotas, rota, since - back, until, overrides), None)
    while first is not None and first.until > since and back < _LONGEST:
        back *= 2
        first = next(turns(rotas, rota, since - back, until, overrides), None)
    for turn in turns(rotas, rota, since - back, until + _LONGEST, overrides):
        if turn.since >= until:
            return
        if turn.until > since:
            yield turn


def _resolve(
    rotas: Rotas, rota: RotaId, at: datetime, counting: Iterable[Override]
) -> tuple[tuple[Seat, ...], datetime]:
    """Who is on call at `at`, with the overrides that count then, and until when that stays so at least."""
    scheduled, change = _scheduled(rotas, rota, at)
    claims = [[replace(seat, rota=rota)] for seat in scheduled]
    for one in sorted(counting, key=lambda one: one.id):
        _stand_in(claims, one)
        change = min(change, one.until)
    seats = [seat for each in claims if (seat := _reached(each)) is not None]
    # Somebody who stands in for a colleague while on call anyway has one seat, not two.
    once = {seat.person: seat for seat in reversed(seats)}
    return tuple(seat for seat in seats if seat is once[seat.person]), change


def _stand_in(claims: list[list[Seat]], override: Override) -> None:
    """Give the override its seat, above those who had it; one for somebody who is not on call has none."""
    for each in claims:
        seat = each[-1]
        if override.replaces in (None, seat.person, seat.scheduled):
            # Spelled out, since `replace` costs ten times as much, and a busy rota comes here often.
            each.append(Seat(seat.rota, override.person, seat.scheduled, seat.layer, seat.turn, override))
            return
    if override.replaces is None:
        claims.append([Seat(override.rota, override.person, None, "", 0, override)])


def _reached(claims: Sequence[Seat]) -> Seat | None:
    """The last of those who claim a seat, but for who stands in and is out of reach; None: nobody else."""
    last = claims[-1]
    if last.override is None or not last.override.out_of_reach:
        return last
    left = next(
        (one for one in reversed(claims) if one.override is None or not one.override.out_of_reach), None
    )
    return replace(left, missing=last.person) if left is not None else None


def _scheduled(
    rotas: Rotas, rota: RotaId, at: datetime, ahead: int = 0, seen: frozenset[RotaId] = frozenset()
) -> tuple[tuple[Seat, ...], datetime]:
    """The same without overrides, `ahead` turns later. A circle of rotas comes to nobody."""
    found, change = rotas.get(rota), FOREVER
    if found is None or rota in seen:
        return (), change
    for roster in rosters(found):
        serves, until = roster.serves(at)
        change = min(change, until)
        if serves:
            turn = roster.turn(at)
            change = min(change, roster.handover(turn + 1))
            name = roster.layer.name
            people = roster.seated(turn + ahead)
            return tuple(Seat(rota, person, person, name, turn, None) for person in people), change
    if found.follows is None:
        return (), change
    seats, until = _scheduled(rotas, found.follows, at, ahead + found.ahead, seen | {rota})
    return seats, min(change, until)
