"""Steering faults over HTTP, on loopback only: GET and PUT /faults, PUT /faults/{link}, PUT
/scenarios/{name}, DELETE /faults. Changes are PUT and DELETE, which a page of another site cannot send.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from faults.rules import SCENARIOS, Faults, Malformed, Wish, read_wish

BODY_BYTES_MAX = 64 * 1024

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass
class Control:
    """An ASGI app over links by name."""

    links: Mapping[str, Faults]

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            self.do(scope["method"], scope["path"], await _body(receive))
        except Malformed as refused:
            await _answer(send, 400, {"detail": str(refused)})
        else:
            await _answer(send, 200, self.shown())

    def do(self, method: str, path: str, body: bytes) -> None:
        """Raises Malformed; nothing has changed then."""
        kind, _, name = path.strip("/").partition("/")
        if (method, kind, name) == ("GET", "faults", ""):
            return
        if (method, kind, name) == ("DELETE", "faults", ""):
            self._want({})
        elif (method, kind) == ("PUT", "faults") and name:
            self._link(name).want(read_wish(_json(body)))
        elif (method, kind) == ("PUT", "scenarios"):
            if name not in SCENARIOS:
                raise Malformed(f"There is no scenario {name!r}; there are {', '.join(SCENARIOS)}.")
            for link in SCENARIOS[name]:
                self._link(link)
            self._want(SCENARIOS[name])
        else:
            raise Malformed("Ask GET /faults, PUT /faults/{link}, PUT /scenarios/{name} or DELETE /faults.")

    def _want(self, wishes: Mapping[str, Wish]) -> None:
        """These wishes, and nothing else on any link."""
        for name, faults in self.links.items():
            faults.want(wishes.get(name, Wish()))

    def _link(self, name: str) -> Faults:
        if name not in self.links:
            raise Malformed(f"There is no link {name!r} here; there are {', '.join(self.links)}.")
        return self.links[name]

    def shown(self) -> dict[str, Any]:
        return {name: faults.shown() for name, faults in self.links.items()}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise Malformed('The body is JSON, such as {"outage": true}.') from None


async def _body(receive: Receive) -> bytes:
    parts = bytearray()
    while True:
        message = await receive()
        parts += message.get("body", b"")
        if len(parts) > BODY_BYTES_MAX:
            raise Malformed(f"A body has at most {BODY_BYTES_MAX} bytes here.")
        if not message.get("more_body", False):
            return bytes(parts)


async def _answer(send: Send, status: int, content: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})
