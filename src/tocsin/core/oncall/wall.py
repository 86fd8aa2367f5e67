"""Wall-clock times and the instants they mean, in the odd hours too that zones make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=4096)
def wall_clock(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a naive wall-clock time in `zone`.

    A time that a zone change skips means the first valid instant after the gap; a repeated one means its
    first occurrence. So a later wall-clock time never means an earlier instant.
    """
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


def is_skipped(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether no clock of the zone ever shows this time."""
    return wall_clock(wall, zone).astimezone(zone).replace(tzinfo=None) != wall


def is_repeated(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks of the zone show this time twice."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return first.utcoffset() != second.utcoffset() and not is_skipped(wall, zone)
