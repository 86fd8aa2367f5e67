"""Numbers that are given out once."""

from __future__ import annotations

from sqlalchemy import Connection, text

_NEXT = text(
    "INSERT INTO counters (name, value) VALUES (:name, 1)"
    " ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value"
)


def next_number(tx: Connection, name: str) -> int:
    """The next number of that name, from 1. Two transactions never get the same."""
    return int(tx.execute(_NEXT, {"name": name}).scalar_one())
