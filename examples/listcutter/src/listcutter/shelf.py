"""Where lists and cuts are kept: objects in guard's store, and a record beside each that makes it exist.

lists/<id>/original.csv   the bytes as they came
lists/<id>/list.json      written last: without it there is no list, so a crash leaves no half of one
lists/<id>/cuts/<id>/part-001.csv ...
lists/<id>/cuts/<id>/cut.json    first as asked for, and once more when it is done: a restart goes on with it

Records are read once and kept in memory by their checksum.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from listcutter.cut import Cut, Part
from listcutter.errors import Busy, Unknown
from listcutter.rows import Form
from tocsin_guard import Corrupt, GuardedStore, NotFound, Read, Unavailable

CSV = "text/csv"
ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class ListRecord:
    id: str
    name: str
    at: float
    bytes: int
    rows: int
    columns: tuple[str, ...]
    uneven: int
    form: Form
    marks: tuple[int, ...]
    mark_rows: int


@dataclass(frozen=True, slots=True)
class CutRecord:
    id: str
    list_id: str
    at: float
    cut: Cut
    state: Literal["waiting", "done", "failed"] = "waiting"
    parts: tuple[Part, ...] = ()
    rows_read: int = 0
    rows_kept: int = 0
    duplicates: int = 0
    surplus: int = 0
    seconds: float = 0.0
    error: str = ""


Record = TypeVar("Record", ListRecord, CutRecord)


def list_key(id: str, file: str) -> str:
    return f"lists/{_id(id)}/{file}"


def cut_key(list_id: str, id: str, file: str) -> str:
    return f"lists/{_id(list_id)}/cuts/{_id(id)}/{file}"


def _id(text: str) -> str:
    if not ID.fullmatch(text):
        raise Unknown("There is nothing at this address.")
    return text


@dataclass
class Shelf:
    """All reading and writing of lists and cuts. Raises Unknown for what is not there, Busy for what cannot
    be read now."""

    files: GuardedStore
    _read: dict[str, ListRecord | CutRecord] = field(default_factory=dict)  # by the checksum of the record

    # Lists

    async def every_list(self) -> list[ListRecord]:
        """Every list, newest first: also while the storage is away."""
        found = []
        for listed in self.files.list("lists"):
            if listed.key.endswith("/list.json"):
                try:
                    found.append(await self._record(listed.key, listed.sha256, ListRecord))
                except (Busy, Unknown):
                    continue  # its record cannot be read now, or it was deleted meanwhile
        return sorted(found, key=lambda one: one.at, reverse=True)

    async def one_list(self, id: str) -> ListRecord:
        return await self._record(list_key(id, "list.json"), "", ListRecord)

    async def add(self, record: ListRecord, file: Path) -> bool:
        """Keep a list. True: storage is away, the list is queued on the local disk, and usable already."""
        original = await self.files.put(list_key(record.id, "original.csv"), file, content_type=CSV)
        kept = await self.files.put(
            list_key(record.id, "list.json"), _bytes(record), content_type="application/json"
        )
        return original.queued or kept.queued

    async def remove(self, id: str) -> bool:
        """Delete a list with its cuts, its record first. True: queued."""
        await self.one_list(id)
        queued = (await self.files.delete(list_key(id, "list.json"))).queued
        for listed in self.files.list(f"lists/{id}"):
            queued |= (await self.files.delete(listed.key)).queued
        return queued

    def waits(self, id: str) -> bool:
        """Whether a list is still queued on the local disk."""
        book, name = self.files.queue.book, self.files.name
        keys = (list_key(id, file) for file in ("original.csv", "list.json"))
        return any(book.newest(name, key) is not None for key in keys)

    # Cuts

    async def cuts_of(self, list_id: str) -> list[CutRecord]:
        """The cuts of a list, newest first."""
        found = []
        for listed in self.files.list(f"lists/{_id(list_id)}/cuts"):
            if listed.key.endswith("/cut.json"):
                try:
                    found.append(await self._record(listed.key, listed.sha256, CutRecord))
                except (Busy, Unknown):
                    continue
        return sorted(found, key=lambda one: one.at, reverse=True)

    def cut_ids(self, list_id: str) -> set[str]:
        """Of all cuts of a list, readable now or not."""
        keys = (listed.key for listed in self.files.list(f"lists/{_id(list_id)}/cuts"))
        return {key.split("/")[3] for key in keys if key.endswith("/cut.json")}

    async def one_cut(self, list_id: str, id: str) -> CutRecord:
        return await self._record(cut_key(list_id, id, "cut.json"), "", CutRecord)

    def cut_waits(self, list_id: str, id: str) -> bool:
        """Whether anything of a cut is still queued on the local disk."""
        name, start = self.files.name, cut_key(list_id, id, "")
        waiting = self.files.queue.book.waiting.values()
        return any(o.service == name and o.key.startswith(start) for o in waiting)

    async def put_cut(self, record: CutRecord) -> None:
        key = cut_key(record.list_id, record.id, "cut.json")
        await self.files.put(key, _bytes(record), content_type="application/json")

    async def put_part(self, record: CutRecord, file: Path) -> None:
        await self.files.put(cut_key(record.list_id, record.id, file.name), file, content_type=CSV)

    def ids(self) -> list[str]:
        """Of all lists."""
        keys = (listed.key for listed in self.files.list("lists"))
        return [key.split("/")[1] for key in keys if key.endswith("/list.json")]

    def at_hand(self, id: str) -> bool:
        """Whether the list can be opened and downloaded now, from wherever a copy is."""
        return bool(self.files.source(list_key(id, "original.csv")))

    def cut_keys(self) -> list[str]:
        """Of the records of all cuts."""
        return [listed.key for listed in self.files.list("lists") if listed.key.endswith("/cut.json")]

    async def cuts_at(self, keys: list[str]) -> tuple[list[CutRecord], list[str]]:
        """The cuts that can be read, and the keys of those that cannot be read now."""
        found, unread = [], []
        for key in keys:
            try:
                found.append(await self._record(key, "", CutRecord))
            except Busy:
                unread.append(key)
            except Unknown:
                continue  # it was deleted
        return found, unread

    # Reading

    async def open(self, key: str, start: int = 0, length: int | None = None) -> Read:
        """An object of a list, from wherever guard finds a good copy."""
        try:
            return await self.files.get(key, start=start, length=length)
        except NotFound as error:
            raise Unknown("There is nothing at this address.") from error
        except Corrupt as error:
            raise Busy(
                "The stored file is damaged and no good copy was found. The operators see this."
            ) from error
        except Unavailable as error:
            raise Busy(
                "Storage does not answer, and there is no copy of this file here. Nothing is lost: try later."
            ) from error

    async def _record(self, key: str, sha256: str, kind: type[Record]) -> Record:
        known = self._read.get(sha256)
        if isinstance(known, kind):
            return known
        read = await self.open(key)
        record = msgspec.json.decode(await read.read(), type=kind)
        if sha256:
            self._read[sha256] = record
        return record


def _bytes(record: ListRecord | CutRecord) -> bytes:
    return msgspec.json.encode(record)
