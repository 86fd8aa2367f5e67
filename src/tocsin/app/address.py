"""Where the database is."""

from __future__ import annotations

from tocsin.settings import Settings
from tocsin.store.database import password_of, sqlite_url


def database_password(settings: Settings) -> str:
    """What must not be said of that address."""
    return password_of(database_url(settings))


def database_url(settings: Settings) -> str:
    """The address of the database that the settings name."""
    return settings.database or sqlite_url(settings.data / "tocsin.db")
