"""Whether a database has today's schema: for short commands, to which loading Alembic would be a burden."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, inspect, text

from tocsin.store.schema import metadata


def _shape() -> str:
    """A short name of just these tables and columns."""
    tables = sorted(metadata.tables.values(), key=lambda one: one.name)
    columns = (f"{one.name}.{each.name} {each.type!r}" for one in tables for each in one.columns)
    return hashlib.sha256("\n".join(columns).encode()).hexdigest()[:6]


NEWEST = f"0001_{_shape()}"
"""The newest migration.

Nothing is released, so a change of the schema makes the one migration anew, and its name with it: a database
that an older one made must not pass for today's. From the first release on this is a name that stays.
"""


def is_newest(tx: Connection) -> bool:
    """Whether no migration is left to be made."""
    if not inspect(tx).has_table("alembic_version"):
        return False
    return tx.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]
