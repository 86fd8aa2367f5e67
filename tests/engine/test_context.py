"""The context is shared by the writer's threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.support.world import PLAN
from tocsin.engine.context import Context
from tocsin.plan.read import version_of
from tocsin.store import plans
from tocsin.store.database import sqlite_url
from tocsin.store.migrate import migrate
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def test_a_thread_never_finds_half_of_what_another_is_just_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(sqlite_url(tmp_path / "tocsin.db"))
    migrate(store.writing)
    files = {"plan.yaml": PLAN}
    store.write_now(lambda tx: plans.keep(tx, version_of(files), files, NOW))
    context = Context("node-1", frozenset({"email"}), "{}".format, "{}".format)

    first_is_reading, second_is_done = threading.Event(), threading.Event()
    current = plans.current

    def slow(tx: Connection) -> tuple[str, dict[str, str]] | None:
        if not first_is_reading.is_set():
            first_is_reading.set()
            second_is_done.wait(10)
        return current(tx)

    monkeypatch.setattr(plans, "current", slow)

    def ask() -> str:
        return store.read_now(lambda tx: context.current_policy(tx, NOW).name)

    with ThreadPoolExecutor(1) as first:
        asked = first.submit(ask)
        assert first_is_reading.wait(10)
        try:
            assert ask() == "Harbour Lane"
        finally:
            second_is_done.set()
        assert asked.result(10) == "Harbour Lane"
    store.close()
