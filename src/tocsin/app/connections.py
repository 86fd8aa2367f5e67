"""Connections to the server: nobody keeps one by being slow, and there are never more than so many.

uvicorn ends an idle connection between two requests, and nothing else: whoever sends a request byte by byte,
or takes no answer, would keep it for ever.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tocsin import limits

log = logging.getLogger("tocsin")

LOOK_SECONDS = 1.0

TOO_SLOW = f"The request was not all here within {limits.CLIENT_SECONDS} seconds. Send it again."
TOO_LONG = f"The request's address and headers are longer than {limits.HEAD_BYTES} bytes. Send less of them."
TOO_MANY = "The server has as many connections as it can serve just now. Send this again."

Ended = Callable[[str], None]


class Door:
    """What the connections of one server share. `ended` hears why one was ended, where its client did not."""

    def __init__(self, connections: set[Any], ended: Ended) -> None:
        self.ended = ended
        self._connections: set[Connection] = connections
        self._slowest: deque[Connection] = deque()

    def slowest(self, newest: Connection) -> Connection | None:
        """Whoever has kept the server waiting longest; None where it is the server that takes its time.

        They stand in line from one search to the next, so that a flood of connections does not make one each.
        """
        while self._slowest:
            one = self._slowest.popleft()
            if one in self._connections and one.waits_for_client():
                return one
        waiting = [one for one in self._connections if one is not newest and one.waits_for_client()]
        self._slowest = deque(sorted(waiting, key=lambda one: one.waits_since))
        return self._slowest.popleft() if self._slowest else None

    async def end_the_slow(self) -> None:
        """Look at all of them, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._slowest.clear()
            for one in list(self._connections):
                try:
                    one.look(loop.time())
                except Exception:
                    log.exception("A connection cannot be looked at.")


class Connection(HttpToolsProtocol):
    """One connection, which gives up a client that leaves it waiting."""

    def __init__(self, config: uvicorn.Config, state: ServerState, door: Door) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self._door = door
        self._head_bytes = 0
        self.waits_since = self.loop.time()
        self._seen: RequestResponseCycle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own
        """Where there are too many, whoever has kept the server waiting longest goes."""
        super().connection_made(transport)
        if len(self.connections) > limits.CONNECTIONS:
            slowest = self._door.slowest(self)
            if slowest is None:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MANY, "too many")
            else:
                slowest.end("too many")

    def data_received(self, data: bytes) -> None:
        """A head without end would be kept in memory."""
        super().data_received(data)
        if self._request is not None and self._request.scope is self.scope:
            self._head_bytes = 0
            return
        self._head_bytes += len(data)
        if self._head_bytes > limits.HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LONG, "too long")

    def look(self, now: float) -> None:
        """End it if its client has let it wait too long; to be called every LOOK_SECONDS.

        Looking costs a busy connection nothing, as noting the time of each request would.
        """
        unsent = self.transport.get_write_buffer_size()
        went_on = self._request is not self._seen or unsent < self._unsent
        if went_on or not self.waits_for_client():
            self.waits_since = now
        elif now - self.waits_since >= limits.CLIENT_SECONDS:
            self._give_up()
        self._seen, self._unsent = self._request, unsent

    def waits_for_client(self) -> bool:
        """Whether the next move is the client's: to send the head, the body, or to take the answer."""
        if self.transport.is_closing() or self.flow.write_paused:
            return True
        if self._request is None or self._request.response_complete:
            return True
        return self._request.more_body and not self.flow.read_paused

    def end(self, why: str) -> None:
        """Hang up at once."""
        self._door.ended(why)
        self.connections.discard(self)
        self.transport.abort()

    @property
    def _request(self) -> RequestResponseCycle | None:
        """The newest whose head has come. (uvicorn's own type leaves out that there is none at first.)"""
        return self.cycle

    def _give_up(self) -> None:
        request = self._request
        if self.transport.is_closing():
            # It was hung up on, politely, and does not take the last words: that is no second case.
            self.transport.abort()
        elif request is not None and not request.response_started:
            # The application hears that the client is gone, and what it says to that nobody hears.
            request.disconnected = True
            request.message_event.set()
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW, "too slow")
            self.waits_since = self.loop.time()
        else:
            self.end("too slow")

    def _refuse(self, status: HTTPStatus, sentence: str, why: str) -> None:
        """Say so in a shape that the clients of every address here can read, and hang up."""
        if self.transport.is_closing():
            return
        self._door.ended(why)
        said = {"type": "about:blank", "title": sentence, "status": status, "detail": sentence}
        # And in PagerDuty's own shape, for what speaks its language.
        body = json.dumps(said | {"message": sentence, "errors": [sentence]})
        again = "" if status is HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE else "retry-after: 1\r\n"
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
        length = f"content-length: {len(body)}\r\nconnection: close\r\n{again}\r\n"
        self.transport.write((head + length + body).encode())
        self.transport.close()
