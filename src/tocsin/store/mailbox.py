"""The demo's local mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from tocsin.core.model import Message
from tocsin.store.schema import mailbox


def keep(tx: Connection, message: Message, now: datetime) -> None:
    """Put a message where the demo's mailbox page shows it."""
    tx.execute(
        insert(mailbox).values(
            at=now,
            key=message.key,
            person=message.person_name,
            subject=message.subject,
            text=message.text,
            link=message.link,
        )
    )


def newest(tx: Connection, limit: int) -> Sequence[Any]:
    """The newest messages first."""
    return tx.execute(select(mailbox).order_by(mailbox.c.id.desc()).limit(limit)).all()
