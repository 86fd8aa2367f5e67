"""Sessions, one-time sign-in links and API tokens. Only their hashes are stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from tocsin.core.model import PersonId
from tocsin.store.directory import hashed
from tocsin.store.schema import tokens


class TokenKind(StrEnum):
    """What a token is good for. One for the plan is good for nothing else, and no other may change it."""

    SIGN_IN = "sign-in"
    SESSION = "session"
    API = "api"
    PLAN = "plan"


@dataclass(frozen=True)
class Token:
    """A token that is good now."""

    hash: str
    kind: TokenKind
    person: PersonId
    name: str
    created_at: datetime
    expires_at: datetime


def add(
    tx: Connection, secret: str, kind: TokenKind, person: PersonId, name: str, now: datetime, until: datetime
) -> None:
    """Store a new token for a person."""
    tx.execute(
        insert(tokens).values(
            hash=hashed(secret), kind=kind, person=person, name=name, created_at=now, expires_at=until
        )
    )


def find(tx: Connection, secret: str, now: datetime, *kinds: TokenKind) -> Token | None:
    """The token of that secret and one of these kinds, unless it has expired."""
    of_kind = tokens.c.kind.in_(kinds)
    row = tx.execute(
        select(tokens).where(tokens.c.hash == hashed(secret), of_kind, tokens.c.expires_at > now)
    ).first()
    return None if row is None else _token(row)


def use_once(tx: Connection, secret: str, kind: TokenKind, now: datetime) -> Token | None:
    """The token, once: of two who try at the same time one gets None."""
    token = find(tx, secret, now, kind)
    if token is None:
        return None
    used = tx.execute(delete(tokens).where(tokens.c.hash == token.hash))
    return token if used.rowcount == 1 else None


def touch(tx: Connection, token: Token, now: datetime, until: datetime) -> None:
    """It was used; it now lasts until `until`."""
    tx.execute(update(tokens).where(tokens.c.hash == token.hash).values(used_at=now, expires_at=until))


def revoke(tx: Connection, token_hash: str) -> bool:
    """End one token; False when there was none."""
    return tx.execute(delete(tokens).where(tokens.c.hash == token_hash)).rowcount == 1


def of_kind(tx: Connection, *kinds: TokenKind) -> list[Token]:
    """All tokens of these kinds, the newest first."""
    found = select(tokens).where(tokens.c.kind.in_(kinds)).order_by(tokens.c.created_at.desc())
    return [_token(row) for row in tx.execute(found)]


def _token(row: Any) -> Token:
    kind, person = TokenKind(row.kind), PersonId(row.person)
    return Token(row.hash, kind, person, row.name, row.created_at, row.expires_at)


def expire(tx: Connection, now: datetime) -> int:
    """Remove tokens that are good for nothing any more."""
    return tx.execute(delete(tokens).where(tokens.c.expires_at <= now)).rowcount
