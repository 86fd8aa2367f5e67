"""Putting back what a backup holds: one object or all, each verified before it is written.

Each object is written through guard like any other, so whatever happens it is the old one or the new one.
What is broken off between two objects is said, also after a crash, and can be asked for again.
"""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

from tocsin_guard.errors import Refused
from tocsin_guard.events import Events, Level
from tocsin_guard.manifests import Item
from tocsin_guard.objects.guarded import GuardedStore
from tocsin_guard.objects.port import ObjectStore
from tocsin_guard.vault import Vault

EVERYTHING = "Everything from backup "
BEGUN, ENDED, BROKEN_OFF = "restore_begun", "backup_restored", "restore_broken_off"
AGAIN = "Each object is whole, as it was or as restored. Restore it again to go to the end."


@dataclass
class Restores:
    """Of one guarded store, one at a time: two would leave a mix of two backups."""

    guarded: GuardedStore
    vault: Vault
    events: Events
    running: str = ""  # what is being restored
    broken_off: str = ""  # what was not restored to the end, until a restore is
    _done: int = field(default=0)

    async def run(self, id: str, items: list[Item], key: str, by: str, reason: str) -> dict[str, Any]:
        """Into the guarded store itself; its begin and its end are on the disk as acts of a person."""
        if self.running:
            raise Refused(f"{self.running} is being restored; wait for the end of that.")
        what = f"{key} from backup {id}" if key else EVERYTHING + id
        self.running, self._done = what, 0
        service = self.guarded.name
        try:
            text = f"Restoring: {what}."
            await self.events.act(BEGUN, text, by=by, reason=reason, service=service, details={"what": what})
            result = await self.put_back(id, items, None)
        except BaseException as error:  # cancelled too: whoever asked went away
            self.broken_off = what
            why = f" ({error})" if str(error) else ""
            text = (
                f"{what} was not restored to the end: {self._done} of {len(items)} objects are{why}. {AGAIN}"
            )
            self.events.add(Level.ERROR, BROKEN_OFF, text, service=service, details={"what": what})
            raise
        finally:
            self.running = ""
        if not key or what == self.broken_off:
            self.broken_off = ""
        bad = len(result["bad"])
        text = f"{what} was restored: {result['restored']} objects, {result['queued']} of them queued."
        text += f" {bad} have no good copy there." if bad else ""
        await self.events.act(ENDED, text, by=by, reason=reason, service=service, details={"what": what})
        return result

    async def put_back(self, id: str, items: list[Item], to: ObjectStore | None) -> dict[str, Any]:
        """One object after another, into the guarded store or another one."""
        queued, bad = 0, []
        for item in items:
            path = self.guarded.incoming / uuid.uuid4().hex
            try:
                if not await self.vault.copy(item.sha256, path):
                    bad.append(item.key)
                    continue
                if to is None:
                    queued += (await self.guarded.put(item.key, path, content_type=item.content_type)).queued
                    self._done += 1
                else:
                    await to.put(item.key, path, item.attributes())
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)
        return {"id": id, "restored": len(items) - len(bad), "queued": queued, "bad": bad, "ok": not bad}

    def recall(self) -> None:
        """At the start: was one broken off, and neither that nor everything restored since?"""
        ended: set[str] = set()
        for event in self.events.select(self.events.kept):
            if event.service != self.guarded.name or event.type not in (BEGUN, ENDED, BROKEN_OFF):
                continue
            what = str(event.details.get("what", ""))
            if event.type == ENDED:
                ended.add(what)
                if what.startswith(EVERYTHING):
                    return
            elif what not in ended:
                self.broken_off = what
                if event.type == BEGUN:
                    text = f"{what} was not restored to the end: guard ended meanwhile. {AGAIN}"
                    more = {"service": self.guarded.name, "details": {"what": what}}
                    self.events.add(Level.ERROR, BROKEN_OFF, text, **more)
                return
