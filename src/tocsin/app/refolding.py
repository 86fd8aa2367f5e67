"""After an upgrade that folds events otherwise: every snapshot is made anew, behind all other work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from tocsin.app.clock import passed
from tocsin.store import folding
from tocsin.store.errors import StoreError
from tocsin.store.store import Store
from tocsin.store.writer import Lane

T = TypeVar("T")

log = logging.getLogger("tocsin")

TELL_EVERY = timedelta(seconds=10)
TRY_AGAIN_SECONDS = 60.0


async def _kept_at(ask: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await ask()
        except StoreError as trouble:
            log.error("Incidents cannot be folded anew now, it is tried again in a minute: %s", trouble)
            await asyncio.sleep(TRY_AGAIN_SECONDS)


async def fold_anew_all(store: Store) -> None:
    """Fold what an earlier version folded, and say how far it is; the server does its work meanwhile.

    It takes half of the time at most. When the store fails it goes on later from where it was.
    """
    after, folded, told_at = "", 0, passed()
    more = not await _kept_at(partial(store.read, folding.is_done))
    while more:
        began = passed()
        job = partial(store.write, partial(folding.fold_anew, after=after), Lane.HOUSEKEEPING)
        part = await _kept_at(job)
        after, more, folded = part.after, part.more, folded + part.folded
        for id in part.unreadable:
            log.error("%s cannot be folded anew: its events cannot be read. The auditor tells more.", id)
        if more and passed() - told_at > TELL_EVERY:
            told_at = passed()
            log.info("%d incidents are folded anew; it goes on after %s.", folded, after)
        await asyncio.sleep((passed() - began).total_seconds())
    if folded:
        log.info("%d incidents were folded anew, since this version folds otherwise. That is all.", folded)
