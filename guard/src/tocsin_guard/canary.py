"""Test operations: write, read, list and delete an object of our own, and say how each step went.

`direct` goes to the store itself, past breaker and queue: is the store reachable? Otherwise the steps go
through guard, as users' files do: do uploads and downloads work, even if only by queue and copies?
"""

import os
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from tocsin_guard.clock import Clock, iso
from tocsin_guard.errors import GuardError
from tocsin_guard.objects.guarded import CANARY_FOLDER, GuardedStore
from tocsin_guard.settings import TROUBLE


async def run(guarded: GuardedStore, clock: Clock, *, direct: bool) -> dict[str, Any]:
    """All four steps; a failed one does not stop the others, so that what still works is known."""
    key = f"{CANARY_FOLDER}/canary-{uuid.uuid4().hex}"
    content = b"canary " + os.urandom(64).hex().encode()
    steps = _direct(guarded, key, content) if direct else _guarded(guarded, key, content)
    results = [await _step(clock, name, attempt) for name, attempt in steps]
    return {
        "service": guarded.name,
        "path": "store" if direct else "guard",
        "passed": all(step["ok"] for step in results),
        "at": iso(clock.now()),
        "steps": results,
    }


Step = tuple[str, Callable[[], Awaitable[str]]]


def _direct(guarded: GuardedStore, key: str, content: bytes) -> list[Step]:
    store = guarded.store

    async def write() -> str:
        await store.put(key, content, {})
        return ""

    async def read() -> str:
        return (
            "" if await (await store.get(key)).read() == content else "the bytes read are not those written"
        )

    async def listing() -> str:
        return "" if key in [i.key async for i in store.list(CANARY_FOLDER)] else "the listing lacks it"

    async def delete() -> str:
        await store.delete(key)
        return ""

    return [("write", write), ("read", read), ("list", listing), ("delete", delete)]


def _guarded(guarded: GuardedStore, key: str, content: bytes) -> list[Step]:
    async def write() -> str:
        await guarded.put(key, content)
        return ""

    async def read() -> str:
        found = await (await guarded.get(key)).read()
        return "" if found == content else "the bytes read are not those written"

    async def listing() -> str:
        listed = [item.key for item in guarded.list(CANARY_FOLDER)]
        return "" if key in listed else "the listing lacks it"

    async def delete() -> str:
        await guarded.delete(key)
        return ""

    return [("write", write), ("read", read), ("list", listing), ("delete", delete)]


async def _step(clock: Clock, name: str, attempt: Callable[[], Awaitable[str]]) -> dict[str, Any]:
    started = clock.elapsed()
    try:
        error = await attempt()
    except (GuardError, *TROUBLE) as failure:
        error = str(failure) or type(failure).__name__
    result = {"step": name, "ok": not error, "milliseconds": round((clock.elapsed() - started) * 1000, 3)}
    return result | ({"error": error} if error else {})
