"""Backups of a guarded store to a second store.

The manifest of a backup lists every object with its checksum and closes with the checksum of itself. It is
written last: without it there is no backup. Every backup is complete by itself, whatever its type:

- full: reads every object from the store and writes every blob anew;
- incremental: reads only what no earlier blob holds; a blob that is used again is compared with its checksum;
- emergency: like incremental, goes before all others, takes queued writes too, and goes on past objects
  that cannot be read (they are listed in the manifest as missing).
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tocsin_guard.clock import Clock, iso
from tocsin_guard.errors import Corrupt, GuardError, Malformed, NotFound, Unavailable, Unknown
from tocsin_guard.events import Events, Level
from tocsin_guard.handlers import digest_file
from tocsin_guard.limits import CALL_TIMEOUT_SECONDS
from tocsin_guard.manifests import (
    PRIORITIES,
    TYPES,
    Backup,
    Item,
    Schedule,
    blob,
    recalled,
)
from tocsin_guard.objects.guarded import PUT, GuardedStore
from tocsin_guard.objects.port import ObjectStore
from tocsin_guard.objects.reading import fetch
from tocsin_guard.restores import Restores
from tocsin_guard.settings import TROUBLE
from tocsin_guard.vault import Vault

DEAD_STORE_SECONDS = 60.0


@dataclass
class Backups:
    """Backups of one guarded store. One runs at a time; waiting ones go by priority, then by age."""

    guarded: GuardedStore
    target: ObjectStore
    clock: Clock
    events: Events
    schedule: Schedule
    vault: Vault = field(init=False)
    restores: Restores = field(init=False)
    done: list[Backup] = field(default_factory=list)  # of this process and, for completed ones, of all before
    _waiting: list[Backup] = field(default_factory=list)
    _running: Backup | None = None
    _ended: dict[str, asyncio.Event] = field(default_factory=dict)
    _asked: int = 0
    _waited_seconds: float = 0.0  # for reads of the store that failed in a row, in an emergency
    recalled: bool = False  # earlier backups are known; until then the schedule waits
    _failed_at: float | None = None
    _held: set[str] = field(default_factory=set)  # checksums that known manifests name

    def __post_init__(self) -> None:
        self.vault = Vault(self.target, self.clock)
        self.restores = Restores(self.guarded, self.vault, self.events)

    # Asking

    def ask(self, type: str = "incremental", priority: str = "normal", by: str = "guard") -> Backup:
        """Want a backup. `run_next` makes it; an emergency has high priority whatever was said."""
        if type not in TYPES or priority not in PRIORITIES:
            raise Malformed(
                f"A backup has a type of {', '.join(TYPES)} and a priority of {', '.join(PRIORITIES)}."
            )
        now = self.clock.now()
        self._asked += 1
        backup = Backup(
            id=f"{stamp(now)}-{self._asked:04d}-{type}",
            type=type,
            priority="high" if type == "emergency" else priority,
            by=by,
            asked_at=now,
        )
        self._waiting.append(backup)
        self._ended[backup.id] = asyncio.Event()
        return backup

    async def ended(self, backup: Backup) -> None:
        """Return when it is over, well or not."""
        if (event := self._ended.get(backup.id)) is not None:
            await event.wait()

    def schedule_due(self) -> None:
        """Ask for what the schedule wants now."""
        if self._waiting or self._running or not self.recalled:
            return
        now = self.clock.now()
        if self._failed_at is not None and self.clock.elapsed() < self._failed_at + 60:
            return
        wanted = self.schedule
        for type, every in (("full", wanted.full_seconds), ("incremental", wanted.incremental_seconds)):
            kinds = ("full",) if type == "full" else TYPES
            newest = max((b.asked_at for b in self._past() if b.type in kinds), default=None)
            if every and (newest is None or now >= newest + every):
                self.ask(type)
                return

    def _completed(self) -> list[Backup]:
        return [b for b in self.done if b.state == "COMPLETED"]

    def _past(self) -> list[Backup]:
        """Completed ones, but for those of a clock that was ahead: they must not put off the next."""
        now = self.clock.now()
        return [b for b in self._completed() if b.asked_at <= now]

    @property
    def wanted(self) -> bool:
        return bool(self._waiting) and self._running is None

    # Making

    async def run_next(self) -> Backup | None:
        """Make the most urgent waiting backup. Its failure is its state and an event, not an exception."""
        if not self.wanted:
            return None
        backup = min(
            self._waiting,
            key=lambda b: (b.type != "emergency", PRIORITIES.index(b.priority), b.asked_at),
        )
        self._waiting.remove(backup)
        self._running, backup.state = backup, "RUNNING"
        try:
            await self._make(backup)
            backup.state = "COMPLETED"
            text = f"Backup {backup.id}: {backup.objects} objects, {backup.bytes} bytes."
            self.events.add(
                Level.WARNING if backup.missing else Level.INFO,
                "backup_completed",
                text + (f" {len(backup.missing)} could not be read." if backup.missing else ""),
                service=self.guarded.name,
            )
            await self._retain()
        except (GuardError, *TROUBLE) as error:
            if backup.state != "COMPLETED":
                backup.state, backup.error = "FAILED", str(error) or type(error).__name__
                self._failed_at = self.clock.elapsed()
                text = f"Backup {backup.id} failed: {backup.error}"
                self.events.add(Level.ERROR, "backup_failed", text, service=self.guarded.name)
            else:
                text = f"Old backups of {self.guarded.name} are kept, for clearing them failed: {error}"
                self.events.add(Level.WARNING, "backups_not_cleared", text, service=self.guarded.name)
        finally:
            if backup.state == "RUNNING":
                backup.state, backup.error = "FAILED", "it was interrupted"
            backup.finished_at = self.clock.now()
            self._running = None
            self.done.append(backup)
            del self.done[:-500]
            self._ended.pop(backup.id).set()
        return backup

    async def _make(self, backup: Backup) -> None:
        items: list[Item] = []
        self._waited_seconds = 0.0
        for item, waiting in self._wanted(backup.type):
            try:
                copied = await self._copy(item, waiting, backup.type)
            except (NotFound, Corrupt, Unavailable) as error:
                if backup.type != "emergency" and isinstance(error, Unavailable):
                    raise
                backup.missing.append(item.key)
                continue
            backup.copied += copied
            backup.objects += 1
            backup.bytes += item.size
            items.append(item)
        body = {
            **backup.shown(),
            "state": "COMPLETED",
            "missing": backup.missing,
            "finished_at": iso(self.clock.now()),
        }
        await self.vault.write_manifest(backup.id, body, items)
        self._held.update(item.sha256 for item in items)
        if backup.missing and backup.type != "emergency":
            names = ", ".join(backup.missing[:5])
            text = f"Backup {backup.id} lacks {len(backup.missing)} objects that have no good copy: {names}."
            self.events.add(Level.ERROR, "backup_incomplete", text, service=self.guarded.name)

    def _wanted(self, type: str) -> list[tuple[Item, Path | bytes | None]]:
        """Every object, with its body where it is still only queued."""
        found: dict[str, tuple[Item, Path | bytes | None]] = {
            key: (Item(key, entry.size, entry.sha256, entry.content_type), None)
            for key, entry in self.guarded.catalogue.entries.items()
        }
        if type == "emergency":
            for operation in self.guarded.queue.book.waiting.values():
                if operation.service == self.guarded.name and operation.action == PUT:
                    kind = str(operation.payload.get("Content-Type", ""))
                    item = Item(operation.key, operation.size, operation.sha256, kind)
                    found[operation.key] = (item, self.guarded.queue.body(operation))
        return [found[key] for key in sorted(found)]

    async def _copy(self, item: Item, waiting: Path | bytes | None, type: str) -> bool:
        """Have the blob of an item in the target; True if it was written now."""
        if type != "full" and await self._there(item):
            return False
        path = self.guarded.incoming / uuid.uuid4().hex
        try:
            if isinstance(waiting, bytes):
                await asyncio.to_thread(path.write_bytes, waiting)
            elif waiting is None or not await asyncio.to_thread(_link, waiting, path):
                chunks = await (self._in_spite(item.key) if type == "emergency" else self._read(item.key))
                with path.open("wb") as file:
                    async for chunk in chunks:
                        await asyncio.to_thread(file.write, chunk)
            if (await asyncio.to_thread(digest_file, path))[1] != item.sha256:
                raise Corrupt(f"{item.key} is corrupt in the store.")
            await self.vault.keep(item.sha256, path)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return True

    async def _there(self, item: Item) -> bool:
        try:
            return await self.vault.has(item.sha256, item.size)
        except Corrupt:
            text = f"The copy of {item.key} in the backup store is damaged; it is written anew."
            self.events.add(Level.ERROR, "backup_damaged", text, service=self.guarded.name)
            return False

    async def _read(self, key: str) -> AsyncIterator[bytes]:
        return (await self.guarded.get(key)).chunks

    async def _in_spite(self, key: str) -> AsyncIterator[bytes]:
        """In an emergency a partly broken store is read past its open breaker.

        One that does not answer is waited for only so long; what fails fast may be followed by what works.
        """
        if self._waited_seconds < DEAD_STORE_SECONDS:
            started = self.clock.elapsed()
            try:
                async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
                    chunks = (await self.guarded.store.get(key)).chunks
                self._waited_seconds = 0.0
                return chunks
            except TROUBLE:
                self._waited_seconds += self.clock.elapsed() - started
        return await self._read(key)

    # Using

    async def load(self, id: str) -> tuple[dict[str, Any], list[Item]]:
        """A manifest whose own checksum is right."""
        return await self.vault.load(id)

    async def ids(self) -> list[str]:
        """All backups in the second store, oldest first."""
        return await self.vault.ids()

    async def verify(self, id: str) -> dict[str, Any]:
        """Read every blob of a backup and compare checksums."""
        body, items = await self.load(id)
        bad = [item.key for item in items if not await self.vault.is_whole(item.sha256)]
        if bad:
            text = f"Backup {id}: {len(bad)} of {len(items)} objects are damaged or gone."
            self.events.add(Level.ERROR, "backup_damaged", text, service=self.guarded.name)
        return {"id": id, "objects": len(items), "bad": bad, "missing": body["missing"], "ok": not bad}

    async def restore(
        self, id: str, key: str = "", to: ObjectStore | None = None, *, by: str = "guard", reason: str = ""
    ) -> dict[str, Any]:
        """Put one object, or all, back through guard (or into another store), each verified before it is
        written. Broken off, it can be asked for again.
        """
        _, items = await self.load(id)
        chosen = [i for i in items if not key or i.key == key]
        if not chosen:
            raise Unknown(f"Backup {id} has no object {key!r}." if key else f"Backup {id} is empty.")
        if to is not None:
            return await self.restores.put_back(id, chosen, to)
        return await self.restores.run(id, chosen, key, by, reason)

    def holds(self, sha256: str) -> bool:
        """Whether a known backup has that content; nothing is asked of the second store."""
        return sha256 in self._held

    async def copy_of(self, key: str, sha256: str, target: Path) -> bool:
        """For reading during an outage: any backup's blob of exactly that content."""
        return await fetch(self.target, blob(sha256), target) == sha256

    async def _retain(self) -> None:
        """Keep the newest backups, delete the others and the blobs that only they used."""
        # Those of a clock that was ahead go first: they must not take the places of what is made now.
        made = stamp(self.clock.now())
        ids = sorted(await self.ids(), key=lambda id: (id[: len(made)] <= made, id))
        if len(ids) <= self.schedule.kept:
            return
        held: set[str] = set()
        for id in ids[-self.schedule.kept :]:
            held |= {item.sha256 for item in (await self.load(id))[1]}
        self._held = held
        await self.vault.clear(ids[: -self.schedule.kept], held)
        gone = set(ids[: -self.schedule.kept])
        self.done = [b for b in self.done if b.id not in gone]

    async def recall(self) -> None:
        """At the start: learn of earlier backups from the second store."""
        known = {b.id for b in self.done}
        for id in await self.ids():
            if id in known:
                continue
            try:
                body, items = await self.load(id)
            except Corrupt as error:
                self.events.add(Level.ERROR, "backup_damaged", str(error), service=self.guarded.name)
                continue
            self.done.append(recalled(id, body, items))
            self._held.update(item.sha256 for item in items)
        self.done.sort(key=lambda b: b.asked_at)
        self.recalled = True

    def stats(self) -> dict[str, Any]:
        """What /api/backup/stats answers."""
        past = self._past()
        last = past[-1] if past else None
        failed = [b for b in self.done if b.state == "FAILED"]
        overdue = False
        if self.schedule.incremental_seconds:
            overdue = last is None or self.clock.now() - last.asked_at > 2 * self.schedule.incremental_seconds
        healthy = not overdue and not (failed and (last is None or failed[-1].asked_at > last.asked_at))
        return {
            "configured": True,
            "healthy": healthy,
            "total_backups": len(self._completed()),
            "failed_backups": len(failed),
            "last_backup": last and last.shown(),
            "last_backup_age_seconds": last and round(self.clock.now() - last.asked_at, 1),
            "last_failure": failed[-1].shown() if failed else None,
            "running": self._running and self._running.shown(),
            "waiting": [b.shown() for b in self._waiting],
            "objects_in_last_backup": last.objects if last else 0,
            "bytes_in_last_backup": last.bytes if last else 0,
            "schedule": asdict(self.schedule),
        }


def _link(source: Path, target: Path) -> bool:
    """Copy a queued body; False if it was applied meanwhile and is in the store now."""
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        return False
    return True


def stamp(seconds: float) -> str:
    """How the id of a backup begins, so that ids go by age: 20231114T221320500Z."""
    return iso(seconds).replace("-", "").replace(":", "").replace(".", "")
