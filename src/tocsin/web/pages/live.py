"""One stream of changes for each open page. It says which incident changed, never what: pages read again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

from litestar import get
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from tocsin.web import incidents
from tocsin.web.auth import FOREIGN, PUBLIC, Viewer, viewer_of
from tocsin.web.pages.assets import AS_IT_IS
from tocsin.web.pages.frame import EVERYTHING, Asking
from tocsin.web.services import STOPPING, Change, Services

BETWEEN_SECONDS = 0.25
"""At most four messages a second, however much changes."""

HEARTBEAT_SECONDS = 15.0
"""Proxies close what is silent for longer."""

LASTS = timedelta(minutes=10)
"""Then the browser asks again, and whoever was signed out meanwhile is refused."""

MANY: Change = (EVERYTHING, 0)
"""More changed than is worth listing, or messages were missed: read whatever you show."""

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def routes(services: Services) -> list[HTTPRouteHandler]:
    """The stream. The demo's mailbox is open to everybody, and so is hearing that something changed."""

    @get("/live", opt={PUBLIC: services.demo, AS_IT_IS: True}, include_in_schema=False)
    async def live(request: Asking) -> Stream:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise PermissionDeniedException(FOREIGN)
        viewer = await viewer_of(services, request)
        return Stream(changes(services, viewer), media_type="text/event-stream", headers=HEADERS)

    return [live]


async def changes(services: Services, viewer: Viewer | None) -> AsyncIterator[bytes]:
    """What is sent, until the server stops or the stream has lasted long enough.

    1. Wait for a change, or send a heartbeat.
    2. Gather what else has changed, and send one message, unless it is for others only.
    3. Rest, so that a storm costs four messages a second and no more.
    """
    queue = services.changes.listen()
    until = services.clock() + LASTS
    try:
        # The first bytes tell the browser at once that it is connected.
        yield b"retry: 2000\n\n"
        while services.clock() < until:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    first = await queue.get()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            gathered = _gather(first, queue)
            if STOPPING in gathered:
                return
            change = gathered[0] if len(gathered) == 1 else MANY
            read = partial(incidents.hidden, services=services, viewer=viewer, incident=change[0])
            if change == MANY or not await services.store.read(read):
                yield _message(change)
            await asyncio.sleep(BETWEEN_SECONDS)
    finally:
        services.changes.leave(queue)


def _gather(first: Change, queue: asyncio.Queue[Change]) -> list[Change]:
    """Everything that waits, only the newest version of each incident."""
    newest = dict([first])
    # A queue that was full may have lost its oldest: what they were about is not known.
    if queue.qsize() + 1 >= queue.maxsize:
        newest.update([MANY])
    while not queue.empty():
        newest.update([queue.get_nowait()])
    return list(newest.items())


def _message(change: Change) -> bytes:
    incident, version = change
    return f"data: {json.dumps({'incident': incident, 'version': version})}\n\n".encode()
