"""HEAD, answered as GET is and without its body: calendar programs and uptime checkers ask so first."""

from __future__ import annotations

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send


def answering_head(site: ASGIApp) -> ASGIApp:
    """The site, to which HEAD is a GET of which nobody reads the body (RFC 9110)."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "HEAD":
            await site(scope, receive, send)
            return

        async def head_alone(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                # The answer ends here: a stream then hears that its reader is gone, and ends too.
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        asked: Scope = {**scope, "method": "GET"}
        await site(asked, receive, head_alone)

    return application
