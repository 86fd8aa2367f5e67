"""What a service has under guard, in one place."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tocsin_guard.backups import Backups
from tocsin_guard.clock import Clock
from tocsin_guard.dependency import Dependency
from tocsin_guard.errors import Malformed, Unknown
from tocsin_guard.events import Events
from tocsin_guard.integrity import Integrity
from tocsin_guard.journal import Journal
from tocsin_guard.metrics import Metrics
from tocsin_guard.notify import Broadcasts
from tocsin_guard.objects.guarded import GuardedStore
from tocsin_guard.push import Pushes
from tocsin_guard.queue import Queue
from tocsin_guard.tokens import Token


class Estate:
    """What the operations API shows and acts on, and what recovery fills. `Guard` makes it and keeps it
    running.
    """

    folder: Path
    name: str
    clock: Clock
    tokens: tuple[Token, ...]
    public_summary: bool
    journal: Journal
    events: Events
    metrics: Metrics
    queue: Queue
    pushes: Pushes
    broadcasts: Broadcasts
    dependencies: dict[str, Dependency]
    stores: dict[str, GuardedStore]  # by alias: what stands in /health/{alias}/...
    backups: dict[str, Backups]  # by service, as the next
    integrity: dict[str, Integrity]
    disk_full: bool
    troubled: set[str]  # services with FAILED operations that were told
    _wake: asyncio.Event
    _kept: set[asyncio.Task[object]]

    @property
    def services(self) -> frozenset[str]:
        """The dependencies: what operations of users are counted over."""
        return frozenset(self.dependencies)

    def find(self, name: str) -> Dependency:
        """A dependency by name, whatever its case."""
        found = self.dependencies.get(name) or self.dependencies.get(name.upper())
        if found is None:
            known = ", ".join(sorted(self.dependencies)) or "none"
            raise Unknown(f"There is no service {name!r}; known: {known}.")
        return found

    def store(self, name: str = "") -> GuardedStore:
        """A guarded store by service name; the only one, if there is but one."""
        if not name and len(self.stores) == 1:
            return next(iter(self.stores.values()))
        for guarded in self.stores.values():
            if guarded.name == name:
                return guarded
        known = ", ".join(sorted(g.name for g in self.stores.values())) or "none"
        if not name:
            raise Malformed(f'Name the store by "service"; known: {known}.')
        raise Unknown(f"There is no object store {name!r}; known: {known}.")

    def wake(self) -> None:
        """Have the background loop look now instead of in a second."""
        self._wake.set()

    def keep(self, work: Coroutine[Any, Any, object]) -> "asyncio.Task[object]":
        """Run work that may outlive the request which began it; it ends with guard."""
        task = asyncio.get_running_loop().create_task(work)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)
        return task
