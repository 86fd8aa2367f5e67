"""A rota as a calendar that other programs subscribe to (RFC 5545): names and times, no addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from unicodedata import category

from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Override, Rotas, Seat, Turn, whole_turns

BACK = timedelta(days=14)
AHEAD = timedelta(days=120)
"""What of the past and the future a feed shows."""

_LINE_OCTETS = 75
_BREAKS = ("Cc", "Zl", "Zp", "Cs")
"""Control characters, separators of lines and of paragraphs, and what no UTF-8 can hold."""
_HEAD = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Tocsin//On call//EN",
    "CALSCALE:GREGORIAN",
    "METHOD:PUBLISH",
    "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    "X-PUBLISHED-TTL:PT1H",
)


def feed(
    title: str,
    rotas: Rotas,
    of: Iterable[RotaId],
    now: datetime,
    overrides: Sequence[Override] = (),
    names: Mapping[PersonId, str] | None = None,
    person: PersonId | None = None,
) -> str:
    """The calendar of these rotas around `now`; of one person alone when `person` is given.

    An event keeps its UID for as long as the person has that turn in that rota.
    """
    lines = [*_HEAD, f"NAME:{_text(title)}", f"X-WR-CALNAME:{_text(title)}"]
    for rota in of:
        for turn in whole_turns(rotas, rota, now - BACK, now + AHEAD, overrides):
            # Calendars count whole seconds: what is shorter would have no length, and the next one's UID.
            if _instant(turn.since) == _instant(turn.until):
                continue
            for seat in turn.seats:
                if person is None or seat.person == person:
                    lines += _event(turn, seat, now, names or {})
    lines.append("END:VCALENDAR")
    return "".join(_folded(line) + "\r\n" for line in lines)


def _event(turn: Turn, seat: Seat, now: datetime, names: Mapping[PersonId, str]) -> Iterable[str]:
    identity = f"{seat.rota}\0{seat.person}\0{_instant(turn.since)}"
    uid = hashlib.sha256(identity.encode()).hexdigest()[:32]
    name = names.get(seat.person, seat.person)
    why = seat.why
    if seat.override is not None:
        instead = f" for {names.get(seat.scheduled, seat.scheduled)}" if seat.scheduled else ""
        reason = f": {seat.override.reason}" if seat.override.reason else ""
        why = f"on call: {seat.rota}, standing in{instead}{reason}"
    return (
        "BEGIN:VEVENT",
        f"UID:{uid}@tocsin",
        f"DTSTAMP:{_instant(now)}",
        f"DTSTART:{_instant(turn.since)}",
        f"DTEND:{_instant(turn.until)}",
        f"SUMMARY:{_text(f'{name} on call: {seat.rota}')}",
        f"DESCRIPTION:{_text(why)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    )


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    """A TEXT value: its separators escaped, nothing left that any program takes for a line break."""
    text = "".join(" " if category(letter) in _BREAKS else letter for letter in text)
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> str:
    """The line in pieces of at most 75 octets, none of which splits a letter."""
    pieces, length = [""], 0
    for letter in line:
        size = len(letter.encode())
        if length + size > _LINE_OCTETS:
            pieces.append(" ")
            length = 1
        pieces[-1] += letter
        length += size
    return "\r\n".join(pieces)
