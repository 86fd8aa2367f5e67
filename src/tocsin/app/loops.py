"""What runs beside the requests: the engine's wheels, and the small jobs that keep a server well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from tocsin.app.audits import AUDIT_SECONDS, Audits
from tocsin.app.clock import clock
from tocsin.app.refolding import fold_anew_all
from tocsin.app.wiring import Server
from tocsin.store import subjects
from tocsin.store.errors import StoreError
from tocsin.store.retention import Keep, prune
from tocsin.store.store import Store
from tocsin.store.writer import Lane

log = logging.getLogger("tocsin")

FOLLOW_SECONDS = 1.0
HEALTH_SECONDS = 1.0
STOP_SECONDS = 5.0
HOUSEKEEPING_SECONDS = 600.0


@asynccontextmanager
async def background(server: Server, store: Store, *, engine: bool) -> AsyncIterator[None]:
    """Run the loops while the body runs; then let the wheels end their turns, and stop the rest."""
    await server.health.look_back()
    await server.health.measure()
    wheels = [asyncio.ensure_future(wheel.run()) for wheel in server.wheels.values() if engine]
    jobs = [
        _every(HEALTH_SECONDS, server.health.measure),
        _every(HOUSEKEEPING_SECONDS, partial(_housekeeping, store, Keep(days=server.keep_days))),
    ]
    if engine:
        audits = Audits(store, server.services.context, server.health)
        # Not at once: what fell due while the server was down is late until the wheels have turned.
        jobs.append(fold_anew_all(store))
        jobs.append(_every(AUDIT_SECONDS, audits.make_round, first_after=AUDIT_SECONDS))
    if not store.sqlite:
        jobs.append(_follow(server, store))
    others = [asyncio.ensure_future(job) for job in jobs]
    try:
        yield
    finally:
        for wheel in server.wheels.values():
            wheel.stop()
        # A turn cut short would leave messages leased, and the next start would send them as repeats.
        if wheels:
            await asyncio.wait(wheels, timeout=STOP_SECONDS)
        for task in (*wheels, *others):
            task.cancel()
        await asyncio.gather(*wheels, *others, return_exceptions=True)


async def _every(seconds: float, job: Callable[[], Awaitable[None]], first_after: float = 0.0) -> None:
    await asyncio.sleep(first_after)
    while True:
        try:
            await job()
        except Exception:
            log.exception("%s failed; it is tried again in %s seconds", job, seconds)
        await asyncio.sleep(seconds)


async def _housekeeping(store: Store, keep: Keep) -> None:
    """Remove what need not be kept, a little at a time, behind everything else."""
    more = True
    while more:
        pruned = await store.write(partial(prune, now=clock(), keep=keep), Lane.HOUSEKEEPING)
        more = pruned.more


async def _follow(server: Server, store: Store) -> None:
    """Hear of incidents that other nodes changed, so that live pages here show them too."""
    since = clock()
    seen: dict[str, int] = {}
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        try:
            changed = await store.read(partial(subjects.changed_since, since=since, limit=500))
        except StoreError as trouble:
            log.error("Other nodes' changes cannot be followed: %s", trouble)
            continue
        for incident, version, at in changed:
            # Other nodes' clocks may be behind by what `clock` allows, so look a little further back.
            since = max(since, at - timedelta(seconds=5))
            if seen.get(incident) != version:
                seen[incident] = version
                server.services.changes.tell_of(incident, version)
        if len(seen) > 10_000:
            seen.clear()
