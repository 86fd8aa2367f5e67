"""Subjects: events and snapshot go together, by compare-and-set, and what is due is found and held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection

from tests.store.conftest import NewDatabase
from tocsin.core.incident import Incident, events, fold, fold_all
from tocsin.core.incident.events import Recorded
from tocsin.core.model import SYSTEM, Actor, ActorKind, LevelId, PersonId, ServiceId, SubjectId
from tocsin.store import subjects
from tocsin.store.errors import Conflict, StoreError
from tocsin.store.store import Store
from tocsin.store.subjects import Stored

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ANA = Actor(ActorKind.PERSON, PersonId("ana"))


def opened(incident: str) -> Recorded:
    id = SubjectId(incident)
    event = events.Opened(id, ServiceId("checkout"), "it is down", LevelId("P1"), "the plan says so", "v1")
    return Recorded(NOW, SYSTEM, event)


ACKNOWLEDGED = Recorded(NOW + timedelta(minutes=1), ANA, events.Acknowledged(ANA, "link"))
RESOLVED = Recorded(NOW + timedelta(minutes=2), ANA, events.Resolved(ANA, "fixed"))


def save(
    store: Store,
    before: Stored | None,
    *recorded: Recorded,
    due_at: datetime | None = None,
    priority: int = 0,
    open_key: str | None = None,
) -> Stored:
    """Fold and save; returns the subject as it stands then."""
    state = before.state if before else None
    for one in recorded:
        state = fold(state, one)
    assert state is not None
    folded: Incident = state

    def job(tx: Connection) -> int:
        return subjects.save(
            tx,
            before,
            folded,
            recorded,
            now=NOW,
            due_at=due_at,
            priority=priority,
            urgent=True,
            asks_failing=False,
            open_key=open_key,
        )

    return Stored(store.write_now(job), folded)


def load(store: Store, incident: str = "INC-1") -> Stored | None:
    return store.read_now(partial(subjects.load_incident, incident=incident))


def test_the_snapshot_is_what_its_events_fold_to(store: Store) -> None:
    first = save(store, None, opened("INC-1"), open_key="checkout")
    save(store, first, ACKNOWLEDGED, RESOLVED)
    stored = load(store)
    history = store.read_now(partial(subjects.history_of, incident="INC-1"))
    assert history == [opened("INC-1"), ACKNOWLEDGED, RESOLVED]
    assert stored == Stored(3, fold_all(history) or first.state)


def test_an_older_version_cannot_be_saved_over_a_newer(store: Store) -> None:
    first = save(store, None, opened("INC-1"))
    save(store, first, ACKNOWLEDGED)
    with pytest.raises(Conflict, match=r"^INC-1 was changed by somebody else$"):
        save(store, first, RESOLVED)
    stored = load(store)
    assert stored is not None
    assert (stored.version, stored.state.status) == (2, "acknowledged")
    assert store.read_now(partial(subjects.history_of, incident="INC-1")) == [opened("INC-1"), ACKNOWLEDGED]


def test_only_one_incident_can_be_open_under_a_key(store: Store) -> None:
    first = save(store, None, opened("INC-1"), open_key="checkout")
    with pytest.raises(StoreError):
        save(store, None, opened("INC-2"), open_key="checkout")
    assert load(store, "INC-2") is None
    save(store, first, RESOLVED)
    save(store, None, opened("INC-3"), open_key="checkout")
    found = store.read_now(partial(subjects.open_incident, open_key="checkout"))
    assert found is not None
    assert found.state.id == "INC-3"


def test_an_acknowledged_incident_still_holds_its_key(store: Store) -> None:
    save(store, save(store, None, opened("INC-1"), open_key="checkout"), ACKNOWLEDGED)
    assert store.read_now(partial(subjects.open_incident, open_key="checkout")) == load(store)


def test_a_subject_that_is_not_there_is_none(store: Store) -> None:
    assert load(store, "INC-9") is None
    assert store.read_now(partial(subjects.history_of, incident="INC-9")) == []


def test_what_is_due_comes_the_worst_level_first_then_the_longest_overdue(store: Store) -> None:
    for name, priority, minutes in [("a", 1, 0), ("b", 0, 2), ("c", 0, 1), ("later", 0, 30)]:
        due_at = NOW + timedelta(minutes=minutes)
        save(store, None, opened(name), due_at=due_at, priority=priority)
    save(store, None, opened("never"))
    at = NOW + timedelta(minutes=5)
    assert store.read_now(partial(subjects.due, now=at, limit=10)) == ["c", "b", "a"]
    assert store.read_now(partial(subjects.due, now=at, limit=1)) == ["c"]
    assert store.read_now(subjects.next_due_at) == NOW
    assert store.read_now(partial(subjects.overdue, now=at, by=timedelta(minutes=3, seconds=30))) == 2


def test_what_is_not_due_yet_cannot_be_claimed(store: Store) -> None:
    save(store, None, opened("INC-1"), due_at=NOW)
    early = NOW - timedelta(microseconds=1)
    assert store.write_now(partial(subjects.claim_due, incident="INC-1", now=early)) is None
    assert store.write_now(partial(subjects.claim_due, incident="INC-1", now=NOW)) == load(store)


def test_a_node_passes_over_what_another_is_just_waking(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    first, second = Store(url), Store(url)
    save(first, None, opened("INC-1"), due_at=NOW)
    claim = partial(subjects.claim_due, incident="INC-1", now=NOW)

    def job(tx: Connection) -> tuple[bool, bool]:
        return claim(tx) is not None, second.write_now(claim) is not None

    assert first.write_now(job) == (True, False)
    first.close()
    second.close()


def test_a_subject_set_aside_says_why_until_it_is_saved_again(store: Store) -> None:
    first = save(store, None, opened("INC-1"), due_at=NOW)
    until = NOW + timedelta(hours=1)
    store.write_now(partial(subjects.set_aside, incident="INC-1", why="KeyError: 'P9'", until=until))
    assert store.read_now(partial(subjects.due, now=NOW, limit=10)) == []
    stored = load(store)
    assert stored is not None
    assert (stored.quarantined, stored.version) == ("KeyError: 'P9'", 1)
    save(store, first, ACKNOWLEDGED)
    stored = load(store)
    assert stored is not None
    assert stored.quarantined == ""


@pytest.fixture
def three(store: Store) -> Store:
    """A resolved incident, and two open ones of which the newer is worse."""
    save(store, save(store, None, opened("over"), open_key="a"), RESOLVED)
    save(store, None, opened("minor"), priority=2, open_key="b")
    save(store, None, opened("major"), priority=0, open_key="c")
    return store


def test_the_list_of_open_incidents_has_the_worst_first(three: Store) -> None:
    listed = three.read_now(partial(subjects.listing, open_only=True, limit=10))
    assert [one.state.id for one in listed] == ["major", "minor"]


def test_the_whole_list_has_everything(three: Store) -> None:
    listed = three.read_now(partial(subjects.listing, open_only=False, limit=10))
    assert sorted(one.state.id for one in listed) == ["major", "minor", "over"]
