"""How queued operations are carried out: the handler's two questions, and bodies as bytes or files."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tocsin_guard.operations import Operation

Body = bytes | Path


class Handler(Protocol):
    """How one kind of operation is carried out. Raise Unavailable to have it tried again later; any other
    error makes it FAILED at once, for a person to look at."""

    async def apply(self, operation: Operation, body: Body) -> None:
        """Do it. It may be called again with the same idempotency key after a crash."""

    async def applied(self, operation: Operation) -> bool:
        """After a crash or a lost answer: was it done? False if you cannot know."""


Apply = Callable[[Operation, Body], Awaitable[None]]
Applied = Callable[[Operation], Awaitable[bool]]


@dataclass(frozen=True)
class Functions:
    """A Handler made of plain functions."""

    do: Apply
    was_done: Applied | None = None

    async def apply(self, operation: Operation, body: Body) -> None:
        await self.do(operation, body)

    async def applied(self, operation: Operation) -> bool:
        return False if self.was_done is None else await self.was_done(operation)


def digest_file(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()
