"""The tables. Times are whole microseconds since 1970 in UTC, so that both databases compare them alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """An aware datetime as the tables hold it."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """A stored time as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


# SQLite gives an alias of the row id only to INTEGER PRIMARY KEY, PostgreSQL a sequence to BIGINT.
_Serial = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

subjects = Table(
    "subjects",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("fold", Integer, nullable=False, server_default="0"),
    Column("status", Text, nullable=False),
    Column("due_at", Instant),
    Column("priority", Integer, nullable=False),
    Column("urgent", Integer, nullable=False),
    Column("asks_failing", Integer, nullable=False),
    Column("plan", Text, nullable=False, server_default=""),
    Column("failing_told", Integer, nullable=False, server_default="-1"),
    Column("open_key", Text, unique=True),
    Column("opened_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("quarantined", Text, nullable=False, server_default=""),
    # What the wake loop asks for, whole: ten thousand due at once are sorted without a look at their rows.
    Index(
        "subjects_due",
        "due_at",
        "priority",
        "id",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "subjects_open",
        "priority",
        "opened_at",
        sqlite_where=text("open_key IS NOT NULL"),
        postgresql_where=text("open_key IS NOT NULL"),
    ),
    Index(
        "subjects_failing",
        "id",
        sqlite_where=text("open_key IS NOT NULL AND urgent = 1"),
        postgresql_where=text("open_key IS NOT NULL AND urgent = 1"),
    ),
    Index(
        "subjects_counting",
        "priority",
        "failing_told",
        sqlite_where=text("open_key IS NOT NULL AND asks_failing = 1"),
        postgresql_where=text("open_key IS NOT NULL AND asks_failing = 1"),
    ),
    Index("subjects_opened", "kind", "opened_at"),
    Index("subjects_updated", "updated_at"),
    Index(
        "subjects_quarantined",
        "id",
        sqlite_where=text("quarantined <> ''"),
        postgresql_where=text("quarantined <> ''"),
    ),
)
"""Everything with a stream of events and promises. `state` is the snapshot, `fold` which fold made it.

A service fails that has an open incident at an `urgent` level. Where its plan `asks_failing`, an incident
is told how many do; `failing_told` is what it was told last, -1 for nothing yet.
"""

events = Table(
    "events",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("type", Text, nullable=False),
    Column("v", Integer, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("words", Text),
)
"""What has happened. Nothing of a row ever changes, but that `words` can be erased: then they are empty."""

erasures = Table(
    "erasures",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("texts", Integer, nullable=False),
)
"""Who erased words, when and why, and how many; never which."""

alerts = Table(
    "alerts",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("integration", Text, nullable=False),
    Column("dedup_key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("triaged", Text, nullable=False, server_default=""),
    Column("dirty", Integer, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("facts", Text, nullable=False),
    Column("watch", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("subject_id", Text),
    Column("suppressed", Text, nullable=False, server_default=""),
    Index(
        "alerts_open",
        "integration",
        "dedup_key",
        unique=True,
        sqlite_where=text("status <> 'resolved'"),
        postgresql_where=text("status <> 'resolved'"),
    ),
    Index(
        "alerts_dirty",
        "severity",
        "id",
        sqlite_where=text("dirty = 1"),
        postgresql_where=text("dirty = 1"),
    ),
    Index(
        "alerts_subject",
        "subject_id",
        sqlite_where=text("subject_id IS NOT NULL"),
        postgresql_where=text("subject_id IS NOT NULL"),
    ),
)
"""One row per life of an alert, from its first trigger to its resolve. `dirty`: triage must look at it.

`facts` is what a plan may judge it by, `watch` which of the plan's facts are among them.
"""

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False, server_default="page"),
    Column("subject_id", Text, nullable=False),
    Column("page", Integer, nullable=False),
    Column("ring", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("urgent", Integer, nullable=False),
    Column("words", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False),
    Column("wanted", Integer, nullable=False, server_default="1"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("unknown", Integer, nullable=False, server_default="0"),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("node", Text, nullable=False, server_default=""),
    Column("bundle", Text),
    Column("next_at", Instant, nullable=False),
    Column("leased_until", Instant),
    Column("created_at", Instant, nullable=False),
    # Of everything ever sent little is on its way: these hold only that.
    Index(
        "outbox_ready",
        "channel",
        "priority",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "outbox_next",
        "next_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "outbox_leased",
        "leased_until",
        sqlite_where=text("state = 'leased'"),
        postgresql_where=text("state = 'leased'"),
    ),
    Index("outbox_subject", "subject_id", "page"),
)
"""What must be sent. `fence` grows with each lease; an answer under an older fence changes nothing.

`wanted` 0: its page is over, so that a message on its way is not tried again.
"""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("key", Text, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Index("deliveries_attempt", "key", "attempt", unique=True),
    Index("deliveries_person", "person", "started_at"),
    Index("deliveries_subject", "subject_id"),
    Index("deliveries_bundle", "bundle"),
)
"""The ledger: one row per attempt at one ring, written as `leased` when the attempt begins."""

people = Table(
    "people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("channels", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Index("people_email", "email"),
)

integrations = Table(
    "integrations",
    metadata,
    Column("key_hash", Text, primary_key=True),
    Column("id", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
"""Routing keys, as SHA-256. An integration may have several, so that a key can be changed without a gap."""

tokens = Table(
    "tokens",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)
"""Sessions, one-time sign-in links and API tokens, as SHA-256."""

plans = Table(
    "plans",
    metadata,
    Column("version", Text, primary_key=True),
    Column("files", Text, nullable=False),
    Column("applied_at", Instant, nullable=False),
)
"""Every plan ever applied; the newest is in force for new incidents."""

overrides = Table(
    "overrides",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("rota", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("replaces", Text),
    Column("made_by", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("removed_by", Text, nullable=False, server_default=""),
    Column("removed_at", Instant),
    Column("after", BigInteger),
    Index("overrides_until", "until"),
    UniqueConstraint("rota", "after", name="overrides_after"),
)
"""Who stands in for whom in a rota. A row that was taken back stays, with who did it.

`after` is the newest stand-in of the rota that whoever arranged this one had seen: of two who have seen the
same, on whatever node, one is first and the other looks again.
"""

feeds = Table(
    "feeds",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("rota", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Index("feeds_of", "rota", "person", unique=True),
)
"""Secret addresses of calendar feeds, as SHA-256: of a rota, or of a person when `rota` is empty."""

mailbox = Table(
    "mailbox",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("key", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("link", Text, nullable=False),
)
"""The demo's local mailbox: what would have been sent."""

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Column("until", Instant, nullable=False),
)
"""Who runs a job that only one node may run."""
