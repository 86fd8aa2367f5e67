"""Where the database is."""

from __future__ import annotations

from tocsin.settings import Settings
from tocsin.store.database import sqlite_url


def database_url(settings: Settings) -> str:
    """The address of the database that the settings name."""
    return settings.database or sqlite_url(settings.data / "tocsin.db")
