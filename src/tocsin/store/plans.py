"""Plan versions: every plan ever applied, as its files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from tocsin.store.codec import dump, load
from tocsin.store.schema import plans


def keep(tx: Connection, version: str, files: Mapping[str, str], now: datetime) -> None:
    """Put a version in force for new incidents; one that was there before comes back into force."""
    newest = tx.scalar(select(func.max(plans.c.applied_at)))
    if newest is not None:
        # The last applied is in force, also when the clock was set back since the one before.
        now = max(now, newest + timedelta(microseconds=1))
    if tx.execute(update(plans).where(plans.c.version == version).values(applied_at=now)).rowcount == 0:
        tx.execute(insert(plans).values(version=version, files=dump(files), applied_at=now))


def current(tx: Connection) -> tuple[str, dict[str, str]] | None:
    """Version and files of the plan in force; None before the first."""
    row = tx.execute(select(plans).order_by(plans.c.applied_at.desc()).limit(1)).first()
    return None if row is None else (row.version, load(row.files, dict[str, str]))


def files(tx: Connection, version: str) -> dict[str, str] | None:
    """The files of one version, if it was ever applied."""
    # PostgreSQL's text holds no NUL, and what people ask for may.
    named = version.replace("\0", " ")
    text = tx.scalar(select(plans.c.files).where(plans.c.version == named))
    return None if text is None else load(text, dict[str, str])


def versions(tx: Connection) -> list[tuple[str, datetime]]:
    """Every version with the time at which it was last put in force, the newest first."""
    rows = tx.execute(select(plans.c.version, plans.c.applied_at).order_by(plans.c.applied_at.desc()))
    return [(row.version, row.applied_at) for row in rows]
