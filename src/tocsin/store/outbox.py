"""What must be sent: put there with the decision that made it, and withdrawn with its page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, func, insert, literal_column, select, update

from tocsin.core.model import Notify, PersonId, SubjectId, Tell
from tocsin.store.prepared import Prepared
from tocsin.store.schema import outbox

PAGE, TOLD, SET_ASIDE, SIGN_IN = "page", "told", "set-aside", "sign-in"
WAITING, LEASED, SENT, FAILED, WITHDRAWN = "waiting", "leased", "sent", "failed", "withdrawn"

# Written out, not bound: only so can the indexes that hold nothing else be used.
IS_WAITING = outbox.c.state == literal_column(f"'{WAITING}'")
IS_LEASED = outbox.c.state == literal_column(f"'{LEASED}'")

_PUT = Prepared(insert(outbox))


def put(tx: Connection, incident: SubjectId, effects: Sequence[Notify], priority: int, now: datetime) -> None:
    """Queue rings in the transaction that decided them."""
    if effects:
        _PUT.change_each(
            tx,
            [
                {
                    "key": one.key,
                    "subject_id": incident,
                    "page": one.page,
                    "ring": one.ring,
                    "person": one.person,
                    "channel": one.channel,
                    "priority": priority,
                    "urgent": int(one.urgent),
                    "state": WAITING,
                    "next_at": now,
                    "created_at": now,
                }
                for one in effects
            ],
        )


def put_told(
    tx: Connection, incident: SubjectId, effects: Sequence[Tell], priority: int, now: datetime
) -> None:
    """Queue messages that want no answer. They belong to no page, so nothing withdraws them."""
    if effects:
        _PUT.change_each(
            tx,
            [
                {
                    "key": one.key,
                    "kind": TOLD,
                    "subject_id": incident,
                    "page": 0,
                    "ring": one.number,
                    "person": one.person,
                    "channel": one.channel,
                    "priority": priority,
                    "urgent": 0,
                    "words": one.words,
                    "state": WAITING,
                    "next_at": now,
                    "created_at": now,
                }
                for one in effects
            ],
        )


def put_set_aside(
    tx: Connection,
    incident: SubjectId,
    to: Sequence[tuple[PersonId, str]],
    why: str,
    unless_since: datetime,
    now: datetime,
) -> None:
    """Queue word that an incident is set aside, to each person by a channel, unless there was some lately."""
    said = (outbox.c.subject_id == incident, outbox.c.kind == SET_ASIDE, outbox.c.created_at > unless_since)
    if to and tx.execute(select(outbox.c.id).where(*said).limit(1)).first() is None:
        row = {"kind": SET_ASIDE, "subject_id": incident, "page": 0, "ring": 0, "priority": 0, "urgent": 1}
        when = {"words": why, "state": WAITING, "next_at": now, "created_at": now}
        # By the hour: of two nodes that set it aside at once, one is refused, looks again, and finds this.
        key = f"{incident}/set-aside/{now:%Y%m%dT%H}"
        _PUT.change_each(
            tx, [row | when | {"key": f"{key}/{who}/{by}", "person": who, "channel": by} for who, by in to]
        )


def put_sign_in(tx: Connection, key: str, person: PersonId, channel: str, now: datetime) -> None:
    """Queue a sign-in link; a second one under the same key is the same link."""
    if tx.execute(select(outbox.c.id).where(outbox.c.key == key)).first() is None:
        row = {"kind": SIGN_IN, "subject_id": "", "page": 0, "ring": 0, "priority": 0, "urgent": 0}
        where = {"key": key, "person": person, "channel": channel}
        when = {"state": WAITING, "next_at": now, "created_at": now}
        tx.execute(insert(outbox).values(row | where | when))


def withdraw(tx: Connection, incident: SubjectId, pages: Sequence[int]) -> None:
    """What waits for these pages does not go out any more; what is leased may, but is not tried again."""
    if pages:
        # In one statement: what goes from leased back to waiting meanwhile would slip between two.
        waits = case((IS_WAITING, WITHDRAWN), else_=outbox.c.state)
        of_pages = (outbox.c.subject_id == incident, outbox.c.page.in_(pages))
        tx.execute(update(outbox).where(*of_pages, IS_WAITING | IS_LEASED).values(state=waits, wanted=0))


def waiting(tx: Connection) -> int:
    """How many rings wait to be sent."""
    count = select(func.count()).select_from(outbox).where(IS_WAITING)
    return int(tx.scalar(count) or 0)
