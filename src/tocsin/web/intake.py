"""The addresses that sources speak to: plain ASGI, because this path is measured in thousands a second.

A sender hears 2xx only after the signals are on disk, 429 when too many wait, 503 when they cannot be stored.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from tocsin import limits
from tocsin.core.model import Rejected, Signal
from tocsin.engine.intake import Busy, Intake
from tocsin.store import directory
from tocsin.store.alerts import Received
from tocsin.store.errors import StoreError, StoreFull
from tocsin.web.auth import PUBLIC
from tocsin.web.encodings import DAMAGED, GZIP, Damaged, TooLarge, foreign, unpacked
from tocsin.web.services import Parse, Services

KEYS_LAST = timedelta(seconds=2)
"""How long a routing key that was changed elsewhere may be remembered."""

STRANGE_KEYS_LAST = timedelta(milliseconds=50)
"""How long a key that nobody has may be remembered: who has just made one uses it at once."""

NOT_A_POST = "Events come in by POST."
TOO_LARGE = f"The body is larger than {limits.BODY_BYTES} bytes. Send fewer events at a time."
UNKNOWN_KEY = "No integration has this key. Make one with `tocsin integration add`."
BUSY = "More events wait than this server can store just now. Send this again."
FULL = "The server's disk is full: nothing of this request was stored. Send this again."
BROKEN = "The server could not store this: nothing of it was kept. Send this again."


class Door:
    """What the intake addresses share: keys, and the way to the store."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._intake: Intake = services.intake
        self._keys: Mapping[str, str] = {}
        self._keys_at: datetime | None = None
        self._looking: asyncio.Task[None] | None = None

    async def accept(self, key: str, signals: tuple[Signal, ...], *, key_in_body: bool) -> tuple[int, str]:
        """Store the signals for whose key it is; (202, "") or the status and sentence that say why not."""
        now = self._services.clock()
        meters = self._services.context.meters
        try:
            integration = await self._integration(key, now)
            if integration is None:
                return self.refused(400 if key_in_body else 401, UNKNOWN_KEY)
            await self._intake.accept([Received(integration, signal, now) for signal in signals])
        except (Busy, StoreError) as trouble:
            return self.refused(*_not_stored(trouble))
        meters.signals_of(integration).inc(len(signals))
        return 202, ""

    def refused(self, status: int, why: str) -> tuple[int, str]:
        """Count a request of which nothing is stored."""
        self._services.context.meters.refused.labels(str(status)).inc()
        return status, why

    async def _integration(self, key: str, now: datetime) -> str | None:
        """The integration that a routing key speaks for."""
        hashed = directory.hashed(key)
        lasts = KEYS_LAST if hashed in self._keys else STRANGE_KEYS_LAST
        if self._keys_at is None or not self._keys_at <= now <= self._keys_at + lasts:
            # One look for all who wait: a look by each of them would hold up everything else for a second.
            self._looking = self._looking or asyncio.create_task(self._look(now))
            await asyncio.shield(self._looking)
        return self._keys.get(hashed)

    async def _look(self, now: datetime) -> None:
        try:
            self._keys = await self._services.store.read(directory.keys)
            self._keys_at = now
        finally:
            self._looking = None


def _not_stored(trouble: Busy | StoreError) -> tuple[int, str]:
    if isinstance(trouble, Busy):
        return 429, BUSY
    return 503, FULL if isinstance(trouble, StoreFull) else BROKEN


def routes(services: Services) -> list[ASGIRouteHandler]:
    """One address for each format that the server understands."""
    door = Door(services)
    return [
        asgi(path, copy_scope=False, opt={PUBLIC: True})(_handler(door, parse))
        for path, parse in services.parsers.items()
    ]


def _handler(door: Door, parse: Parse) -> ASGIApp:
    """A format's address. The key stands in the body, or else in `Authorization: Bearer KEY`."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        request = cast(HTTPScope, scope)
        if request["method"] != "POST":
            return await _refuse(send, 405, NOT_A_POST)
        body = b""
        try:
            body = await _body(receive)
            if body.startswith(GZIP):
                body = unpacked(body)
            parsed = parse(body)
        except TooLarge:
            return await _refuse(send, *door.refused(413, TOO_LARGE))
        except Damaged:
            return await _refuse(send, *door.refused(400, DAMAGED))
        except _Left:
            return None
        except Rejected as rejected:
            if why := foreign(request["headers"], body):
                return await _refuse(send, *door.refused(415, why))
            return await _answer(send, rejected.status, rejected.answer)
        key = parsed.key or _bearer(request)
        status, why = await door.accept(key, parsed.signals, key_in_body=bool(parsed.key))
        if status != 202:
            return await _refuse(send, status, why)
        await _answer(send, parsed.status, parsed.answer)

    return handle


def _bearer(scope: HTTPScope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].decode("latin-1").strip()
    return ""


class _Left(Exception):
    """The sender is gone before the end of the body: nobody hears an answer."""


async def _body(receive: Receive) -> bytes:
    """The whole body; raises TooLarge or _Left."""
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] != "http.request":
            raise _Left
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > limits.BODY_BYTES:
            raise TooLarge
        chunks.append(chunk)
        if not event.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _refuse(send: Send, status: int, sentence: str) -> None:
    # PagerDuty's own shape, which its clients print; ours reads the same words.
    body = {"status": "error", "message": sentence, "errors": [sentence]}
    await _answer(send, status, json.dumps(body).encode())


_JSON = (b"content-type", b"application/json")
_COME_BACK = (b"retry-after", b"1")
_MORE = {
    405: (b"allow", b"POST"),
    429: _COME_BACK,
    503: _COME_BACK,
}


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [_JSON, (b"content-length", str(len(body)).encode())]
    if status in _MORE:
        headers.append(_MORE[status])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
