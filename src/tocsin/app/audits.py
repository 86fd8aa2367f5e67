"""The auditor's rounds: one node makes them, once a minute, and says aloud what is not as it should be."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from tocsin.app.clock import clock
from tocsin.app.health import Health
from tocsin.engine.auditor import Finding, Mark, audit
from tocsin.engine.context import Context
from tocsin.store import leases
from tocsin.store.store import Store
from tocsin.store.writer import Lane

log = logging.getLogger("tocsin.auditor")

AUDIT_SECONDS = 60.0
LOOK_BACK = timedelta(days=1)
"""How far back the first round of a server goes."""


class Audits:
    """Makes rounds. What the last whole round found stands in `health`, until a round finds it mended."""

    def __init__(self, store: Store, context: Context, health: Health) -> None:
        self._store = store
        self._context = context
        self._health = health
        self._mark = Mark(clock() - LOOK_BACK)
        self._findings: dict[str, tuple[Finding, ...]] = {}

    async def make_round(self) -> None:
        """Look at what changed and at a slice of what is open, if this node has the job."""
        hold = partial(
            leases.hold,
            name="auditor",
            node=self._context.node,
            now=clock(),
            lasts=timedelta(seconds=2 * AUDIT_SECONDS),
        )
        if not await self._store.write(hold, Lane.HOUSEKEEPING):
            self._health.findings = ()
            return
        more = True
        findings: list[Finding] = []
        while more:
            look = partial(audit, context=self._context, now=clock(), since=self._mark)
            seen = await self._store.read(look)
            self._mark, more = seen.mark, seen.more
            findings += seen.findings
        for one in findings:
            log.critical("%s %s", one.what, one.remedy, extra={"incident": one.incident})
        self._health.findings = tuple(dict.fromkeys(one.what for one in findings))
