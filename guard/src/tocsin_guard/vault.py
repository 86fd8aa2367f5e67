"""The second store, where backups lie: `blobs/<first two>/<sha256>` holds each content once, and
`manifests/<id>.json` names what belongs to a backup.

It has bounded repeats of its own, and never opens the breaker of the first store.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tocsin_guard.clock import Clock
from tocsin_guard.errors import Corrupt, StoreAnswer, Unavailable, Unknown
from tocsin_guard.limits import BLOB_CHECK_SECONDS
from tocsin_guard.manifests import Item, blob, manifest, seal, unseal
from tocsin_guard.objects.cache import Hasher
from tocsin_guard.objects.port import Info, ObjectStore
from tocsin_guard.objects.reading import fetch
from tocsin_guard.settings import TROUBLE

Result = TypeVar("Result")
REPEAT_SECONDS = (0.2, 1.0, None)


@dataclass
class Vault:
    store: ObjectStore
    clock: Clock
    _checked: dict[str, tuple[str, float]] = field(
        default_factory=dict
    )  # sha256: etag, and when it was whole

    # Blobs

    async def has(self, sha256: str, size: int) -> bool:
        """Whether the content lies there and is whole; Corrupt if something else lies under its name.

        It is read and compared, unless that was done, or it was written, less than a day ago in this process
        and it is the same version still.
        """
        try:
            there = await self.call(partial(self.store.head, blob(sha256)))
        except StoreAnswer:
            return False
        version, at = self._checked.get(sha256, ("", 0.0))
        known = there.etag != "" and there.etag == version
        if there.size == size and known and self.clock.elapsed() < at + BLOB_CHECK_SECONDS:
            return True
        if there.size != size or not await self.is_whole(sha256):
            raise Corrupt(f"The backup store holds something else as {blob(sha256)}.")
        self._checked[sha256] = (there.etag, self.clock.elapsed())
        return True

    async def is_whole(self, sha256: str) -> bool:
        """Read it to the end and compare."""
        return await self.call(partial(self._sum, blob(sha256))) == sha256

    async def _sum(self, name: str) -> str:
        hasher = Hasher()
        try:
            async for chunk in (await self.store.get(name)).chunks:
                await asyncio.to_thread(hasher.update, chunk)
        except StoreAnswer:
            return ""
        return hasher.sha256

    async def keep(self, sha256: str, path: Path) -> None:
        """Write a content anew, whatever lies there. The caller has compared it with its checksum."""
        etag = await self.call(partial(self.store.put, blob(sha256), path, {}))
        self._checked[sha256] = (etag, self.clock.elapsed())

    async def copy(self, sha256: str, target: Path) -> bool:
        """Have a content in a file; False if it is not there or not whole."""
        return await self.call(partial(fetch, self.store, blob(sha256), target)) == sha256

    # Manifests

    async def write_manifest(self, id: str, body: dict[str, Any], items: list[Item]) -> None:
        sealed = seal(body, items)
        await self.call(lambda: self.store.put(manifest(id), sealed, {}))

    async def load(self, id: str) -> tuple[dict[str, Any], list[Item]]:
        """A manifest whose own checksum is right."""
        try:
            opened = await self.call(lambda: self.store.get(manifest(id)))
        except StoreAnswer as error:
            raise Unknown(f"There is no backup {id!r}.") from error
        return unseal(id, await opened.read())

    async def ids(self) -> list[str]:
        """All backups, oldest first."""
        found = [i.key.rsplit("/", 1)[-1].removesuffix(".json") async for i in self._list("manifests")]
        return sorted(found)

    async def clear(self, ids: list[str], kept: set[str]) -> None:
        """Delete backups, and the contents that are not among those to be kept."""
        for id in ids:
            await self.call(partial(self.store.delete, manifest(id)))
        names = {blob(sha256) for sha256 in kept}
        async for info in self._list("blobs"):
            if info.key not in names:
                await self.call(partial(self.store.delete, info.key))
        self._checked = {sha256: known for sha256, known in self._checked.items() if sha256 in kept}

    async def _list(self, folder: str) -> AsyncIterator[Info]:
        try:
            async for info in self.store.list(folder):
                yield info
        except TROUBLE as error:
            raise Unavailable(f"The backup store does not work: {error}") from error

    async def call(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        for wait in REPEAT_SECONDS:
            try:
                return await attempt()
            except TROUBLE as error:
                if wait is None:
                    raise Unavailable(f"The backup store does not work: {error}") from error
                await self.clock.sleep(wait)
        raise AssertionError("unreachable")
