"""The integrity check: every object (or a sample) against its recorded checksum, with progress.

It finds what is corrupt (bytes differ), missing (recorded, not in the store), stray (in the store, not
recorded) and unreadable (the store did not give it; nothing is claimed about it). Objects that are written
or deleted while it runs are looked at again before anything is said about them.
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from tocsin_guard.clock import Clock, iso
from tocsin_guard.errors import NotFound, Refused, StoreAnswer
from tocsin_guard.events import Events, Level
from tocsin_guard.objects.cache import Hasher
from tocsin_guard.objects.catalogue import SHA256, Entry
from tocsin_guard.objects.guarded import CANARY_FOLDER, GuardedStore
from tocsin_guard.settings import TROUBLE

NAMES_SHOWN_MAX = 100
CONCURRENCY = 4


@dataclass
class Report:
    """One check, under way or over."""

    id: int
    started_at: float
    total: int
    sample: bool
    state: str = "RUNNING"  # COMPLETED, FAILED
    checked: int = 0
    bytes: int = 0
    corrupt: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    learned: int = 0  # newer than the catalogue, and whole by their own checksum
    finished_at: float | None = None
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.state == "COMPLETED" and not (self.corrupt or self.missing or self.unreadable)

    def shown(self) -> dict[str, Any]:
        lists = {
            "corrupt": self.corrupt,
            "missing": self.missing,
            "stray": self.stray,
            "unreadable": self.unreadable,
        }
        return {
            "id": self.id,
            "state": self.state,
            "ok": self.ok if self.state != "RUNNING" else None,
            "progress": round(self.checked / self.total, 4) if self.total else 1.0,
            "checked": self.checked,
            "total": self.total,
            "sample": self.sample,
            "bytes": self.bytes,
            "learned": self.learned,
            "started_at": iso(self.started_at),
            "finished_at": None if self.finished_at is None else iso(self.finished_at),
            "error": self.error,
            **{f"{name}_count": len(keys) for name, keys in lists.items()},
            **{name: keys[:NAMES_SHOWN_MAX] for name, keys in lists.items()},
        }


@dataclass
class Integrity:
    """Checks of one guarded store; one at a time."""

    guarded: GuardedStore
    clock: Clock
    events: Events
    last: Report | None = None
    _task: asyncio.Task[None] | None = None

    def begin(self, sample: int = 0) -> Report:
        """Start a check in the background. `sample` > 0 looks at that many objects, chosen by chance."""
        if self._task is not None and not self._task.done():
            assert self.last is not None
            raise Refused(
                f"Integrity check {self.last.id} is under way ({self.last.checked} of {self.last.total})."
            )
        keys = sorted(self.guarded.catalogue.entries)
        chosen = random.sample(keys, sample) if 0 < sample < len(keys) else keys
        number = self.last.id + 1 if self.last else 1
        report = Report(number, self.clock.now(), len(chosen), sample=len(chosen) < len(keys))
        self.last = report
        self._task = asyncio.get_running_loop().create_task(self._run(report, chosen))
        return report

    async def ended(self) -> None:
        """Return when the running check is over."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, report: Report, keys: list[str]) -> None:
        try:
            pending = iter(keys)
            await asyncio.gather(*(self._worker(report, pending) for _ in range(CONCURRENCY)))
            if not report.sample:
                await self._find_strays(report)
            report.state = "COMPLETED"
        except TROUBLE as error:
            report.state, report.error = "FAILED", str(error) or type(error).__name__
        finally:
            if report.state == "RUNNING":
                report.state, report.error = "FAILED", "it was interrupted"
            report.finished_at = self.clock.now()
            self._say(report)

    async def _worker(self, report: Report, pending: Any) -> None:
        for key in pending:
            await self._check(report, key)
            report.checked += 1

    async def _check(self, report: Report, key: str) -> None:
        """Compare one object. Before it is accused it is looked at again with all writers kept out."""
        if (entry := self.guarded.catalogue.get(key)) is None:
            return
        found, size = await self._look(report, key, entry)
        if found is not None:
            async with self.guarded.still(key):
                if (entry := self.guarded.catalogue.get(key)) is None:
                    return
                found, size = await self._look(report, key, entry)
        report.bytes += size
        if found is not None:
            found.append(key)

    async def _look(self, report: Report, key: str, entry: Entry) -> tuple[list[str] | None, int]:
        """The list in the report that the object belongs to, or None if it is good; and the bytes read."""
        hasher = Hasher()
        try:
            opened = await self.guarded.store.get(key)
            async for chunk in opened.chunks:
                if len(chunk) < 65536:
                    hasher.update(chunk)
                else:
                    await asyncio.to_thread(
                        hasher.update, chunk
                    )  # hashing gives up the lock: both cores work
        except NotFound:
            return report.missing, 0
        except (StoreAnswer, *TROUBLE):
            return report.unreadable, hasher.size
        if hasher.sha256 == entry.sha256:
            return None, hasher.size
        own = opened.info.attributes.get(SHA256, "")
        if own == hasher.sha256 and opened.info.modified >= entry.at - 1:
            kind = opened.info.attributes.get("Content-Type", "")
            if self.guarded.catalogue.get(key) is entry:
                found = Entry(hasher.size, own, opened.info.modified, kind, opened.info.etag)
                self.guarded.catalogue.put(key, found)
                report.learned += 1
                entry = self.guarded.catalogue.entries[key]
            return None, hasher.size
        return report.corrupt, hasher.size

    async def _find_strays(self, report: Report) -> None:
        """What the store lists and nobody recorded, and what was written while we looked elsewhere."""
        waiting = {o.key for o in self.guarded.queue.book.waiting.values() if o.service == self.guarded.name}
        async for info in self.guarded.store.list():
            known = self.guarded.catalogue.get(info.key) is not None or info.key in waiting
            if not known and not info.key.startswith(CANARY_FOLDER + "/"):
                report.stray.append(info.key)

    def _say(self, report: Report) -> None:
        name = self.guarded.name
        if report.state == "FAILED":
            text = f"Integrity check {report.id} of {name} did not finish: {report.error}"
            self.events.add(Level.ERROR, "integrity_check_failed", text, service=name)
            return
        bad = len(report.corrupt) + len(report.missing)
        text = (
            f"Integrity check {report.id} of {name}: {report.checked} objects, "
            f"{len(report.corrupt)} corrupt, "
            f"{len(report.missing)} missing, {len(report.stray)} stray, {len(report.unreadable)} unreadable."
        )
        level = Level.CRITICAL if bad else Level.WARNING if report.unreadable or report.stray else Level.INFO
        kind = "integrity_broken" if bad else "integrity_checked"
        details = {"corrupt": report.corrupt[:20], "missing": report.missing[:20]}
        self.events.add(level, kind, text, service=name, details=details)
