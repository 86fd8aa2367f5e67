"""Whatever runs again and again finds its rows by an index, however much is stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from tests.store.conftest import NewDatabase
from tocsin.core.model import PersonId, SubjectId
from tocsin.store import alerts, audit, ledger, outbox, sending
from tocsin.store import subjects as subjects_store
from tocsin.store.retention import Keep, prune
from tocsin.store.schema import subjects
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
LARGE = ("alerts", "deliveries", "events", "outbox", "subjects")
ENDS = ("ORDER BY {table}.id LIMIT", "ORDER BY {table}.id DESC LIMIT")
"""Only the first or the last row is read: SQLite calls that a scan too."""

SENDING = "USING INDEX outbox_leased"
"""Holds only what is on its way."""

WORK: dict[str, Callable[[Connection], object]] = {
    "prune": partial(prune, now=NOW + timedelta(days=900), keep=Keep(days=400, incident_days=400)),
    "changed": partial(audit.changed, after=(NOW, ""), until=NOW + timedelta(days=1), limit=200),
    "standing": partial(audit.standing, incident="INC-1"),
    "attempts": partial(audit.attempts, incident="INC-1"),
    "claim": partial(alerts.claim, ids=[3, 14, 15]),
    "mark": partial(alerts.mark, marked=[(3, "triggered", "INC-1", ""), (14, "triggered", "INC-1", "")]),
    "set_free": partial(alerts.set_free, ids=[3, 14, 15]),
    "all_acknowledged": partial(alerts.all_acknowledged, incident="INC-1"),
    "open_incident": partial(subjects_store.open_incident, open_key="shop"),
    "count_failing": partial(subjects_store.count_failing, besides="INC-1"),
    "miscounted": partial(subjects_store.miscounted, limit=200),
    "next_due_at": subjects_store.next_due_at,
    "claim_due": partial(subjects_store.claim_due, incident="INC-1", now=NOW),
    "history_of": partial(subjects_store.history_of, incident="INC-1"),
    "paged_last": partial(ledger.paged_last, people=[PersonId("ana"), PersonId("ben")]),
    "withdraw": partial(outbox.withdraw, incident=SubjectId("INC-1"), pages=[1, 2]),
    "next_at": sending.next_at,
    "next_at_kept": partial(sending.next_at, kept=["email"]),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
def test_no_large_table_is_walked_or_sorted(
    new_database: NewDatabase, work: Callable[[Connection], object]
) -> None:
    store = Store(new_database("sqlite"))
    row = {
        "kind": "incident",
        "id": "INC-1",
        "version": 1,
        "state": "",
        "priority": 0,
        "urgent": 1,
        "asks_failing": 1,
    }
    times = {"opened_at": NOW, "updated_at": NOW, "status": "resolved"}
    store.write_now(lambda tx: tx.execute(insert(subjects).values(row | times)).close())
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((" ".join(statement.split()), parameters))

    event.listen(store.writing, "before_cursor_execute", note)
    store.write_now(work)
    event.remove(store.writing, "before_cursor_execute", note)

    def plan(tx: Connection, statement: str, parameters: Any) -> list[str]:
        return [step[3] for step in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    walks = []
    for statement, parameters in seen:
        if statement.split()[0] in ("SELECT", "DELETE", "UPDATE"):
            for step in store.read_now(partial(plan, statement=statement, parameters=parameters)):
                table = step.removeprefix("SCAN ").split()[0]
                ends = SENDING in step or any(end.format(table=table) in statement for end in ENDS)
                # "FOR RIGHT PART OF ORDER BY" sorts only rows of one instant.
                sorts = step == "USE TEMP B-TREE FOR ORDER BY" and any(one in statement for one in LARGE)
                if sorts or (step.startswith("SCAN") and table in LARGE and not ends):
                    walks.append((step, statement))
    assert walks == []
    store.close()
