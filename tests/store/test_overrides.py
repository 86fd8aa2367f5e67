"""Stand-ins as the store keeps them, and the secret addresses of feeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Override
from tocsin.store import feeds, overrides
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FOREVER = timedelta(days=400)


def arranged(store: Store, since: datetime, until: datetime, replaces: str | None = None) -> Override:
    instead = PersonId(replaces) if replaces else None
    wanted = Override(0, RotaId("primary"), PersonId("ben"), since, until, instead, "ana", "dentist")
    return store.write_now(partial(overrides.add, override=wanted, now=NOW))


def test_an_override_comes_back_as_it_was_stored(store: Store) -> None:
    made = arranged(store, NOW, NOW + DAY, "ana")
    assert made.id > 0
    assert store.read_now(partial(overrides.standing, now=NOW)) == (made,)
    assert arranged(store, NOW, NOW + DAY).replaces is None


def test_only_what_counts_now_or_will_is_standing(store: Store) -> None:
    arranged(store, NOW - DAY, NOW)
    now, later = arranged(store, NOW - DAY, NOW + DAY), arranged(store, NOW + DAY, NOW + 2 * DAY)
    assert store.read_now(partial(overrides.standing, now=NOW)) == (now, later)
    assert store.read_now(partial(overrides.count, now=NOW)) == 2
    assert store.read_now(partial(overrides.count, now=NOW + DAY)) == 1


def test_what_is_arranged_is_listed_by_its_beginning(store: Store) -> None:
    later, now = arranged(store, NOW + DAY, NOW + 2 * DAY), arranged(store, NOW - DAY, NOW + DAY)
    arranged(store, NOW - DAY, NOW)
    gone = arranged(store, NOW, NOW + DAY)
    store.write_now(partial(overrides.remove, id=gone.id, by="chloe", now=NOW))
    assert [one.override for one in store.read_now(partial(overrides.arranged, now=NOW))] == [now, later]


def test_the_address_of_a_calendar_ends(store: Store) -> None:
    store.write_now(partial(feeds.renew, secret="x", rota="", person="ana", by="ana", now=NOW))
    assert store.read_now(partial(feeds.made_at, rota="", person="ana")) == NOW
    end = partial(feeds.remove, rota="", person="ana")
    assert [store.write_now(end), store.write_now(end)] == [True, False]
    assert store.read_now(partial(feeds.find, secret="x")) is None
    assert store.read_now(partial(feeds.made_at, rota="", person="ana")) is None


def test_an_override_is_taken_back_once_and_counted_until_then(store: Store) -> None:
    made = arranged(store, NOW, NOW + DAY)
    remove = partial(overrides.remove, id=made.id, by="chloe", now=NOW + DAY / 2)
    assert [store.write_now(remove), store.write_now(remove)] == [True, False]
    assert store.read_now(partial(overrides.standing, now=NOW + DAY / 2)) == ()
    (counted,) = store.read_now(partial(overrides.between, since=NOW, until=NOW + DAY))
    assert (counted.since, counted.until) == (NOW, NOW + DAY / 2)
    assert store.read_now(partial(overrides.between, since=NOW + DAY / 2, until=NOW + DAY)) == ()
    (record,) = store.read_now(partial(overrides.newest, limit=10))
    assert (record.removed_by, record.removed_at, record.made_at) == ("chloe", NOW + DAY / 2, NOW)


def test_what_is_taken_back_before_it_begins_never_counts(store: Store) -> None:
    made = arranged(store, NOW + DAY, NOW + 2 * DAY)
    assert store.write_now(partial(overrides.remove, id=made.id, by="chloe", now=NOW))
    assert store.read_now(partial(overrides.between, since=NOW, until=NOW + FOREVER)) == ()


def test_what_is_over_is_not_taken_back(store: Store) -> None:
    made = arranged(store, NOW - DAY, NOW)
    assert not store.write_now(partial(overrides.remove, id=made.id, by="chloe", now=NOW))


def test_a_new_feed_ends_the_one_before_it_and_no_other(store: Store) -> None:
    def renew(secret: str, rota: str, person: str) -> None:
        store.write_now(lambda tx: feeds.renew(tx, secret, rota, person, "ana", NOW))

    renew("first", "primary", "")
    renew("other", "secondary", "")
    renew("mine", "", "ana")
    renew("second", "primary", "")
    found = [store.read_now(partial(feeds.find, secret=one)) for one in ("first", "second", "other", "mine")]
    assert found == [None, ("primary", ""), ("secondary", ""), ("", "ana")]
