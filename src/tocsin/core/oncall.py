"""Who is on call at an instant. Hand-overs happen at a wall-clock time in the rota's own zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.core.model import PersonId
from tocsin.core.policy import Rota


def handover(rota: Rota, turn: int) -> datetime:
    """The instant (UTC) at which turn number `turn` begins; turn 0 begins at `rota.starts`.

    A wall-clock time that a zone change skips means the first valid instant after the gap; a repeated one
    means its first occurrence.
    """
    wall = rota.starts.replace(tzinfo=None) + timedelta(days=rota.shift_days * turn)
    return wall_clock(wall, ZoneInfo(rota.zone))


def wall_clock(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a naive wall-clock time in `zone`, by the rule that `handover` states."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # The time was skipped. PEP 495: fold=0 applies the offset from before the gap, fold=1 the one from
    # after it, so the gap ends between the two; a binary search finds the instant the offset changes.
    before, after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle in (before, after):
            break
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def on_call(rota: Rota, at: datetime) -> PersonId | None:
    """The person on call at `at` (aware), or None before the rota starts or when it has no people."""
    if not rota.people:
        return None
    wall = at.astimezone(ZoneInfo(rota.zone)).replace(tzinfo=None)
    turn = (wall - rota.starts.replace(tzinfo=None)).days // rota.shift_days
    # Zone changes move a hand-over by hours at most, so the neighbour turns settle it.
    while handover(rota, turn + 1) <= at:
        turn += 1
    while handover(rota, turn) > at:
        turn -= 1
    return rota.people[turn % len(rota.people)] if turn >= 0 else None
