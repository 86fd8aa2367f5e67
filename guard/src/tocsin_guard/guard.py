"""Guard: the one object that a service makes. It makes the parts of its estate and owns the background
loop.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from tocsin_guard import disk, limits
from tocsin_guard.app import AnyAsgi, Application, Asgi
from tocsin_guard.backups import Backups
from tocsin_guard.clock import Clock, SystemClock
from tocsin_guard.dependency import Dependency
from tocsin_guard.errors import GuardError, NotFound
from tocsin_guard.estate import Estate
from tocsin_guard.events import Events, Level
from tocsin_guard.integrity import Integrity
from tocsin_guard.journal import Journal
from tocsin_guard.manifests import Schedule
from tocsin_guard.metrics import Metrics
from tocsin_guard.notify import Broadcast, Broadcasts
from tocsin_guard.objects.cache import Cache
from tocsin_guard.objects.catalogue import Catalogue
from tocsin_guard.objects.guarded import GuardedStore
from tocsin_guard.objects.port import ObjectStore
from tocsin_guard.objects.reading import Reader
from tocsin_guard.operations import Operation, State
from tocsin_guard.paging import Paging
from tocsin_guard.push import PREFIX, Pager, Pushes, Send, Webhook, send_http
from tocsin_guard.queue import Queue
from tocsin_guard.recovery import recover, snapshot
from tocsin_guard.settings import Settings
from tocsin_guard.tokens import Token
from tocsin_guard.watch import DEFAULTS, Threshold, Watch
from tocsin_guard.work import Do, WasDone, Work

log = logging.getLogger("tocsin_guard")


class Guard(Estate):
    """Make it once, add what the service depends on, hand `app` to the framework (or wrap by `around`).

    `folder` is on a local disk and belongs to one process; a second one is refused. Everything below
    survives a restart there: queue, degraded modes, open breakers, events, metrics, broadcasts, checksums.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        tokens: Iterable[Token] = (),
        name: str = "",
        public_summary: bool = False,
        webhooks: Iterable[Webhook] = (),
        pagers: Iterable[Pager] = (),
        thresholds: tuple[Threshold, ...] = DEFAULTS,
        reserve_bytes: int = limits.DISK_RESERVE_BYTES,
        clock: Clock | None = None,
        send: Send = send_http,
    ) -> None:
        self.folder = Path(folder)
        self.name = name or socket.gethostname()
        self.tokens = tuple(tokens)
        self.public_summary = public_summary
        self.clock = clock or SystemClock()
        self.dependencies, self.stores, self.backups, self.integrity = {}, {}, {}, {}
        self.reserve_bytes = reserve_bytes
        self.disk_full = False
        self.journal = Journal(self.folder / "journal", lambda: snapshot(self))
        self.events = Events(self.clock, self.journal)
        self.metrics = Metrics(self.clock, self.journal.note)
        self.queue = Queue(
            self.folder,
            self.journal,
            self.clock,
            gate=self._may_drain,
            well=self._may_drain,
            told=self._told,
            reserve_bytes=reserve_bytes,
            ballast_bytes=reserve_bytes // 2,
        )
        self.pushes = Pushes(self.queue, self.clock, tuple(webhooks), tuple(pagers), send, self.wake)
        self._wake = asyncio.Event()
        self.broadcasts = Broadcasts(self.clock, self.journal, self._deliver)
        self.watch = Watch(self.metrics, self.events, thresholds)
        self.events.listeners.append(Paging(self.pushes, self.dependencies).hear)
        self.app: Asgi = Application(self, self.start, self.stop)
        self.started = False
        self.troubled = set()
        self._lock = disk.FolderLock(self.folder)
        self._starting = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._kept = set()
        self._loop: asyncio.Task[None] | None = None
        self._rewrite_at = 0.0  # a journal that accepts nothing
        self._left: disk.Sign | None = None  # the journal as the last stop left it

    # Building

    def dependency(self, name: str, settings: Settings | None = None) -> Dependency:
        """Something that the service calls. `name` is its place in the addresses."""
        if self.started or name in self.dependencies or not name.replace("_", "").isalnum():
            raise ValueError(
                f"Dependency {name!r}: use letters, digits and underscores, each name once, before the start."
            )
        made = Dependency(
            name, settings or Settings(), self.clock, self.events, self.metrics, self.journal, self._changed
        )
        self.dependencies[name] = made
        return made

    def objects(
        self,
        store: ObjectStore,
        *,
        name: str = "R2_STORAGE",
        alias: str = "r2",
        replica: ObjectStore | None = None,
        backup: ObjectStore | None = None,
        schedule: Schedule | None = None,
        cache_bytes_max: int = 0,
        settings: Settings | None = None,
    ) -> GuardedStore:
        """An object store, guarded. Its check is a look for an object of guard's own."""
        chosen = settings or Settings()
        if chosen.check is None:
            chosen = replace(chosen, check=_look(store))
        dependency = self.dependency(name, chosen)
        catalogue = Catalogue(name, self.journal.note, self.journal.append)
        cache = Cache(self.folder / "cache" / name, cache_bytes_max)
        incoming = self.folder / "incoming"
        reader = Reader(dependency, store, self.queue, catalogue, cache, incoming, replica)
        guarded = GuardedStore(dependency, store, self.queue, catalogue, cache, incoming, reader, replica)
        self.stores[alias] = guarded
        self.integrity[name] = Integrity(guarded, self.clock, self.events)
        if backup is not None:
            backups = Backups(guarded, backup, self.clock, self.events, schedule or Schedule())
            self.backups[name] = backups
            reader.from_backup, reader.in_backup = backups.copy_of, backups.holds
        return guarded

    def work(
        self, dependency: Dependency, action: str, *, was_done: WasDone | None = None
    ) -> Callable[[Do], Work]:
        """Decorate an async function (payload, idempotency_key): its calls may be queued and done later."""

        def made(do: Do) -> Work:
            return Work(dependency, self.queue, action, do, was_done)

        return made

    def around(self, app: AnyAsgi) -> Asgi:
        """An ASGI app that answers the operations addresses itself, hands everything else to `app`, and
        starts
        and stops guard with it."""
        return Application(self, self.start, self.stop, app)

    # Life

    async def start(self) -> None:
        """Read the journal, take up what was left, and begin the background loop. A second start does
        nothing.
        """
        async with self._starting:
            if self.started:
                self._check_loop()
                return
            try:
                disk.make_folder(self.folder)
                self._lock.take()
                await recover(self, self._as_left())
            except BaseException as error:  # cancellation too: whoever starts next must get the folder
                self._lock.free()
                if isinstance(error, OSError):
                    raise GuardError(
                        f"guard cannot start in {self.folder}: {error.filename or self.folder}: "
                        f"{error.strerror}. It wants a folder of its own on a local disk, and to write there."
                    ) from error
                raise
            self.started, self.broadcasts.stopping = True, False
            self._wake = asyncio.Event()  # belongs to one loop, as do tasks
            self._loop = asyncio.get_running_loop().create_task(self._run())

    def _as_left(self) -> bool:
        """Whether everything is in memory already, from before the last stop: as in tests that start an app
        again and again. False at the first start."""
        if self._left is None:
            return False
        if self._left == disk.NO_FILE or disk.sign(self.journal.path) != self._left:
            raise GuardError(
                f"{self.folder} was used by others since guard stopped; make a new Guard for it."
            )
        return True

    def _check_loop(self) -> None:
        if self._loop is not None and self._loop.get_loop() is not asyncio.get_running_loop():
            raise GuardError(
                "guard was started on another event loop; stop it there before that ends (the ASGI lifespan "
                "does)."
            )

    async def stop(self) -> None:
        """End the background work, write what is left, free the folder."""
        if not self.started:
            return
        self.started = False
        self.broadcasts.end()
        tasks = [t for t in (self._loop, *self._tasks.values(), *self._kept) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for integrity in self.integrity.values():
            await integrity.stop()
        self.pushes.stop()
        self._tasks.clear()
        self._kept.clear()
        self.metrics.finish()
        await self.journal.stop()
        self._left, self._starting = disk.sign(self.journal.path), asyncio.Lock()
        self._lock.free()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Guard"]:
        """For scripts and tests: started inside, stopped after."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    # Background

    async def _run(self) -> None:
        """For ever: apply what time demands, wait a second or until woken."""
        while True:
            self._wake.clear()
            try:
                self.tick()
            except Exception:  # the loop must outlive any one fault; it is logged, and tried again
                log.exception("guard: a background step failed")
            waits = [asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(self.clock.sleep(1.0))]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def tick(self) -> None:
        """Start whatever is due now; each kind of work runs once at a time, in its own task."""
        self._look_at_disk()
        if not self.broadcasts.stopping and server_stops():
            self.broadcasts.end()
        for dependency in self.dependencies.values():
            dependency.tick()
            if dependency.check_due():
                self._spawn(f"check {dependency.name}", dependency.check)
        self.metrics.roll()
        for _ in self.watch.look():
            pass
        if self.queue.owed:
            self._spawn("pay", self.queue.pay)
        for service in self.queue.book.ready:
            if self._may_drain(service):
                self._spawn(f"drain {service}", partial(self.queue.drain_service, service))
        for name, backups in self.backups.items():
            if not backups.recalled:
                self._spawn(f"recall {name}", partial(self._recall, backups))
            backups.schedule_due()
            if backups.wanted:
                self._spawn(f"backup {name}", backups.run_next)

    def _look_at_disk(self) -> None:
        self.journal.look()
        if self.journal.broken and self.clock.elapsed() >= self._rewrite_at:
            self._rewrite_at = self.clock.elapsed() + limits.JOURNAL_REWRITE_SECONDS
            self._spawn("rewrite", self._rewrite_journal)
        full = disk.room_bytes(self.folder) < self.reserve_bytes or bool(self.journal.broken)
        if full and not self.disk_full:
            text = (
                self.journal.broken or f"The disk of {self.folder} is nearly full: new work is refused there."
            )
            self.events.add(Level.CRITICAL, "disk_full", text)
        elif self.disk_full and not full:
            self.events.add(Level.INFO, "disk_free", f"The disk of {self.folder} has room again.")
        self.disk_full = full
        if not full:
            self.queue.ballast.fill()

    async def _rewrite_journal(self) -> None:
        with suppress(GuardError):  # `broken` says why; it is tried again
            await self.journal.compact()

    def _spawn(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        running = self._tasks.get(name)
        if running is not None and not running.done():
            return
        task = asyncio.get_running_loop().create_task(self._logged(name, work))
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def _logged(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except Exception:  # background work has nobody to raise to
            log.exception("guard: %s failed", name)

    async def settle(self) -> None:
        """Return when the background work that was started so far is over. For tests and orderly ends."""
        while running := list(self._tasks.values()):
            await asyncio.wait(running)
        await self.pushes.settled()

    async def _recall(self, backups: Backups) -> None:
        try:
            await backups.recall()
        except GuardError as error:
            text = f"Earlier backups could not be looked up, it is tried again: {error}"
            self.events.add(Level.WARNING, "backup_store_unreadable", text, service=backups.guarded.name)
            await self.clock.sleep(60)

    # Callbacks

    def _may_drain(self, service: str) -> bool:
        dependency = self.dependencies.get(service)
        return service.startswith(PREFIX) or (dependency is not None and dependency.may_drain)

    def _changed(self, dependency: Dependency) -> None:
        if dependency.may_drain:
            self.queue.wake(dependency.name)
            self._wake.set()

    def _told(self, operation: Operation) -> None:
        push = operation.service.startswith(PREFIX)
        if operation.state is State.FAILED:
            kind = "push_failed" if push else "operation_failed"
            text = (
                f"{operation.action} of {operation.key} for {operation.service} failed: {operation.error}. "
                + ("It was given up." if push else f"Retry or discard operation {operation.id}.")
            )
            service = "" if push else operation.service
            self.events.add(Level.ERROR, kind, text, service=service)
            self.troubled.add(service)
            if push:
                self._spawn(f"discard {operation.id}", partial(self.queue.discard, operation.id, "given up"))
            return
        failed = self.queue.book.total(State.FAILED, frozenset({operation.service}))
        if operation.service in self.troubled and not failed:
            self.troubled.discard(operation.service)
            text = f"No operation of {operation.service} is failed any more."
            self.events.add(Level.INFO, "queue_clear", text, service=operation.service)

    def _deliver(self, broadcast: Broadcast) -> None:
        shown = broadcast.shown()
        self.pushes.broadcast(broadcast.target, shown, "broadcast", shown["at"])
        self._wake.set()


def server_stops() -> bool:
    """Whether the server around is stopping. uvicorn says so to nobody while it waits for open streams: the
    lifespan hears of it after them. But its handler of SIGTERM is a method of what knows.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True


def _look(store: ObjectStore) -> Callable[[], Awaitable[object]]:
    async def look() -> None:
        try:
            await store.get(".guard/check")  # not a head: its 404 does not say whether the bucket is there
        except NotFound:
            return

    return look
