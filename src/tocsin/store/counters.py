"""Numbers that are given out once."""

from __future__ import annotations

from sqlalchemy import Connection, text

_NEXT = text(
    "INSERT INTO counters (name, value) VALUES (:name, 1)"
    " ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value"
)


_SET = text(
    "INSERT INTO counters (name, value) VALUES (:name, :value)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


def value_of(tx: Connection, name: str) -> int:
    """The last number of that name; 0 before the first."""
    return int(
        tx.execute(text("SELECT value FROM counters WHERE name = :name"), {"name": name}).scalar() or 0
    )


def put(tx: Connection, name: str, value: int) -> None:
    """Let this be the last number of that name."""
    tx.execute(_SET, {"name": name, "value": value})


def next_number(tx: Connection, name: str) -> int:
    """The next number of that name, from 1. Two transactions never get the same."""
    return int(tx.execute(_NEXT, {"name": name}).scalar_one())
