"""What can go wrong with the store itself."""

from __future__ import annotations


class StoreError(Exception):
    """The database did not keep what it was given. Nothing was stored."""


class StoreFull(StoreError):
    """The disk or the database is full."""


class StrangeSchema(StoreError):
    """The database is of a version of Tocsin whose tables this one does not know. Nothing was changed."""


class Conflict(Exception):
    """Somebody else changed the row first; load it again and decide anew."""


class Corrupt(Exception):
    """One stored value cannot be read. Whatever depends on it is set aside; everything else goes on."""


class AlreadyRunning(Exception):
    """Another server holds the lock on this data directory."""


class BackupError(Exception):
    """A backup cannot be made, read or restored. The message is a whole sentence with the remedy."""
