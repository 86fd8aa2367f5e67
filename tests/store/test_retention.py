"""Retention takes what is old and over, a little at a time, and never the record or what is still open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, Table, delete, func, select, update

from tests.support.world import START, World
from tocsin.core.model import Outcome, PersonId, RotaId
from tocsin.core.oncall import Override
from tocsin.store import access, ledger, outbox, subjects
from tocsin.store import overrides as stand_ins
from tocsin.store.access import TokenKind
from tocsin.store.retention import Keep, Pruned, _first_since, prune
from tocsin.store.schema import alerts, deliveries, events, mailbox, overrides, tokens
from tocsin.store.schema import outbox as outbox_table
from tocsin.store.schema import subjects as subjects_table
from tocsin.store.store import Store

KEEP = Keep(days=400)
LONG_AFTER = START + timedelta(days=401)


@pytest.fixture
def world(url: str) -> Iterator[World]:
    world = World(url)
    yield world
    world.expected = len(world.sent)  # what was sent is the stories' business
    world.close()


def at(world: World, now: datetime, keep: Keep = KEEP, rows_max: int = 1_000) -> Pruned:
    """One turn of housekeeping."""
    return world.store.write_now(partial(prune, now=now, keep=keep, rows_max=rows_max))


def rows(world: World, table: Table) -> int:
    return world.store.read_now(lambda tx: tx.scalar(select(func.count()).select_from(table)) or 0)


def everything(world: World) -> dict[str, int]:
    tables = (subjects_table, events, alerts, outbox_table, deliveries)
    return {table.name: rows(world, table) for table in tables}


def test_what_belongs_to_an_incident_long_over_goes_and_the_record_stays(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.clear("prometheus", "checkout is down")
    record = world.timeline()
    before = everything(world)
    pruned = at(world, LONG_AFTER)
    assert pruned == Pruned(alerts=1, messages=before["outbox"], deliveries=before["deliveries"])
    assert everything(world) == before | {"alerts": 0, "outbox": 0, "deliveries": 0}
    assert world.timeline() == record


def test_what_is_young_stays(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.clear("prometheus", "checkout is down")
    assert at(world, START + timedelta(days=399)) == Pruned()


def test_what_belongs_to_an_open_incident_stays_however_old(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.alert("prometheus", "checkout is slow")
    world.clear("prometheus", "checkout is slow")
    before = everything(world)
    assert at(world, LONG_AFTER, Keep(days=1, incident_days=1)) == Pruned()
    assert everything(world) == before
    world.clear("prometheus", "checkout is down")
    assert world.incident().status == "resolved"


def test_an_alert_that_came_again_in_the_meantime_stays(world: World) -> None:
    world.alert("prometheus", "checkout is slow", severity="warning")
    world.now = LONG_AFTER - timedelta(days=10)
    world.clear("prometheus", "checkout is slow")
    assert at(world, LONG_AFTER).alerts == 0


def test_an_alert_that_triage_has_not_seen_stays(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.clear("prometheus", "checkout is down")
    world.store.write_now(lambda tx: tx.execute(update(alerts).values(dirty=1)).close())
    assert at(world, LONG_AFTER).alerts == 0


def test_incidents_go_whole_when_told(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.clear("prometheus", "checkout is down")
    world.alert("uptime", "catalogue is down")
    assert at(world, START + timedelta(days=800), Keep(days=10, incident_days=800)) != Pruned()
    assert len(world.incidents()) == 2
    removed = at(world, START + timedelta(days=801), Keep(days=10, incident_days=800), rows_max=1)
    assert (removed.incidents, removed.more) == (1, True)
    (left,) = world.incidents()
    assert left.service == "catalogue"
    (kind,) = world.store.read_now(lambda tx: tx.scalars(select(events.c.id).distinct()).all())
    assert kind == left.id


def test_one_turn_removes_no_more_than_it_may(world: World) -> None:
    for number in range(12):
        world.alert("uptime", f"shelf {number} is empty", severity="warning")
        world.clear("uptime", f"shelf {number} is empty")
    turns: list[Pruned] = []
    while not turns or turns[-1].more:
        turns.append(at(world, LONG_AFTER, rows_max=5))
    assert [turn.alerts for turn in turns] == [5, 5, 2]


def test_expired_tokens_go(world: World) -> None:
    for hours in (1, 3):
        until = START + timedelta(hours=hours)
        add = partial(access.add, kind=TokenKind.SESSION, person=PersonId("ana"), name="", now=START)
        world.store.write_now(partial(add, secret=f"{hours} hours", until=until))
    assert at(world, START + timedelta(hours=2)) == Pruned(tokens=1)
    assert rows(world, tokens) == 1


def test_the_mailbox_keeps_its_newest(world: World) -> None:
    row = {"at": START, "person": "Ana", "subject": "", "text": "", "link": ""}
    world.store.write_now(
        lambda tx: tx.execute(mailbox.insert(), [row | {"key": str(number)} for number in range(8)]).close()
    )
    assert at(world, START, Keep(mailbox_messages=3)) == Pruned(mailbox=5)
    kept = world.store.read_now(lambda tx: tx.scalars(select(mailbox.c.key).order_by(mailbox.c.id)).all())
    assert kept == ["5", "6", "7"]
    assert at(world, START, Keep(mailbox_messages=3)) == Pruned()


def test_sign_in_messages_go_with_age_alone(world: World) -> None:
    world.store.write_now(
        partial(outbox.put_sign_in, key="s", person=PersonId("ana"), channel="email", now=START)
    )
    world.settle()
    assert at(world, LONG_AFTER) == Pruned(messages=1, deliveries=1)


def test_a_message_that_still_waits_stays(world: World) -> None:
    world.store.write_now(
        partial(outbox.put_sign_in, key="s", person=PersonId("ana"), channel="pigeon", now=START)
    )
    assert at(world, LONG_AFTER) == Pruned()


def test_the_search_by_halves_finds_what_a_scan_would(store: Store) -> None:
    row = {"person": "Ana", "subject": "", "text": "", "link": "", "key": ""}
    for gone in [[], [1], [5, 6], [1, 2, 3, 4], [9, 10], range(1, 11)]:
        kept = [number for number in range(1, 11) if number not in gone]
        made = [row | {"id": number, "at": START + timedelta(days=number)} for number in kept]
        store.write_now(lambda tx: tx.execute(delete(mailbox)).close())
        if made:
            store.write_now(partial(put, made=made))
        for day in range(13):
            bound = store.read_now(partial(first, before=START + timedelta(days=day)))
            assert [number for number in kept if number < bound] == [
                number for number in kept if number < day
            ]


def put(tx: Connection, made: list[dict[str, object]]) -> None:
    tx.execute(mailbox.insert(), made)


def first(tx: Connection, before: datetime) -> int:
    return _first_since(tx, mailbox.c.id, mailbox.c.at, before)


def test_the_record_of_what_was_said_is_there_until_it_is_old(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    incident = world.incident().id
    world.clear("prometheus", "checkout is down")
    at(world, START + timedelta(days=399))
    attempts = world.store.read_now(partial(ledger.of_incident, incident=incident))
    assert {row.outcome for row in attempts} == {Outcome.ACCEPTED}
    assert world.store.read_now(partial(subjects.load_incident, incident=incident)) is not None


def test_stand_ins_long_past_go(world: World) -> None:
    for days in (1, 3):
        until = START + timedelta(days=days)
        one = Override(0, RotaId("primary"), PersonId("ben"), START, until)
        world.store.write_now(partial(stand_ins.add, override=one, now=START))
    assert at(world, START + timedelta(days=402)) == Pruned(overrides=1)
    assert rows(world, overrides) == 1
