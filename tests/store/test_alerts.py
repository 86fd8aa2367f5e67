"""The hot path in: what becomes of an alert, in whatever order and batches its signals come."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import pytest
from sqlalchemy import Connection, select, text

from tests.store.conftest import NewDatabase
from tocsin.core.model import AlertAction, AlertSeverity, Signal
from tocsin.engine.intake import rounds
from tocsin.store import alerts
from tocsin.store.alerts import Received
from tocsin.store.errors import StoreFull
from tocsin.store.schema import alerts as alerts_table
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)

MEANS = {
    "T": (AlertAction.TRIGGER, AlertSeverity.CRITICAL),
    "w": (AlertAction.TRIGGER, AlertSeverity.WARNING),
    "A": (AlertAction.ACKNOWLEDGE, AlertSeverity.CRITICAL),
    "R": (AlertAction.RESOLVE, AlertSeverity.CRITICAL),
}
"""T: a critical trigger, w: a warning, A: acknowledge, R: resolve."""


def received(letter: str, key: str, integration: str = "prometheus", minute: int = 0) -> Received:
    action, severity = MEANS[letter]
    signal = Signal(action, key, f"{letter} {key}", severity)
    return Received(integration, signal, NOW + timedelta(minutes=minute))


def record(store: Store, some: Sequence[Received]) -> None:
    """Store signals as intake does: in one commit, in rounds."""

    def job(tx: Connection) -> None:
        for one in rounds(some):
            alerts.record(tx, one)

    store.write_now(job)


def all_rows(store: Store, integration: str) -> dict[str, list[tuple[str, str, int]]]:
    """(status, severity, count) of each life of each alert, the oldest first, by key."""
    statement = (
        select(alerts_table).where(alerts_table.c.integration == integration).order_by(alerts_table.c.id)
    )
    severities = list(AlertSeverity)
    found: dict[str, list[tuple[str, str, int]]] = {}
    for row in store.read_now(lambda tx: tx.execute(statement).all()):
        life = (row.status, severities[row.severity].value, row._mapping["count"])
        found.setdefault(row.dedup_key, []).append(life)
    return found


def rows(store: Store, key: str, integration: str = "prometheus") -> list[tuple[str, str, int]]:
    """The lives of one alert."""
    return all_rows(store, integration).get(key, [])


TABLE = [
    ("T", ["open critical 1"]),
    ("w", ["open warning 1"]),
    ("TTT", ["open critical 3"]),
    ("wT", ["open critical 2"]),
    ("Tw", ["open critical 2"]),
    ("TA", ["acknowledged critical 1"]),
    ("TAA", ["acknowledged critical 1"]),
    ("TAT", ["acknowledged critical 2"]),
    ("TR", ["resolved critical 1"]),
    ("TRR", ["resolved critical 1"]),
    ("TAR", ["resolved critical 1"]),
    ("TRA", ["resolved critical 1"]),
    ("TRT", ["resolved critical 1", "open critical 1"]),
    ("TRTR", ["resolved critical 1", "resolved critical 1"]),
    ("TRwTA", ["resolved critical 1", "acknowledged critical 2"]),
    ("R", []),
    ("A", []),
    ("RT", ["open critical 1"]),
    ("AT", ["open critical 1"]),
]


@pytest.mark.parametrize(("signals", "wanted"), TABLE, ids=[row[0] for row in TABLE])
def test_signals_of_one_request_end_as_their_order_says(
    shared: Store, signals: str, wanted: list[str]
) -> None:
    record(shared, [received(letter, signals) for letter in signals])
    assert [" ".join(map(str, row)) for row in rows(shared, signals)] == wanted


def test_a_batch_ends_as_the_same_signals_one_by_one(shared: Store) -> None:
    sequences = ["".join(letters) for length in range(1, 5) for letters in product(MEANS, repeat=length)]
    batch = [received(letter, key, "batch", minute) for key in sequences for minute, letter in enumerate(key)]
    record(shared, batch)
    for minute in range(4):
        turn = [received(key[minute], key, "single", minute) for key in sequences if len(key) > minute]
        record(shared, turn)
    assert all_rows(shared, "batch") == all_rows(shared, "single")


def test_every_integration_has_its_own_keys(store: Store) -> None:
    record(store, [received("T", "db", "prometheus"), received("T", "db", "uptime")])
    record(store, [received("R", "db", "uptime")])
    assert rows(store, "db", "prometheus") == [("open", "critical", 1)]
    assert rows(store, "db", "uptime") == [("resolved", "critical", 1)]


def test_nothing_of_what_a_source_sent_is_changed(store: Store) -> None:
    signal = Signal(
        AlertAction.TRIGGER,
        'k\'ey "%s" ?',
        "snowman ☃ and 𝄞",
        AlertSeverity.ERROR,
        at=NOW,
        links=("https://example.com/a?b=%25",),
        details={"nested": {"list": [1, None, True, "x"]}},
    )
    record(store, [Received("prometheus", signal, NOW)])
    ((id, _, _),) = store.read_now(lambda tx: alerts.dirty(tx, 10))
    (alert,) = store.write_now(partial(alerts.claim, ids=[id]))
    assert alert.signal() == signal


def seen(store: Store, integration: str = "prometheus") -> list[str]:
    """Triage takes everything that waits, and marks it; returns what it saw as "status severity"."""

    def job(tx: Connection) -> list[str]:
        claimed = alerts.claim(tx, [id for id, _, _ in alerts.dirty(tx, 1_000)])
        alerts.mark(tx, [(one.id, one.status, "INC-1", "") for one in claimed])
        return [f"{one.status} {one.severity}" for one in claimed if one.integration == integration]

    return store.write_now(job)


TRIAGED = [
    ("T", "T", []),
    ("T", "w", []),
    ("w", "T", ["open critical"]),
    ("T", "A", ["acknowledged critical"]),
    ("TA", "A", []),
    ("T", "R", ["resolved critical"]),
    ("TR", "R", []),
    ("TR", "T", ["open critical"]),
    ("TA", "T", []),
]


@pytest.mark.parametrize(
    ("before", "after", "wanted"), TRIAGED, ids=[f"{row[0]}-{row[1]}" for row in TRIAGED]
)
def test_triage_looks_again_only_at_what_is_news(
    shared: Store, before: str, after: str, wanted: list[str]
) -> None:
    integration = f"{before} then {after}"
    record(shared, [received(letter, "db", integration) for letter in before])
    seen(shared)
    record(shared, [received(letter, "db", integration) for letter in after])
    assert seen(shared, integration) == wanted


def test_triage_takes_the_worst_first_then_the_oldest(store: Store) -> None:
    record(store, [received("w", "old warning"), received("w", "warning")])
    record(store, [received("T", "critical"), received("T", "newer critical")])
    order = [id for id, _, _ in store.read_now(lambda tx: alerts.dirty(tx, 3))]
    claimed = store.write_now(partial(alerts.claim, ids=order))
    by_id = {one.id: one.dedup_key for one in claimed}
    assert [by_id[id] for id in order] == ["critical", "newer critical", "old warning"]


def test_closing_an_incident_closes_its_alerts_only(store: Store) -> None:
    record(store, [received("T", "db")])
    seen(store)
    record(store, [received("T", "other")])
    store.write_now(partial(alerts.close_all, incident="INC-1"))
    assert rows(store, "db") == [("resolved", "critical", 1)]
    assert rows(store, "other") == [("open", "critical", 1)]
    assert store.read_now(alerts.waiting) == 1


def test_a_full_disk_is_known_as_such_on_the_hot_path(new_database: NewDatabase) -> None:
    store = Store(new_database("sqlite"))
    with store.writing.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreFull):
        record(store, [received("T", f"key {number}") for number in range(500)])
    assert store.read_now(alerts.waiting) == 0
    store.close()


def test_nodes_that_hear_of_the_same_alerts_in_different_order_lose_none(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    keys = [f"key {number}" for number in range(100)]
    orders = [keys, keys[::-1]]

    def storm(order: list[str]) -> None:
        node = Store(url)
        for _ in range(10):
            record(node, [received("T", key) for key in order])
        node.close()

    with ThreadPoolExecutor(2) as nodes:
        list(nodes.map(storm, orders))
    reader = Store(url)
    assert {tuple(rows(reader, key)) for key in keys} == {(("open", "critical", 20),)}
    reader.close()
