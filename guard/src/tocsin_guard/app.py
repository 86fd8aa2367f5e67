"""The operations API as a plain ASGI app, to mount anywhere or to put around another app.

Envelope: {"data": ...}. Errors: application/problem+json (RFC 9457), one sentence in `detail`, nothing
changed.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote

from tocsin_guard import exposition, limits, operations_page
from tocsin_guard.clock import iso
from tocsin_guard.errors import Corrupt, GuardError, Malformed, Refused, StoreAnswer, Unavailable
from tocsin_guard.estate import Estate
from tocsin_guard.lines import HALF
from tocsin_guard.notify import EVERYONE, Listener
from tocsin_guard.requests import Request, read_body, read_query
from tocsin_guard.routes import ROUTES, Route
from tocsin_guard.tokens import READ, Token, find

log = logging.getLogger("tocsin_guard")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Act = Callable[[], Awaitable[None]]
AnyAsgi = Callable[..., Awaitable[None]]  # as frameworks type it, each with names of its own

JSON, PROBLEM = "application/json", "application/problem+json"
# Addresses whose answer is not the envelope; they need the scope `read`.
PLAIN = {
    "/health": exposition.HEALTH,
    "/metrics": exposition.PROMETHEUS,
    "/health/notifications/stream": "text/event-stream",
}


class Problem(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, title: str, detail: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.headers = status, title, detail, tuple(headers)


class Application:
    """`inner` gets every request that is not for an operations address; without it those are 404."""

    def __init__(self, guard: Estate, start: Act, stop: Act, inner: AnyAsgi | None = None) -> None:
        self.guard, self.start, self.stop, self.inner = guard, start, stop, inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await Lifespan(self.start, self.stop, self.inner, scope).run(receive, send)
            return
        path = _path(scope)
        ours = (
            path in PLAIN
            or path in operations_page.FILES
            or any(_match(route.address, path) is not None for route in ROUTES)
        )
        if self.inner is not None and (scope["type"] != "http" or not ours):
            await self.start()  # only the first time, for servers that send no lifespan
            await self.inner(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, path, receive, send)
        except Problem as problem:
            await _send_problem(send, problem)
        except Exception as error:  # whoever asked hears of it as a problem; the log has what was unforeseen
            told = _as_problem(error)
            if told.status == 500:
                log.exception("guard: %s %s failed", scope["method"], path)
            await _send_problem(send, told)

    async def _answer(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        """1. find the address, 2. who asks and may they, 3. read the request strictly, 4. do it, 5.
        answer.
        """
        await self.start()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = scope["method"]
        if path in operations_page.FILES:
            _only(method, ["GET", "HEAD"])
            kind, file = operations_page.FILES[path]
            await _send(send, 200, file, kind, operations_page.HEADERS, head=method == "HEAD")
            return
        if path in PLAIN:
            _only(method, ["GET", "HEAD"])
            self._authorised(headers, READ)
            await self._plain(path, headers, receive, send, head=method == "HEAD")
            return
        route, variable = _route(method, path)
        if route.summary and self.guard.public_summary and "authorization" not in headers:
            data = await route.handler(self.guard, Request(variable, {}, {}, "public"))
            await _send_json(
                send, 200, {"data": {route.summary: data[route.summary]}}, JSON, head=method == "HEAD"
            )
            return
        token = self._authorised(headers, route.scope)
        query = read_query(scope.get("query_string", b""), route.query)
        body = read_body(await _body(receive), route.body) if method == "POST" else {}
        request = Request(variable, query, body, token.name, headers)
        request.reason(), request.wait_seconds()  # read before anything is done: a refusal changes nothing
        data = await route.handler(self.guard, request)
        content = {"data": data, "as_of": iso(self.guard.clock.now())}
        await _send_json(send, 200, content, JSON, head=method == "HEAD")

    def _authorised(self, headers: dict[str, str], scope: str) -> Token:
        token = find(self.guard.tokens, headers.get("authorization", ""))
        challenge = [("WWW-Authenticate", "Bearer")]
        if token is None:
            raise Problem(
                401, "Not authorised", "Send a token of this service: Authorization: Bearer ....", challenge
            )
        if not token.may(scope):
            raise Problem(403, "Not allowed", f"The token {token.name} lacks the scope {scope}.")
        return token

    async def _plain(
        self, path: str, headers: dict[str, str], receive: Receive, send: Send, head: bool
    ) -> None:
        if path == "/metrics":
            await _send(send, 200, exposition.prometheus(self.guard).encode(), PLAIN[path], head=head)
        elif path == "/health":
            status, body = exposition.health(self.guard)
            await _send_json(send, status, body, PLAIN[path], head=head)
        elif head:  # not a stream that never ends
            await _send(send, 200, b"", PLAIN[path], head=head)
        else:
            await stream(self.guard, EVERYONE, headers, receive, send)


def users_stream(guard: Estate, audience: str = "users") -> Asgi:
    """A plain ASGI app with the in-app messages for an audience: mount it behind the service's own login."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            try:
                await stream(guard, audience, headers, receive, send)
            except Unavailable as error:  # too many listen: no matter of the app that this is mounted in
                await _send_problem(send, _as_problem(error))

    return app


async def stream(guard: Estate, audience: str, headers: dict[str, str], receive: Receive, send: Send) -> None:
    """Server-sent events until the listener goes away, is too slow, or the service stops."""
    last = headers.get("last-event-id", "")
    after = int(last) if last.isdecimal() and len(last) < 18 else 0
    listener = guard.broadcasts.listen(audience)
    sending = asyncio.ensure_future(_send_stream(guard, listener, after, send))
    leaving = asyncio.ensure_future(_gone(receive))
    over = asyncio.ensure_future(listener.over.wait())
    try:
        await asyncio.wait([sending, leaving, over], return_when=asyncio.FIRST_COMPLETED)
        if over.done() and not leaving.done():  # who reads still is told why
            await asyncio.wait(
                [sending, leaving], timeout=limits.SSE_END_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
    finally:
        guard.broadcasts.leave(listener)
        for task in (sending, leaving, over):
            task.cancel()
        results = await asyncio.gather(sending, leaving, over, return_exceptions=True)
    if isinstance(results[0], Exception) and not isinstance(results[0], OSError):
        raise results[0]


async def _send_stream(guard: Estate, listener: Listener, after: int, send: Send) -> None:
    headers = [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async with aclosing(guard.broadcasts.stream(listener, after)) as chunks:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _path(scope: Scope) -> str:
    if scope["type"] not in ("http", "websocket"):
        return ""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    if root and path.startswith(root):
        path = path[len(root) :]
    return path.rstrip("/") or "/"


def _match(address: str, path: str) -> tuple[str, ...] | None:
    """The variable parts, if a path is of an address."""
    wanted, given = address.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    pairs = list(zip(wanted, given, strict=True))
    if any(w not in ("{}", g) or not g for w, g in pairs[1:]):
        return None
    return tuple(unquote(g) for w, g in pairs if w == "{}")


def _route(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    found = [(r, v) for r in ROUTES if (v := _match(r.address, path)) is not None]
    wanted = "GET" if method == "HEAD" else method
    for route, variable in found:
        if route.method == wanted:
            return route, variable
    if not found:
        raise Problem(404, "Unknown", f"There is no address {path}.")
    _only(method, sorted({route.method for route, _ in found}))
    raise AssertionError("unreachable")


def _only(method: str, allowed: list[str]) -> None:
    if method not in allowed:
        names = ", ".join(allowed)
        raise Problem(405, "Wrong method", f"This address takes {names}, not {method}.", [("Allow", names)])


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("The request ended before its body did.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limits.REQUEST_BODY_BYTES_MAX:
            raise Problem(413, "Too large", f"A body has at most {limits.REQUEST_BODY_BYTES_MAX} bytes here.")
        if not message.get("more_body", False):
            return b"".join(parts)


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Refused):
        return Problem(error.status, error.title, str(error))
    if isinstance(error, StoreAnswer):
        return Problem(404, "Unknown", str(error))
    if isinstance(error, Corrupt):
        return Problem(500, "Damaged", str(error))
    if isinstance(error, Unavailable):
        return Problem(503, "Not available", str(error), [("Retry-After", "10")])
    if isinstance(error, GuardError):
        return Problem(503, "Not available", str(error))
    return Problem(500, "Error in the service", "Something went wrong here; the service's log says what.")


async def _send_problem(send: Send, problem: Problem) -> None:
    body = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.detail}
    await _send(send, problem.status, json.dumps(body).encode(), PROBLEM, problem.headers)


async def _send_json(send: Send, status: int, body: object, kind: str, head: bool = False) -> None:
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors=HALF)
    await _send(send, status, data, kind, head=head)


async def _send(
    send: Send,
    status: int,
    data: bytes,
    kind: str,
    headers: Iterable[tuple[str, str]] = (),
    head: bool = False,
) -> None:
    all_headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(data))),
        ("Cache-Control", "no-store"),
        *headers,
    ]
    raw = [(name.lower().encode(), value.encode()) for name, value in all_headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if head else data})


class Lifespan:
    """Start guard before the inner app, stop it after; apps that know no lifespan (Django) are fine."""

    def __init__(self, start: Act, stop: Act, inner: AnyAsgi | None, scope: Scope) -> None:
        self._start, self._stop, self._inner, self._scope = start, stop, inner, scope
        self._answered = False

    async def run(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except Exception as error:  # the server is told why, and ends; it would show a bare trace otherwise
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        if self._inner is not None and await self._inner_ran(self._inner, receive, send):
            return
        if not self._answered:
            await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _inner_ran(self, inner: AnyAsgi, receive: Receive, send: Send) -> bool:
        """Let the inner app take part; False if it does not speak lifespan."""
        begun = False

        async def inner_receive() -> MutableMapping[str, Any]:
            nonlocal begun
            if not begun:
                begun = True
                return {"type": "lifespan.startup"}
            return await receive()

        async def inner_send(message: MutableMapping[str, Any]) -> None:
            self._answered = True
            if message["type"] in (
                "lifespan.shutdown.complete",
                "lifespan.shutdown.failed",
                "lifespan.startup.failed",
            ):
                await self._stop()
            await send(message)

        try:
            await inner(self._scope, inner_receive, inner_send)
        except Exception:  # how an app says that it knows no lifespan is not settled
            if self._answered:
                raise
            return False
        return self._answered
