"""One write or delete of one object, which takes effect once however often it is attempted, and never over
what is newer.

A request that was given up can still be on its way, and land after a newer write of the same key was
acknowledged. So each carries a condition where the store knows one: that there is what guard knows to be
there. If there is something else, or an answer was lost, the next attempt looks first: an object with the
mark of this write is this write; else the condition is what was seen.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tocsin_guard.errors import Changed, NotFound, Refused, Unavailable
from tocsin_guard.handlers import Body
from tocsin_guard.objects.catalogue import OPERATION, SHA256
from tocsin_guard.objects.port import Conditional, Expect, ObjectStore
from tocsin_guard.operations import other_work

CONFLICT_TRIES = 3
LOOK = Expect.ANY  # nothing is known of what is there: look before the first attempt too


@runtime_checkable
class DeletesVersions(Protocol):
    """A store that can delete one version and no other: local files, and S3 servers."""

    async def delete_version(self, key: str, etag: str) -> None:
        """Raises Changed if another version is there than `etag`, or anything if that is "". Nothing there is
        no error."""


def marked(attributes: dict[str, str], sha256: str, mark: str) -> dict[str, str]:
    """What an object carries besides what its owner said."""
    return {SHA256: sha256, OPERATION: mark, **attributes}


@dataclass
class Write:
    """`expect` is what the first attempt expects to be there; LOOK has it look."""

    store: ObjectStore
    key: str
    body: Body
    attributes: dict[str, str]
    expect: Expect | str

    async def attempt(self) -> str:
        """The etag of the object, which has been written now or by an earlier attempt."""
        expect, self.expect = self.expect, LOOK
        for _ in range(CONFLICT_TRIES):
            try:
                if expect is not LOOK:
                    return await self.store.put(self.key, self.body, self.attributes, self._can(expect))
                return await self._look_and_put()
            except Changed:
                expect = LOOK
        raise Unavailable(f"{self.key} keeps changing in the store; it will be tried again.")

    async def _look_and_put(self) -> str:
        expect: Expect | str = Expect.ABSENT
        try:
            there = await self.store.head(self.key)
            if there.attributes.get(OPERATION) == self.attributes[OPERATION]:
                if there.attributes.get(SHA256) != self.attributes[SHA256]:
                    raise Refused(other_work(self.attributes[OPERATION], f"body of {self.key}"))
                return there.etag
            expect = there.etag or Expect.ANY
        except NotFound:
            pass
        return await self.store.put(self.key, self.body, self.attributes, self._can(expect))

    def _can(self, expect: Expect | str) -> Expect | str:
        """The condition, or none where the server does not know it."""
        known = self.store.conditional
        if known is Conditional.FULL or (known is Conditional.CREATE and expect is Expect.ABSENT):
            return expect
        return Expect.ANY


@dataclass
class Removal:
    """The same for a delete. Where the store cannot delete one version, it carries no condition."""

    store: ObjectStore
    key: str
    expect: Expect | str

    async def attempt(self) -> None:
        expect, self.expect = self.expect, LOOK
        if not isinstance(self.store, DeletesVersions):
            await self.store.delete(self.key)
            return
        for _ in range(CONFLICT_TRIES):
            try:
                etag = expect if isinstance(expect, str) else await self._there()
                await self.store.delete_version(self.key, etag)
                return
            except Changed:
                expect = LOOK
        raise Unavailable(f"{self.key} keeps changing in the store; it will be tried again.")

    async def _there(self) -> str:
        """What is there, or "". That is no answer yet: to a look, a bucket that is gone says the same."""
        try:
            return (await self.store.head(self.key)).etag
        except NotFound:
            return ""
