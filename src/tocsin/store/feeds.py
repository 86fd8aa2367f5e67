"""Secret addresses of calendar feeds. Only their hashes are stored; each rota and each person has one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from tocsin.store.directory import hashed
from tocsin.store.schema import feeds


def renew(tx: Connection, secret: str, rota: str, person: str, by: str, now: datetime) -> None:
    """Give a rota, or a person, this secret; the one before it opens nothing any more."""
    tx.execute(delete(feeds).where(feeds.c.rota == rota, feeds.c.person == person))
    tx.execute(insert(feeds).values(hash=hashed(secret), rota=rota, person=person, made_by=by, made_at=now))


def remove(tx: Connection, rota: str, person: str) -> bool:
    """Let the secret of a rota, or of a person, open nothing any more; False when there is none."""
    return tx.execute(delete(feeds).where(feeds.c.rota == rota, feeds.c.person == person)).rowcount == 1


def made_at(tx: Connection, rota: str, person: str) -> datetime | None:
    """Since when a rota, or a person, has this secret; None without one."""
    found = select(feeds.c.made_at).where(feeds.c.rota == rota, feeds.c.person == person)
    at: datetime | None = tx.scalar(found)
    return at


def find(tx: Connection, secret: str) -> tuple[str, str] | None:
    """The rota and the person that a secret shows, one of them empty; None when it shows nothing."""
    row = tx.execute(select(feeds.c.rota, feeds.c.person).where(feeds.c.hash == hashed(secret))).first()
    return (row.rota, row.person) if row else None
