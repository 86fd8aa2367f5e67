"""Links inside the process: a store and a way of pushing, each with faults before it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from faults.rules import End, Faults, Verdict
from tocsin_guard import Conditional, Expect, Info, ObjectStore, Opened, Unavailable
from tocsin_guard.handlers import Body
from tocsin_guard.objects.port import key_check
from tocsin_guard.objects.writing import DeletesVersions
from tocsin_guard.push import Send, send_http

SAID = {
    End.OUTAGE: "drill: the store does not answer",
    End.ERROR: "drill: the store answered 503",
    End.DROP: "drill: the connection broke",
}


@dataclass
class FaultyStore:
    """An ObjectStore in front of another one."""

    inner: ObjectStore
    faults: Faults

    @property
    def conditional(self) -> Conditional:
        return self.inner.conditional

    def check_key(self, key: str) -> None:
        key_check(self.inner)(key)

    async def put(
        self, key: str, body: Body, attributes: Mapping[str, str], expect: Expect | str = Expect.ANY
    ) -> str:
        verdict = await self._meet(key, data=True)
        etag = await self.inner.put(key, body, attributes, expect)
        self.faults.written(key)
        if verdict.end is End.DROP:  # the worst moment: it was done, and the answer is lost
            raise Unavailable(SAID[End.DROP])
        return etag

    async def get(self, key: str, start: int = 0, length: int | None = None) -> Opened:
        verdict = await self._meet(key, data=True)
        opened = await self.inner.get(key, start, length)
        if verdict.end is End.WELL and not verdict.corrupt:
            return opened
        return Opened(opened.info, self._worse(key, opened, start, verdict))

    async def head(self, key: str) -> Info:
        await self._meet(key, data=False)
        return await self.inner.head(key)

    async def delete(self, key: str) -> None:
        await self._meet(key, data=False)
        await self.inner.delete(key)

    async def delete_version(self, key: str, etag: str) -> None:
        """Of a store that can do no such thing, the object is deleted as it is."""
        await self._meet(key, data=False)
        if isinstance(self.inner, DeletesVersions):
            await self.inner.delete_version(key, etag)
        else:
            await self.inner.delete(key)

    async def list(self, folder: str = "") -> AsyncIterator[Info]:
        await self._meet(folder, data=False)
        async for info in self.inner.list(folder):
            yield info

    async def _meet(self, key: str, *, data: bool) -> Verdict:
        verdict = self.faults.judge(key, data=data)
        await asyncio.sleep(verdict.delay_seconds)
        if verdict.end in (End.OUTAGE, End.ERROR):
            raise Unavailable(SAID[verdict.end])
        return verdict

    async def _worse(self, key: str, opened: Opened, start: int, verdict: Verdict) -> AsyncIterator[bytes]:
        size = opened.info.size
        async for chunk in opened.chunks:
            read = self.faults.damage(key, size, start, chunk) if verdict.corrupt else chunk
            if verdict.end is End.DROP:
                yield read[: len(read) // 2]
                raise Unavailable(SAID[End.DROP])
            yield read
            start += len(chunk)


def faulty_send(faults: Faults, send: Send = send_http) -> Send:
    """A way of pushing, for `Guard(send=...)`. Its key is the host that is pushed to."""

    async def through(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        host = urlsplit(url).hostname or ""
        verdict = faults.judge(host, data=False)
        await asyncio.sleep(verdict.delay_seconds)
        if verdict.end is End.ERROR:
            return 503, b"drill: the receiver answered 503"
        if verdict.end is not End.WELL:
            raise Unavailable(f"drill: {host} cannot be reached")
        return await send(url, headers, body)

    return through
