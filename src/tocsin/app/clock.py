"""The one clock, and the one source of chance, of a server."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def new_secret() -> str:
    """A random text of 256 bits, safe in a URL."""
    return secrets.token_urlsafe(32)
