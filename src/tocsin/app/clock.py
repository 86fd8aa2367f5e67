"""The one clock, what passes beside it, and the one source of chance, of a server."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta


def clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def passed() -> timedelta:
    """The time since some moment that never changes, by a clock that nobody can set."""
    return timedelta(seconds=time.monotonic())


def new_secret() -> str:
    """A random text of 256 bits, safe in a URL."""
    return secrets.token_urlsafe(32)
