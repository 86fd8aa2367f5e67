"""The newest time that a database holds, and what it says of a clock that is behind it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from tocsin import limits
from tocsin.store.leases import AUDITOR
from tocsin.store.schema import alerts, deliveries, leases, subjects

_LEASE = timedelta(seconds=limits.AUDITOR_LEASE_SECONDS)
_MOST = timedelta(seconds=limits.CLOCK_BEHIND_SECONDS)

REMEDY = (
    "Set the clock right by NTP and restart the server. If it is right, look at the open incidents, and call "
    "whoever should have been paged by now."
)


def newest_time(tx: Connection) -> datetime | None:
    """When something was stored, or a node was up, last; None in a new database."""
    times = (
        tx.scalar(select(func.max(subjects.c.updated_at))),
        tx.scalar(select(alerts.c.first_at).order_by(alerts.c.id.desc()).limit(1)),
        tx.scalar(select(deliveries.c.started_at).order_by(deliveries.c.id.desc()).limit(1)),
    )
    held_until = tx.scalar(select(leases.c.until).where(leases.c.name == AUDITOR))
    up_at = None if held_until is None else held_until - _LEASE
    return max((at for at in (*times, up_at) if at is not None), default=None)


def behind(newest: datetime | None, now: datetime) -> str:
    """What is wrong, in a sentence, when `now` is before what was stored; nothing while they agree."""
    if newest is None or newest - now <= _MOST:
        return ""
    return (
        f"This machine's clock is {(newest - now).total_seconds():.0f} seconds behind the newest time in the "
        "database: it was set back while no server ran, or was ahead before. What was promised by then is "
        "late by as much."
    )
