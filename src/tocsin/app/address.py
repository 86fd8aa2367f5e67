"""Where the database is."""

from __future__ import annotations

from contextlib import suppress

from tocsin.settings import Settings, read_settings
from tocsin.store.database import password_of, sqlite_url

NOTE = "address"
"""The file in the data directory that holds the server's address."""


def database_password(settings: Settings) -> str:
    """What must not be said of that address."""
    return password_of(database_url(settings))


def note_address(settings: Settings) -> None:
    """Leave a note for commands on this machine, under which address the server is reached."""
    # It only makes their answers better: a directory that takes no file must not stop the server.
    with suppress(OSError):
        (settings.data / NOTE).write_text(settings.public_url + "\n", encoding="utf-8")


def server_address(settings: Settings) -> str:
    """The server's address: as the settings say it, or else as the server left a note of when it started."""
    if settings.public_url == read_settings({}, {}).public_url:
        with suppress(OSError):
            return (settings.data / NOTE).read_text(encoding="utf-8").strip() or settings.public_url
    return settings.public_url


def database_url(settings: Settings) -> str:
    """The address of the database that the settings name."""
    return settings.database or sqlite_url(settings.data / "tocsin.db")
