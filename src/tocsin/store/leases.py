"""Jobs that one node at a time may run."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from tocsin.store.schema import to_micros

_HOLD = text(
    "INSERT INTO leases (name, node, until) VALUES (:name, :node, :until)"
    " ON CONFLICT (name) DO UPDATE SET node = excluded.node, until = excluded.until"
    " WHERE leases.node = excluded.node OR leases.until <= :now"
)


def hold(tx: Connection, name: str, node: str, now: datetime, lasts: timedelta) -> bool:
    """Whether this node has the job for as long as `lasts`: it had it before, or nobody has."""
    given = {"name": name, "node": node, "until": to_micros(now + lasts), "now": to_micros(now)}
    return tx.execute(_HOLD, given).rowcount == 1
