"""What a server says of itself to anybody who asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from tests.support.world import World
from tocsin.app.audits import Audits
from tocsin.app.health import Health
from tocsin.settings import read_settings
from tocsin.store.database import sqlite_url


def test_what_the_auditor_finds_fails_readyz_and_tells_strangers_no_names(tmp_path: Path) -> None:
    world = World(sqlite_url(tmp_path / "tocsin.db"))
    world.alert("prometheus", "checkout is down")
    world.expected = len(world.sent)
    world.store.write_now(lambda tx: tx.execute(text("DELETE FROM outbox")))
    world.store.write_now(lambda tx: tx.execute(text("DELETE FROM deliveries")))
    health = Health(world.store, world.engine.context, read_settings({}, {}))
    audits = Audits(world.store, world.engine.context, health)

    async def look() -> dict[str, str]:
        await audits.make_round()
        return dict(await health.troubles())

    said = asyncio.run(look())["auditor"]
    assert health.findings
    assert not any(word in said for word in ("ana", "email", world.incident().id))
    world.close()
