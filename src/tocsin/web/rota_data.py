"""Who is on call as the API says it, and as the command line reads it, with a server or without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tocsin import limits
from tocsin.core.incident.asking import Unclear
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Kind, Override, Rotas, Seat, findings, load, turns
from tocsin.plan.document import YEARS, listing
from tocsin.plan.rehearsals import instant
from tocsin.web.rota_answers import (
    CalendarAnswer,
    FindingAnswer,
    GapsAnswer,
    LoadAnswer,
    PersonAnswer,
    RotaAnswer,
    SeatAnswer,
    TurnAnswer,
    WhoAnswer,
)


class BadQuestion(Unclear):
    """What was asked makes no sense; the message says why and what to write instead."""


class NotThere(BadQuestion):
    """What was asked about is not there."""


@dataclass(frozen=True)
class Board:
    """The rotas in force, the plan's zone, what is known of people, and whom something that is sent reaches.

    `gone` are the rotas that the plan in force has no more and open incidents still page by.
    """

    rotas: Rotas
    zone: str
    names: Mapping[PersonId, str] = field(default_factory=dict)
    zones: Mapping[PersonId, str] = field(default_factory=dict)
    reached: frozenset[PersonId] = frozenset()
    gone: frozenset[RotaId] = frozenset()

    def rota(self, name: str) -> RotaId:
        """The rota of that name; raises BadQuestion when there is none."""
        if RotaId(name) not in self.rotas:
            known = f"Rotas are: {listing(self.rotas)}." if self.rotas else "The plan has none."
            raise NotThere(f"There is no rota {name[:80]}. {known}", "rota")
        return RotaId(name)


def moment(text: str, zone: str, blank: str = "") -> datetime:
    """The instant of `2026-11-22T03:00 Asia/Seoul`, in `zone` when it names none."""
    found = instant(text, zone)
    if found is None or found[0].year not in YEARS:
        raise BadQuestion(
            f"`{text[:80]}` is no time. Write it like 2026-11-22T03:00 or 2026-11-22T03:00 Asia/Seoul.",
            blank,
        )
    return found[0]


def stretch(
    since: str | None, until: str | None, zone: str, now: datetime, usual: timedelta
) -> tuple[datetime, datetime]:
    """From when to when is asked about: from now, and for as long as usual, where that is not said."""
    begins = moment(since, zone) if since else now
    ends = moment(until, zone) if until else begins + usual
    if ends <= begins:
        raise BadQuestion("The end is not after the beginning. Write the earlier time first.")
    if ends - begins > timedelta(days=limits.CALENDAR_DAYS):
        raise BadQuestion(f"That is more than {limits.CALENDAR_DAYS} days. Ask for less at once.")
    return begins, ends


def who(board: Board, overrides: Sequence[Override], at: datetime, rotas: Iterable[RotaId]) -> WhoAnswer:
    """Who is on call at an instant, and until when that stays so; None when it stays so for a year."""
    most = at + timedelta(days=limits.CALENDAR_DAYS)
    answer: list[RotaAnswer] = []
    for rota in rotas:
        turn = next(turns(board.rotas, rota, at, most, overrides))
        until = None if turn.until == most else turn.until.isoformat()
        answer.append({"rota": rota, "seats": _seats(board, turn.seats), "until": until})
    return {"at": at.isoformat(), "zone": board.zone, "rotas": answer}


def calendar(
    board: Board, overrides: Sequence[Override], rota: RotaId, since: datetime, until: datetime
) -> CalendarAnswer:
    """Turn after turn; no seats where nobody is on call."""
    listed: list[TurnAnswer] = [
        {
            "from": one.since.isoformat(),
            "to": one.until.isoformat(),
            "seats": _seats(board, one.seats),
        }
        for one in turns(board.rotas, rota, since, until, overrides)
    ]
    return {"rota": rota, "zone": board.zone, "turns": listed}


def gaps(board: Board, overrides: Sequence[Override], since: datetime, until: datetime) -> GapsAnswer:
    """All that is odd, each with a sentence in the plan's zone."""
    odd = [
        replace(one, about=_name(board, PersonId(one.about))) if one.kind is not Kind.ODD_HOUR else one
        for one in findings(board.rotas, since, until, overrides)
    ]
    found: list[FindingAnswer] = [
        {
            "kind": one.kind.value,
            "rota": one.rota,
            "from": one.since.isoformat(),
            "to": one.until.isoformat(),
            "about": one.about,
            "sentence": one.sentence(board.zone),
        }
        for one in odd
    ]
    return {"from": since.isoformat(), "to": until.isoformat(), "zone": board.zone, "findings": found}


def carried(
    board: Board, overrides: Sequence[Override], of: Iterable[RotaId], since: datetime, until: datetime
) -> LoadAnswer:
    """What everybody carries: hours, nights, weekends."""
    found = load(board.rotas, of, since, until, board.zone, overrides, board.zones)
    people: list[PersonAnswer] = [
        {
            "person": one.person,
            "name": _name(board, one.person),
            "hours": round(one.time / timedelta(hours=1), 2),
            "nights": one.nights,
            "weekends": one.weekends,
        }
        for one in found
    ]
    return {"from": since.isoformat(), "to": until.isoformat(), "zone": board.zone, "people": people}


def _seats(board: Board, seats: Iterable[Seat]) -> list[SeatAnswer]:
    return [
        {"person": one.person, "name": _name(board, one.person), "why": _why(board, one)} for one in seats
    ]


def _name(board: Board, person: PersonId) -> str:
    return board.names.get(person, person)


def _why(board: Board, seat: Seat) -> str:
    """As the resolver says it, with the names of whoever somebody stands in for, or was to."""
    named = replace(
        seat,
        scheduled=PersonId(_name(board, seat.scheduled)) if seat.scheduled else None,
        missing=PersonId(_name(board, seat.missing)) if seat.missing else None,
    )
    return named.why
