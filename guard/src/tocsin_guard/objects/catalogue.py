"""Which objects there should be, with their checksums: what the integrity check and fallbacks compare with.

It is kept in the journal without waiting for the disk, because every object carries its own checksum as an
attribute as well: after a crash a newer object proves itself, and the catalogue learns from it. In memory an
entry takes about 400 bytes.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tocsin_guard.errors import GuardError
from tocsin_guard.lines import Record

SHA256 = "guard-sha256"  # attributes that guard gives every object
OPERATION = "guard-op"


class Entry(NamedTuple):
    size: int
    sha256: str
    at: float
    content_type: str = ""
    etag: str = ""  # the store's word for this version, if it is known


@dataclass
class Catalogue:
    """One per guarded store; `note` writes to the journal."""

    service: str
    note: Callable[[Record], None]
    append: Callable[[Record], Awaitable[None]]  # the same, and on the disk when it returns
    entries: dict[str, Entry] = field(default_factory=dict)

    def get(self, key: str) -> Entry | None:
        return self.entries.get(key)

    def put(self, key: str, entry: Entry) -> None:
        self.entries[key] = entry
        self.note(self._record(key, entry))

    def drop(self, key: str) -> None:
        if self.entries.pop(key, None) is not None:
            self.note({"kind": "gone", "service": self.service, "key": key})

    async def drop_durably(self, key: str) -> None:
        """The object was deleted: after a crash nobody must take it for lost, and give it out from a copy."""
        if self.entries.pop(key, None) is not None:
            record = {"kind": "gone", "service": self.service, "key": key}
            try:
                await self.append(record)
            except GuardError:  # a full disk; the object is gone whatever the journal knows
                self.note(record)

    def restore(self, record: Record) -> None:
        if record["kind"] == "gone":
            self.entries.pop(record["key"], None)
        else:
            self.entries[record["key"]] = Entry(
                record["size"],
                record["sha256"],
                record["at"],
                record.get("content_type", ""),
                record.get("etag", ""),
            )

    def snapshot(self) -> Iterator[Record]:
        return (self._record(key, entry) for key, entry in self.entries.items())

    def _record(self, key: str, entry: Entry) -> Record:
        record = {
            "kind": "object",
            "service": self.service,
            "key": key,
            "size": entry.size,
            "sha256": entry.sha256,
            "at": entry.at,
            "etag": entry.etag,
        }
        return record | {"content_type": entry.content_type} if entry.content_type else record
