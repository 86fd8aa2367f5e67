"""The auditor's rounds: one node makes them, once a minute, and says aloud what is not as it should be."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from tocsin import limits
from tocsin.app.clock import clock
from tocsin.app.health import LATE, Health
from tocsin.core.model import SubjectId
from tocsin.engine.auditor import Audit, Finding, Mark, audit
from tocsin.engine.context import Context
from tocsin.store import alerts, leases
from tocsin.store.store import Store
from tocsin.store.writer import Job, Lane

log = logging.getLogger("tocsin.auditor")

AUDIT_SECONDS = 60.0
UNSEEN = (
    "%d alerts have waited for more than a minute, and nobody is paged for them."
    " Call whoever is needed by hand, then look into the server's log."
)
LOOK_BACK = timedelta(days=1)
"""How far back the first round of a server goes."""


class Audits:
    """Makes rounds. What the last whole round found stands in `health`, until a round finds it mended."""

    def __init__(self, store: Store, context: Context, health: Health) -> None:
        self._store = store
        self._context = context
        self._health = health
        self._mark = Mark(clock() - LOOK_BACK)
        self._findings: dict[SubjectId, tuple[Finding, ...]] = {}

    async def make_round(self) -> None:
        """Look at what waits, at what changed and at a slice of what is open, if this node has the job.

        `health` knows of a round that failed until one succeeds.
        """
        failed = True
        try:
            await self._round()
            failed = False
        finally:
            self._health.unaudited = failed

    async def _round(self) -> None:
        if not await self._store.write(self._hold(), Lane.HOUSEKEEPING):
            self._findings = {}
        else:
            await self._look_for_unseen()
            more = True
            while more:
                look = partial(audit, context=self._context, now=clock(), since=self._mark)
                seen = await self._store.read(look)
                self._mark, more = seen.mark, seen.more
                self._take(seen)
        self._health.findings = tuple(one.what for some in self._findings.values() for one in some)

    async def _look_for_unseen(self) -> None:
        """Alerts belong to no incident before triage has seen them, so no incident tells of them."""
        unseen = await self._store.read(partial(alerts.unseen, before=clock() - LATE))
        if unseen:
            log.critical(UNSEEN, unseen)

    def _hold(self) -> Job[bool]:
        now, lasts = clock(), timedelta(seconds=limits.AUDITOR_LEASE_SECONDS)
        return partial(leases.hold, name=leases.AUDITOR, node=self._context.node, now=now, lasts=lasts)

    def _take(self, seen: Audit) -> None:
        """A finding stands until its incident is looked at again; it is said aloud when it is new."""
        fresh = [one for one in seen.findings if one not in self._findings.get(one.incident, ())]
        for id in seen.looked_at:
            self._findings.pop(id, None)
        for one in seen.findings:
            self._findings[one.incident] = (*self._findings.get(one.incident, ()), one)
        for one in fresh:
            log.critical("%s %s", one.what, one.remedy, extra={"incident": one.incident})
