"""Jobs that one node at a time may run."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from tocsin import limits
from tocsin.store.schema import to_micros

AUDITOR = "auditor"

_HOLD = text(
    "INSERT INTO leases (name, node, until) VALUES (:name, :node, :until)"
    " ON CONFLICT (name) DO UPDATE SET node = excluded.node, until = excluded.until"
    " WHERE leases.node = excluded.node OR leases.until <= :now OR leases.until > :never"
)


def hold(tx: Connection, name: str, node: str, now: datetime, lasts: timedelta) -> bool:
    """Whether this node has the job for as long as `lasts`: it had it before, or nobody has."""
    # Longer than any lease lasts: it was taken before the clock was set back, by whoever may be gone.
    never = now + lasts + timedelta(seconds=limits.CLOCK_BEHIND_SECONDS)
    given = {"name": name, "node": node, "until": to_micros(now + lasts), "now": to_micros(now)}
    given |= {"never": to_micros(never)}
    return tx.execute(_HOLD, given).rowcount == 1
