"""Snapshots of an earlier fold: whoever loads one gets what its events say, and a job makes them all anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from tests.store.test_subjects import ACKNOWLEDGED, NOW, RESOLVED, load, opened, save
from tocsin import limits
from tocsin.app import refolding
from tocsin.core.incident import FOLD, fold_all
from tocsin.store import folding, subjects
from tocsin.store.folding import Part
from tocsin.store.schema import events
from tocsin.store.schema import subjects as table
from tocsin.store.store import Store
from tocsin.store.subjects import Stored

IDS = ("INC-1", "INC-2", "INC-3")


@pytest.fixture
def old(store: Store) -> Store:
    """Three incidents whose snapshots another fold made, in a shape that this one does not know."""
    for id in IDS:
        first = save(store, None, opened(id), due_at=NOW, open_key=f"of {id}")
        save(store, first, ACKNOWLEDGED, due_at=NOW)
    store.write_now(lambda tx: tx.execute(update(table).values(fold=FOLD + 1, state='{"odd": 1}')))
    return store


def folds(tx: Connection) -> Sequence[tuple[str, int]]:
    return [(row.id, row.fold) for row in tx.execute(select(table.c.id, table.c.fold).order_by(table.c.id))]


def test_an_old_snapshot_is_folded_from_its_events_wherever_it_is_loaded(old: Store) -> None:
    state = fold_all((opened("INC-1"), ACKNOWLEDGED))
    assert state is not None
    stored = Stored(2, state)
    assert load(old) == stored
    assert old.read_now(partial(subjects.open_incident, open_key="of INC-1")) == stored
    assert old.write_now(partial(subjects.claim_due, incident="INC-1", now=NOW)) == stored
    listed = old.read_now(partial(subjects.listing, open_only=False, limit=10))
    assert {one.state.id for one in listed} == set(IDS)


def test_what_is_saved_on_an_old_snapshot_is_of_this_fold(old: Store) -> None:
    before = load(old)
    save(old, before, RESOLVED)
    assert old.read_now(folds) == [("INC-1", FOLD), ("INC-2", FOLD + 1), ("INC-3", FOLD + 1)]
    after = load(old)
    assert after is not None
    assert after.state == fold_all((opened("INC-1"), ACKNOWLEDGED, RESOLVED))


def test_all_are_folded_anew_a_part_at_a_time(old: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FOLD_EVENTS", 3)
    assert not old.read_now(folding.is_done)
    parts: list[Part] = []
    while not parts or parts[-1].more:
        after = parts[-1].after if parts else ""
        parts.append(old.write_now(partial(folding.fold_anew, after=after)))
    assert parts == [
        Part("INC-2", 2, (), True),
        Part("INC-3", 1, (), True),
        Part("INC-3", 0, (), False),
    ]
    assert old.read_now(folding.is_done)
    assert {fold for _, fold in old.read_now(folds)} == {FOLD}
    stored = load(old)
    assert stored is not None
    assert stored.state == fold_all((opened("INC-1"), ACKNOWLEDGED))
    assert old.read_now(subjects.next_due_at) == NOW


def test_one_that_cannot_be_read_holds_up_no_other(old: Store) -> None:
    old.write_now(lambda tx: tx.execute(update(events).where(events.c.id == "INC-2").values(data="{")))
    assert old.write_now(partial(folding.fold_anew, after="")) == Part("INC-3", 2, ("INC-2",), True)
    assert old.read_now(folds) == [("INC-1", FOLD), ("INC-2", FOLD + 1), ("INC-3", FOLD)]


def test_the_server_says_how_far_it_is(
    old: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "FOLD_INCIDENTS", 2)
    monkeypatch.setattr(refolding, "TELL_EVERY", timedelta(0))
    with caplog.at_level(logging.INFO, logger="tocsin"):
        asyncio.run(refolding.fold_anew_all(old))
        asyncio.run(refolding.fold_anew_all(old))
    assert [one.getMessage() for one in caplog.records] == [
        "2 incidents are folded anew; it goes on after INC-2.",
        "3 incidents are folded anew; it goes on after INC-3.",
        "3 incidents were folded anew, since this version folds otherwise. That is all.",
    ]


def test_an_empty_database_has_nothing_to_fold(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="tocsin"):
        asyncio.run(refolding.fold_anew_all(store))
    assert caplog.records == []
    assert store.read_now(folding.is_done)
