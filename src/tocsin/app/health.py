"""Whether this node can do its work, and why not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from tocsin import limits
from tocsin.app.clock import clock
from tocsin.engine.context import Context
from tocsin.settings import Settings
from tocsin.store import subjects
from tocsin.store.database import database_now
from tocsin.store.errors import StoreError
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction

log = logging.getLogger("tocsin")

LATE = timedelta(seconds=60)
FINDINGS_SHOWN = 3


class Health:
    """Collects what is wrong now. `skewed` is read by the loops before they lease anything."""

    def __init__(self, store: Store, context: Context, settings: Settings) -> None:
        self._store = store
        self._context = context
        self._settings = settings
        self.skew_seconds = 0.0
        self.store_trouble = ""
        self.findings: tuple[str, ...] = ()

    @property
    def skewed(self) -> bool:
        """Whether this node's clock is too far from the database's to decide by."""
        return abs(self.skew_seconds) > limits.CLOCK_SKEW_SECONDS

    async def measure(self) -> None:
        """Look at the clock and at the store. Called by a loop, once a second or so."""
        try:
            before = clock().timestamp()
            theirs = await self._store.read(database_now)
            self.skew_seconds = 0.0 if theirs is None else (before + clock().timestamp()) / 2 - theirs
            self.store_trouble = ""
            self._context.meters.skew.set(self.skew_seconds)
        except StoreError as trouble:
            self.store_trouble = str(trouble)
        if self.skewed:
            log.critical(
                "This node's clock is %.1f seconds off the database's: it pages nobody until that is mended.",
                self.skew_seconds,
            )

    async def troubles(self) -> Mapping[str, str]:
        """What keeps the node from being ready, by name; empty when all is well."""
        found: dict[str, str] = {}
        if self.store_trouble:
            found["store"] = self.store_trouble
        if self.skewed:
            found["clock"] = f"This node's clock is {self.skew_seconds:.1f} seconds off the database's."

        def late(tx: Transaction) -> int:
            return subjects.overdue(tx, clock(), LATE)

        try:
            overdue = await self._store.read(late)
        except StoreError as trouble:
            found["store"] = str(trouble)
        else:
            if overdue:
                found["engine"] = f"{overdue} incidents are overdue by more than a minute."
        if self.findings:
            found["auditor"] = " ".join(self.findings[:FINDINGS_SHOWN])
        return found
