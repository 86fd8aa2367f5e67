"""List Cutter put together: guard around a store, the shelf, uploads, cuts, and what is done at the start."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from listcutter.errors import Busy
from listcutter.shelf import Shelf
from listcutter.uploads import Uploads
from listcutter.works import Works
from tocsin_guard import Guard, GuardedStore, GuardError, NotFound, ObjectStore

log = logging.getLogger("listcutter")

TIDY_RETRY_SECONDS = 30.0
LEARN_SECONDS = 20.0  # the start waits no longer for storage


class Service:
    """Made once. `guard` is started before `running` is entered, and stopped after it.

    `options` are those of guard.objects: backup, cache_bytes_max, settings, ... Not a dataclass, because
    Litestar would look into the fields of one that it hands to its routes.
    """

    def __init__(self, data: Path, guard: Guard, store: ObjectStore, **options: Any) -> None:
        self.guard = guard
        self.files: GuardedStore = guard.objects(store, **options)
        self.shelf = Shelf(self.files)
        self.uploads = Uploads(self.shelf, data / "uploads")
        self.works = Works(self.shelf, data / "cuts")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.uploads.clean()
        learned = await self._learn()
        tasks = [asyncio.create_task(self._tidy(learned)), asyncio.create_task(self.works.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _learn(self) -> bool:
        """Take up objects that guard's catalogue lacks: it is a second behind when the process is killed."""
        try:
            async with asyncio.timeout(LEARN_SECONDS):
                await self.files.adopt()
        except (GuardError, OSError, TimeoutError) as error:
            log.warning("storage could not be looked through, it is tried again: %s", error)
            return False
        return True

    async def _tidy(self, learned: bool) -> None:
        """Delete what an upload left that a crash broke off, once storage itself says it has no record."""
        while not learned:
            await asyncio.sleep(TIDY_RETRY_SECONDS)
            learned = await self._learn()
        left_over = self._left_over() - self.uploads.keeping
        while left_over:
            for id in sorted(left_over):
                try:
                    await self._delete_half(id)
                except (Busy, GuardError) as error:
                    log.info("half of an upload, %s, is looked at later: %s", id, error)
                    continue
                left_over.discard(id)
            await asyncio.sleep(TIDY_RETRY_SECONDS)

    def _left_over(self) -> set[str]:
        """Lists of which there are objects and no record."""
        of = {listed.key.split("/")[1] for listed in self.files.list("lists")}
        return of - set(self.shelf.ids())

    async def _delete_half(self, id: str) -> None:
        try:
            await self.files.get(f"lists/{id}/list.json")
        except NotFound:
            log.warning("deleting half of an upload, %s: the service ended before it was whole", id)
            for listed in self.files.list(f"lists/{id}"):
                await self.files.delete(listed.key)

    # What users are told of the storage

    @property
    def storage(self) -> str:
        """well, away (it does not answer), or held (the operators hold writes back)."""
        dependency = self.files.dependency
        if dependency.held:
            return "held"
        return "well" if dependency.closed and dependency.mode is None else "away"

    @property
    def said(self) -> str:
        """What users are told of the storage: nothing while it is well."""
        if (storage := self.storage) == "well":
            return ""
        why = "Storage is being worked on." if storage == "held" else "Storage does not answer at present."
        ids = self.shelf.ids()
        here = sum(map(self.shelf.at_hand, ids))
        stays = (
            "your lists stay available."
            if here == len(ids)
            else f"{here} of your {len(ids)} lists can be opened and downloaded meanwhile."
        )
        wait = f" {self.queued} {'file waits' if self.queued == 1 else 'files wait'}." if self.queued else ""
        return f"{why} New lists are kept here and stored when it is back; {stays}{wait}"

    @property
    def queued(self) -> int:
        """Writes that wait on the local disk."""
        waiting = self.files.queue.book.waiting.values()
        return sum(operation.service == self.files.name for operation in waiting)
