"""Whether this node can do its work, and why not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from tocsin import limits
from tocsin.app.clock import clock, passed
from tocsin.app.jumps import TOLD_MOST, Jumps, told
from tocsin.engine.context import Context
from tocsin.settings import Settings
from tocsin.store import alerts, counters, sending, subjects
from tocsin.store.database import database_now
from tocsin.store.errors import StoreError, StoreFull
from tocsin.store.latest import REMEDY, behind, newest_time
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Lane

log = logging.getLogger("tocsin")

LATE = timedelta(seconds=60)
ANSWER_WITHIN = timedelta(seconds=limits.CLOCK_SKEW_SECONDS)
UNREACHABLE_SECONDS = 5.0
"""How long the database may take over one figure: one that hangs must not leave whoever asks waiting."""

ALARM_EVERY = timedelta(seconds=10)

UNREACHABLE = "The database does not answer; the server's log says why."
REFUSING = "Nothing can be stored: events are refused and nobody is paged; the server's log says why."


class Health:
    """Collects what is wrong now. `skewed` is read by the loops before they lease anything."""

    def __init__(self, store: Store, context: Context, settings: Settings) -> None:
        self._store = store
        self._context = context
        self._settings = settings
        self.skew_seconds = 0.0
        self.unreachable = ""
        self.refusing = ""
        self.findings: tuple[str, ...] = ()
        self.unaudited = False
        self._alarmed_at: datetime | None = None
        self._jumps = Jumps()
        self._set_back = False
        self._newest_at_start: datetime | None = None
        self._told_until: datetime | None = None

    @property
    def skewed(self) -> bool:
        """Whether this node's clock is too far from the database's to decide by."""
        return abs(self.skew_seconds) > limits.CLOCK_SKEW_SECONDS

    async def look_back(self) -> None:
        """At the start: whether the clock was set back while no server ran. Told for a day, if not mended."""
        self._newest_at_start = await self._store.read(newest_time)
        self._told_until = clock() + TOLD_MOST
        if said := self._behind():
            log.critical("%s %s", said, REMEDY)

    def _behind(self) -> str:
        now = clock()
        matters = self._told_until is not None and now < self._told_until
        return behind(self._newest_at_start, now) if matters else ""

    async def measure(self) -> None:
        """Look at the clock and at the store. Called by a loop, once a second or so."""
        self._look_for_jumps()
        try:
            asked = clock()
            async with asyncio.timeout(UNREACHABLE_SECONDS):
                theirs = await self._store.read(database_now)
            answered = clock()
            # After a longer wait, as after a pause of this machine, nobody knows which moment it tells of.
            if answered - asked < ANSWER_WITHIN:
                ours = (asked.timestamp() + answered.timestamp()) / 2
                self.skew_seconds = 0.0 if theirs is None else ours - theirs
            if self._set_back and not self.skewed:
                # Where the database's clock shows that this node's is wrong, no time is judged by it.
                await self._store.write(partial(sending.go_by, now=clock()))
                self._set_back = False
            self.unreachable = ""
            self._context.meters.skew.set(self.skew_seconds)
        except StoreError as trouble:
            self.unreachable = str(trouble)
        except TimeoutError:
            self.unreachable = f"It did not answer within {UNREACHABLE_SECONDS:g} seconds."
            log.critical("The database is silent, so nobody is paged: %s", self.unreachable)
        await self._look_for_room()
        if self.skewed:
            log.critical(
                "This node's clock is %.1f seconds off the database's: it pages nobody until that is mended.",
                self.skew_seconds,
            )

    def _look_for_jumps(self) -> None:
        """A database elsewhere would show it as skew; beside SQLite there is no other clock to ask."""
        before, now, after = passed(), clock(), passed()
        # Stopped between the two, this process would take its own pause for a jump.
        if after - before < ANSWER_WITHIN and (jump := self._jumps.look(now, after)):
            log.critical("%s", told(jump))
            self._set_back = self._set_back or jump < timedelta()

    async def _look_for_room(self) -> None:
        """Try to write once something could not be stored, until it works; meanwhile be loud.

        One event that the database will not have is no reason for alarm, a full disk is, though small writes
        may still find room on it.
        """
        trouble = self._store.trouble
        if trouble is None:
            return
        self._store.trouble = None
        before = self.refusing
        self.refusing = str(trouble) if isinstance(trouble, StoreFull) else ""
        try:
            await self._store.write(partial(counters.next_number, name="write checks"), Lane.HOUSEKEEPING)
        except StoreError as still:
            self.refusing = str(still)
        now = clock()
        if self.refusing and (self._alarmed_at is None or now >= self._alarmed_at + ALARM_EVERY):
            self._alarmed_at = now
            log.critical(
                "Nothing can be stored, so events are refused and nobody is paged: %s"
                " It is tried again every second.",
                self.refusing,
            )
        if self._store.trouble is None:
            self.refusing = ""
            if before:
                log.warning("Events are stored again.")

    async def troubles(self) -> Mapping[str, str]:
        """What is wrong, by name; empty when all is well. `store` and `clock` keep the node from its work.

        Anybody may ask, so the database's own words, and whom the auditor names, are left to the log.
        """
        found: dict[str, str] = {}
        if self.unreachable:
            found["store"] = UNREACHABLE
        elif self.refusing:
            found["store"] = REFUSING
        if self.skewed:
            found["clock"] = f"This node's clock is {self.skew_seconds:.1f} seconds off the database's."

        if self._jumps.jumped:
            found["jump"] = told(self._jumps.jumped)
        elif said := self._behind():
            found["jump"] = said

        def late(tx: Transaction) -> Iterator[str]:
            if overdue := subjects.overdue(tx, clock(), LATE):
                yield f"{overdue} incidents are overdue by more than a minute."
            if unseen := alerts.unseen(tx, clock() - LATE):
                yield f"{unseen} alerts have waited for more than a minute, and nobody is paged for them yet."

        try:
            async with asyncio.timeout(UNREACHABLE_SECONDS):
                words = " ".join(await self._store.read(lambda tx: list(late(tx))))
        except (StoreError, TimeoutError):
            found["store"] = UNREACHABLE
        else:
            if words:
                found["engine"] = words
        if self.unaudited:
            found["auditor"] = "The last round failed, so nobody looks after the engine; the log says why."
        elif self.findings:
            found["auditor"] = f"{len(self.findings)} things are not as they should be; the log says which."
        return found
