"""People with their addresses and rules, and the routing keys of integrations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from tocsin.core.directory import Address, Contact
from tocsin.core.model import PersonId
from tocsin.core.policy import NotifyRule, View
from tocsin.store.codec import dump, load
from tocsin.store.schema import integrations, people

_EVERYBODY = select(people).order_by(people.c.id)
_ONE = select(people).where(people.c.id == bindparam("of"))
_KEYS = select(integrations.c.key_hash, integrations.c.id)


def replace_people(tx: Connection, contacts: Sequence[Contact]) -> None:
    """Make the directory hold exactly these people."""
    tx.execute(delete(people))
    if contacts:
        tx.execute(
            insert(people),
            [
                {
                    "id": one.id,
                    "name": one.name,
                    "email": one.email,
                    "zone": one.zone,
                    "channels": dump(one.channels),
                    "rules": dump(one.rules),
                }
                for one in contacts
            ],
        )


def contacts(tx: Connection) -> dict[PersonId, Contact]:
    """Everybody in the directory, by id."""
    return {PersonId(row.id): _contact(row) for row in tx.execute(_EVERYBODY)}


def contact(tx: Connection, person: PersonId) -> Contact | None:
    """One person, if in the directory."""
    row = tx.execute(_ONE, {"of": person}).first()
    return None if row is None else _contact(row)


def _contact(row: Any) -> Contact:
    return Contact(
        PersonId(row.id),
        row.name,
        row.email,
        row.zone,
        load(row.channels, dict[str, Address]),
        load(row.rules, tuple[NotifyRule, ...]),
    )


def view(tx: Connection, available: frozenset[str]) -> View:
    """What decisions may know: who there is, and by which of the `available` channels each can be told."""
    return View({one.id: one.as_person(available) for one in contacts(tx).values()})


def hashed(secret: str) -> str:
    """How a key or token is kept: its SHA-256, so that a copy of the database opens nothing.

    Plain SHA-256 is right for random secrets of 128 bits and more (ASVS 11.5.1); it is not for passwords.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def add_key(tx: Connection, integration: str, key: str, now: datetime) -> None:
    """Let `key` speak for the integration, beside the keys it has."""
    known = tx.execute(select(integrations).where(integrations.c.key_hash == hashed(key))).first()
    if known is None:
        tx.execute(insert(integrations).values(key_hash=hashed(key), id=integration, created_at=now))


def keys(tx: Connection) -> dict[str, str]:
    """Integration id by hashed routing key."""
    return {key_hash: integration for key_hash, integration in tx.execute(_KEYS)}  # noqa: C416


@dataclass(frozen=True)
class Key:
    """A routing key as it is kept: whose it is, since when, and its hash, whose beginning is its name."""

    hash: str
    integration: str
    created_at: datetime

    @property
    def id(self) -> str:
        """Short, and no secret."""
        return self.hash[:8]


def all_keys(tx: Connection) -> list[Key]:
    """Every key, by integration, the oldest first."""
    rows = tx.execute(select(integrations).order_by(integrations.c.id, integrations.c.created_at))
    return [Key(row.key_hash, row.id, row.created_at) for row in rows]


def remove_keys(tx: Connection, integration: str) -> int:
    """Take away every key of the integration; returns how many there were."""
    return tx.execute(delete(integrations).where(integrations.c.id == integration)).rowcount


def remove_key(tx: Connection, key_hash: str) -> bool:
    """Take away one key; False when nobody had it."""
    return tx.execute(delete(integrations).where(integrations.c.key_hash == key_hash)).rowcount == 1
