"""Whether a database has today's schema: for short commands, to which loading Alembic would be a burden."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

NEWEST = "0001"
"""The newest migration."""


def is_newest(tx: Connection) -> bool:
    """Whether no migration is left to be made."""
    if not inspect(tx).has_table("alembic_version"):
        return False
    return tx.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]
