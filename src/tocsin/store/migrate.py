"""Bringing a database to today's schema, at start, under a lock where several nodes may start at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from tocsin.store.errors import StrangeSchema
from tocsin.store.writer import translated

_LOCK = 0x70C5
"""The PostgreSQL advisory lock that migrations hold."""

STRANGE = (
    "The database has schema {found}, which this Tocsin does not know (its own is {newest}): another version"
    " has made it. Run that version, or begin anew with another --data or an empty database."
)


def migrate(engine: Engine) -> None:
    """Apply every migration that the database has not seen. Safe to call from several nodes at once.

    Raises StrangeSchema for a database of another version of Tocsin, StoreError for one that does not answer.
    """
    try:
        with engine.connect() as connection, connection.begin():
            upgrade(connection)
    except DBAPIError as error:
        raise translated(error) from error


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to a revision, as part of an open transaction; raises StrangeSchema."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found, newest = at(connection)
    if found is not None and not knows(found):
        raise StrangeSchema(STRANGE.format(found=found, newest=newest))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def knows(revision: str) -> bool:
    """Whether this version of Tocsin can bring a schema to that revision."""
    return any(one.revision == revision for one in ScriptDirectory.from_config(_config()).walk_revisions())


def at(connection: Connection) -> tuple[str | None, str | None]:
    """(the revision the database has, the newest there is)."""
    found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
