"""The door for signals, where it meets a store that fails."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin.core.model import AlertAction, Signal
from tocsin.engine.intake import Intake
from tocsin.store.alerts import Received
from tocsin.store.database import sqlite_url
from tocsin.store.errors import StoreError
from tocsin.store.migrate import migrate
from tocsin.store.store import Store


async def test_only_what_was_stored_wakes_triage(tmp_path: Path) -> None:
    """A database in trouble is not asked again with every event that it refuses."""
    store = Store(sqlite_url(tmp_path / "tocsin.db"))
    woken: list[str] = []
    intake = Intake(store, lambda: woken.append("woken"))
    received = Received("prometheus", Signal(AlertAction.TRIGGER, "1", "down"), datetime.now(UTC))
    with pytest.raises(StoreError, match="no such table"):
        await intake.accept([received])
    assert woken == []
    migrate(store.writing)
    await intake.accept([received])
    assert woken == ["woken"]
    store.close()
