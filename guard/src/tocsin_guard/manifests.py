"""What a backup is and how its manifest is written: one JSON file that closes with the checksum of itself."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from tocsin_guard.clock import iso, parse_iso
from tocsin_guard.errors import Corrupt, Unknown
from tocsin_guard.objects.catalogue import SHA256

TYPES = ("full", "incremental", "emergency")
PRIORITIES = ("high", "normal", "low")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds between backups (0: never), and how many of the newest to keep."""

    full_seconds: float = 24 * 3600
    incremental_seconds: float = 3600
    kept: int = 30


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    size: int
    sha256: str
    content_type: str = ""

    def attributes(self) -> dict[str, str]:
        """What the object carries when it is put back into a plain store."""
        return {SHA256: self.sha256} | ({"Content-Type": self.content_type} if self.content_type else {})


@dataclass
class Backup:
    """One backup, wanted, under way or over."""

    id: str
    type: str
    priority: str
    by: str
    asked_at: float
    state: str = "QUEUED"  # RUNNING, COMPLETED, FAILED
    finished_at: float | None = None
    objects: int = 0
    bytes: int = 0
    copied: int = 0
    missing: list[str] = field(default_factory=list)
    error: str = ""

    def shown(self) -> dict[str, Any]:
        finished = None if self.finished_at is None else iso(self.finished_at)
        missing = {"missing": self.missing[:100], "missing_count": len(self.missing)}
        return {**asdict(self), "asked_at": iso(self.asked_at), "finished_at": finished, **missing}


def seal(body: dict[str, Any], items: list[Item]) -> bytes:
    """A manifest as bytes."""
    content = json.dumps({**body, "items": [asdict(i) for i in items]}, sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return json.dumps({"sha256": digest, "manifest": content}).encode()


def unseal(id: str, data: bytes) -> tuple[dict[str, Any], list[Item]]:
    """The opposite; raises Corrupt unless the checksum is right."""
    try:
        sealed = json.loads(data)
        content = sealed["manifest"]
        if hashlib.sha256(content.encode()).hexdigest() != sealed["sha256"]:
            raise ValueError("checksum")
        body = json.loads(content)
        return body, [Item(**item) for item in body.pop("items")]
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"The manifest of backup {id} is damaged.") from error


def recalled(id: str, body: dict[str, Any], items: list[Item]) -> Backup:
    """A completed backup as its manifest tells it."""
    return Backup(
        id=id,
        type=body["type"],
        priority=body["priority"],
        by=body["by"],
        asked_at=parse_iso(body["asked_at"]),
        state="COMPLETED",
        finished_at=parse_iso(body["finished_at"]),
        objects=len(items),
        bytes=sum(i.size for i in items),
        missing=body["missing"],
    )


def blob(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"


def manifest(id: str) -> str:
    if not id.replace("-", "").isalnum():
        raise Unknown(f"There is no backup {id!r}.")
    return f"manifests/{id}.json"
