"""Pushes out of the service: signed webhooks, and state changes to Tocsin or anything like PagerDuty.

They go through the durable queue, so a restart or a receiver that is down loses none; what
began and ended under one key arrives in that order. If the local disk is full they are sent from memory
instead: a full disk must still page.
"""

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tocsin_guard import limits
from tocsin_guard.clock import Clock
from tocsin_guard.errors import GuardError, Rejected, Unavailable
from tocsin_guard.exchange import exchange, unanswered
from tocsin_guard.handlers import Body, Functions
from tocsin_guard.operations import Operation
from tocsin_guard.queue import Patience, Queue

PREFIX = "PUSH:"  # services of the queue that are ours, and not counted as users' operations

Send = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver of broadcasts, signed by Standard Webhooks. `secret` is `whsec_` and base64 of 24 to 64
    bytes;
    several, newest first, while one is being replaced."""

    name: str
    url: str = field(repr=False)  # some receivers put their secret there
    secrets: tuple[str, ...] = field(repr=False)
    audience: str = "response_team"

    def __post_init__(self) -> None:
        _check_url(self.url)
        for secret in self.secrets:
            _key(secret)
        if not self.secrets:
            raise ValueError(f"Webhook {self.name} needs a secret.")


@dataclass(frozen=True, slots=True)
class Pager:
    """Tocsin, PagerDuty, or anything that takes PagerDuty Events v2. `source` names this service."""

    url: str
    routing_key: str = field(repr=False)
    source: str
    name: str = "pager"

    def __post_init__(self) -> None:
        _check_url(self.url)


def sign(secrets: tuple[str, ...], id: str, timestamp: int, body: bytes) -> str:
    """The webhook-signature header: one `v1,...` per secret."""
    content = f"{id}.{timestamp}.".encode() + body
    signatures = (hmac.new(_key(s), content, hashlib.sha256).digest() for s in secrets)
    return " ".join(f"v1,{base64.b64encode(s).decode()}" for s in signatures)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("A webhook secret is 'whsec_' and the base64 of 24 to 64 random bytes.")
    return key


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        shown = f"{parts.scheme}://{parts.hostname}/..." if parts.hostname else "An address without a host"
        raise ValueError(f"{shown} is not an http(s) address without user name.")


async def send_http(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """POST once; gives status and the beginning of the answer. Raises Unavailable when there is no answer."""
    try:
        return await exchange("POST", url, headers, body, limits.PUSH_TIMEOUT_SECONDS)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(
            f"{urlsplit(url).hostname} {unanswered(error, limits.PUSH_TIMEOUT_SECONDS)}"
        ) from error


@dataclass
class Pushes:
    """All receivers. `enqueue` is safe to call from anywhere on the loop; it does not wait."""

    queue: Queue
    clock: Clock
    webhooks: tuple[Webhook, ...] = ()
    pagers: tuple[Pager, ...] = ()
    send: Send = send_http
    kept: Callable[[], None] = lambda: None  # called when something waits to be sent
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _unkept: set[asyncio.Task[None]] = field(default_factory=set)  # sent from memory

    def __post_init__(self) -> None:
        for webhook in self.webhooks:
            self._register(webhook.name, self._webhook(webhook))
        for pager in self.pagers:
            self._register(pager.name, self._pager(pager))

    def _register(self, name: str, deliver: Callable[[Operation, Body], Awaitable[None]]) -> None:
        self.queue.handlers[PREFIX + name, "deliver"] = Functions(deliver)
        self.queue.patience[PREFIX + name] = Patience(limits.PUSH_RETRY_SECONDS, limits.PUSH_STRIKES_MAX)

    def _webhook(self, webhook: Webhook) -> Callable[[Operation, Body], Awaitable[None]]:
        async def deliver(operation: Operation, body: Body) -> None:
            assert isinstance(body, bytes)
            id, timestamp = operation.idempotency_key, int(self.clock.now())
            headers = {
                "Content-Type": "application/json",
                "webhook-id": id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": sign(webhook.secrets, id, timestamp, body),
            }
            status, answer = await self.send(webhook.url, headers, body)
            parts = urlsplit(webhook.url)
            place = f"{parts.path}?{parts.query}" if parts.query else parts.path.strip("/")
            _judge(webhook.name, status, _without(answer, webhook.url, place, parts.query, *webhook.secrets))

        return deliver

    def _pager(self, pager: Pager) -> Callable[[Operation, Body], Awaitable[None]]:
        async def deliver(operation: Operation, body: Body) -> None:
            assert isinstance(body, bytes)
            # The key is put in here, and not where the push waits on the disk.
            content = json.dumps({"routing_key": pager.routing_key, **json.loads(body)}).encode()
            status, answer = await self.send(pager.url, {"Content-Type": "application/json"}, content)
            _judge(pager.name, status, _without(answer, pager.routing_key))

        return deliver

    def broadcast(self, audience: str, data: Mapping[str, Any], type: str, at: str) -> None:
        """Send to every webhook of an audience."""
        body = json.dumps({"type": type, "timestamp": at, "data": data}).encode()
        for webhook in self.webhooks:
            if audience in ("all", webhook.audience):
                self._enqueue(webhook.name, "", body)

    def page(
        self, action: str, key: str, summary: str, severity: str, details: Mapping[str, Any], at: str
    ) -> None:
        """Tell every pager that something began or ended; `key` is what began."""
        for pager in self.pagers:
            content: dict[str, Any] = {
                "event_action": action,
                "dedup_key": f"{pager.source}/{key}"[:255],
            }
            if action == "trigger":
                content["payload"] = {
                    "summary": summary[:1024],
                    "source": pager.source,
                    "severity": severity,
                    "timestamp": at,
                    "component": str(details.get("service", ""))[:255],
                    "class": key.rsplit("/", 1)[-1],
                    "custom_details": dict(details),
                }
            self._enqueue(pager.name, key, json.dumps(content).encode())

    def _enqueue(self, name: str, lane: str, body: bytes) -> None:
        _begin(self._tasks, self._keep(name, lane, body))

    async def _keep(self, name: str, lane: str, body: bytes) -> None:
        id = f"msg_{uuid.uuid4().hex}"
        try:
            # Broadcasts need no order among each other: each is a lane of its own.
            await self.queue.add(PREFIX + name, "deliver", lane or id, {}, body, idempotency_key=id)
        except GuardError:
            _begin(self._unkept, self._from_memory(name, lane, body, id))
        else:
            self.kept()

    async def _from_memory(self, name: str, lane: str, body: bytes, id: str) -> None:
        handler = self.queue.handlers[PREFIX + name, "deliver"]
        now = self.clock.now()
        operation = Operation(0, PREFIX + name, "deliver", lane, id, {}, len(body), "", False, now)
        for wait in limits.PUSH_RETRY_SECONDS:
            try:
                await handler.apply(operation, body)
                return
            except Unavailable:
                await self.clock.sleep(wait)
            except Rejected:
                return

    async def settled(self) -> None:
        """Return when what was handed over so far is on the disk, or is on its way without."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def stop(self) -> None:
        for task in (*self._tasks, *self._unkept):
            task.cancel()


def _begin(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    """Do it in the background, among tasks that somebody holds."""
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _without(answer: bytes, *secrets: str) -> bytes:
    """What a receiver says stands in events; some say what they were given, or asked for."""
    for secret in secrets:
        if secret:
            answer = answer.replace(secret.encode(), b"...")
    return answer


def _judge(name: str, status: int, answer: bytes) -> None:
    if 200 <= status < 300:
        return
    text = answer[:200].decode(errors="replace")
    if status in (408, 409, 425, 429) or status >= 500:
        raise Unavailable(f"{name} answered {status}: {text}")
    raise Rejected(f"{name} refused the message with {status}: {text}")
