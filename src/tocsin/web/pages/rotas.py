"""What the page about on call says of rotas: who has them, whose turn is next, what is odd, who stands in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from tocsin import limits
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Finding, Kind, Override, Rotas, Seat, Turn, turns
from tocsin.store.overrides import Arranged
from tocsin.web.rota_data import Board
from tocsin.web.times import Moment, Reader

A_DAY = timedelta(days=1)
"""For how long one takes over where no turn ends."""


@dataclass(frozen=True)
class SeatShown:
    """Somebody who is on call. `why` says what the rota's name does not."""

    name: str
    you: bool
    why: str


@dataclass(frozen=True)
class TakeOver:
    """What a button to take over sends: for whom, and until when."""

    instead: str
    instead_id: str
    until: Moment


@dataclass(frozen=True)
class RotaShown:
    """Who is on call in a rota now, until when, and who then. `take`: the seats that the reader can take.

    One that is `gone` from the plan is shown as long as open incidents page by it.
    """

    id: RotaId
    gone: bool
    seats: tuple[SeatShown, ...]
    until: Moment | None
    then: str
    take: tuple[TakeOver, ...]


@dataclass(frozen=True)
class TurnShown:
    """A line of a rota's calendar."""

    since: Moment
    until: Moment
    names: str
    why: str


@dataclass(frozen=True)
class Calendar:
    """A rota turn by turn: one ends where the next begins."""

    rota: RotaId
    turns: tuple[TurnShown, ...]


@dataclass(frozen=True)
class Odd:
    """Something to look at. `kind` is that of the finding; `about` names the person, or the hour."""

    kind: Kind
    rota: RotaId
    about: str
    since: Moment
    until: Moment


@dataclass(frozen=True)
class StandsIn:
    """A stand-in that counts now or will."""

    id: int
    rota: RotaId
    name: str
    instead: str
    since: Moment
    until: Moment
    now: bool
    by: str
    made: Moment
    reason: str
    out_of_reach: bool


def joined(some: Iterable[Turn]) -> Iterator[Turn]:
    """Turns of the same people for the same reason as one: nothing is handed over between them."""
    current: Turn | None = None
    for turn in some:
        if current is not None and _who(current) == _who(turn):
            current = replace(current, until=turn.until)
            continue
        if current is not None:
            yield current
        current = turn
    if current is not None:
        yield current


def _who(turn: Turn) -> list[tuple[PersonId, str, Override | None]]:
    return [(seat.person, seat.layer, seat.override) for seat in turn.seats]


def now_and_then(
    rotas: Rotas, rota: RotaId, now: datetime, overrides: Sequence[Override]
) -> tuple[Turn, Turn | None]:
    """The turn at this instant and the next; no next one where this lasts for more than a year."""
    most = now + timedelta(days=limits.CALENDAR_DAYS)
    found = tuple(islice(joined(turns(rotas, rota, now, most, overrides)), 2))
    return found[0], found[1] if len(found) == 2 else None


def rota_shown(
    rota: RotaId, present: tuple[Turn, Turn | None], board: Board, me: PersonId, times: Reader
) -> RotaShown:
    """A rota as it stands now."""
    now, then = present
    until = now.until if then else None
    free = all(seat.person != me for seat in now.seats)
    ends = times.moment(until or times.now + A_DAY)
    takes = [TakeOver(called(seat.person, board), seat.person, ends) for seat in now.seats]
    return RotaShown(
        id=rota,
        gone=rota in board.gone,
        seats=tuple(_seat(seat, board, me) for seat in now.seats),
        until=times.moment(until) if until else None,
        then=people(then, board) if then else "",
        take=tuple(takes or [TakeOver("", "", ends)]) if free else (),
    )


def _seat(seat: Seat, board: Board, me: PersonId) -> SeatShown:
    return SeatShown(called(seat.person, board), seat.person == me, _particular(seat, board))


def calendar(rota: RotaId, some: Sequence[Turn], board: Board, times: Reader) -> Calendar:
    """The turns of a rota, those that are over left out."""
    return Calendar(rota, tuple(_turn(turn, board, times) for turn in some if turn.until > times.now))


def _turn(turn: Turn, board: Board, times: Reader) -> TurnShown:
    particular = filter(None, (_particular(seat, board) for seat in turn.seats))
    since, until = times.moment(turn.since), times.moment(turn.until)
    return TurnShown(since, until, people(turn, board), "; ".join(dict.fromkeys(particular)))


def mine(
    present: Mapping[RotaId, tuple[Turn, Turn | None]],
    ahead: Mapping[RotaId, Iterable[Turn]],
    me: PersonId,
    times: Reader,
) -> str:
    """The reader's own part, in a sentence."""
    having = [rota for rota, (now, _) in present.items() if _has(now, me)]
    if having:
        return f"You are on call now: {', '.join(having)}."
    coming = [(turn.since, rota) for rota, some in ahead.items() for turn in some if _has(turn, me)]
    if coming:
        since, rota = min(coming)
        return f"Your next turn is in {rota}, from {times.moment(since).dated}."
    return "You have no turn in the next two weeks."


def _has(turn: Turn, person: PersonId) -> bool:
    return any(seat.person == person for seat in turn.seats)


def odd(found: Finding, board: Board, times: Reader) -> Odd:
    """A finding as the reader sees it."""
    about = called(PersonId(found.about), board) if found.kind is not Kind.ODD_HOUR else found.about
    since, until = times.moment(found.since), times.moment(found.until)
    return Odd(found.kind, found.rota, about, since, until)


def stands_in(one: Arranged, board: Board, times: Reader) -> StandsIn:
    """A stand-in with its record."""
    override = one.override
    return StandsIn(
        id=override.id,
        rota=override.rota,
        name=called(override.person, board),
        instead=called(override.replaces, board) if override.replaces else "",
        since=times.moment(override.since),
        until=times.moment(override.until),
        now=override.since <= times.now,
        by=called(PersonId(override.by), board),
        made=times.moment(one.made_at),
        reason=override.reason,
        out_of_reach=override.person not in board.reached,
    )


def looks(board: Board) -> dict[PersonId, int]:
    """A number for each person, the same wherever they are drawn."""
    turning = (person for rota in board.rotas.values() for person in rota.people)
    return {person: number for number, person in enumerate(dict.fromkeys([*turning, *board.names]))}


def people(turn: Turn, board: Board) -> str:
    """Everybody who has a turn; "" where nobody has."""
    return ", ".join(called(seat.person, board) for seat in turn.seats)


def called(person: PersonId, board: Board) -> str:
    """A person's name, or their id where no name is known."""
    return board.names.get(person, person)


def _particular(seat: Seat, board: Board) -> str:
    """What is not seen from the rota's name alone: the layer, or for whom somebody stands in, and why."""
    missing = f"{called(seat.missing, board)} was to stand in and is out of reach" if seat.missing else ""
    if seat.override is None:
        return "; ".join(filter(None, (seat.layer, missing)))
    instead = f" for {called(seat.scheduled, board)}" if seat.scheduled else ""
    reason = f": {seat.override.reason}" if seat.override.reason else ""
    return "; ".join(filter(None, (f"stands in{instead}{reason}", missing)))
