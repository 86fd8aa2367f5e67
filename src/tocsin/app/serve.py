"""Running a server from start to stop.

1. Lock the data, bring the database to today's schema, put plan and people in force.
2. Take back what the process before this one was sending when it died.
3. Turn the wheels and answer requests.
4. On SIGTERM: take no more requests, finish those begun, let what is being sent finish, close.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable
from functools import partial

import uvicorn
import uvloop

from tocsin import logs
from tocsin.app.address import database_password, note_address
from tocsin.app.clock import clock
from tocsin.app.http import HttpServer, allow_files
from tocsin.app.loops import background
from tocsin.app.start import CannotStart, load_plan_and_people, lock, open_store, signing_secret
from tocsin.app.wiring import Server, wire
from tocsin.settings import Settings
from tocsin.store import sending
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction
from tocsin.web.site import create_site, straight

log = logging.getLogger("tocsin")

DRAIN_SECONDS = 13
"""How long a stopping server waits for what it is sending: a little more than a channel may take."""

Started = Callable[[Server], None]


def serve(settings: Settings, started: Started) -> None:
    """Run until told to stop; `started` is called once the server answers.

    Raises CannotStart, AlreadyRunning or a store error when it cannot begin.
    """
    logs.set_up(settings.log, (settings.smtp_password, settings.secret, database_password(settings)))
    lock(settings)
    allow_files()
    store = open_store(settings)
    try:
        load_plan_and_people(store, settings)
        server = wire(settings, store, signing_secret(settings))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(settings, store, server, started))
    finally:
        store.close()


def _http_config(settings: Settings, server: Server) -> uvicorn.Config:
    """Raises CannotStart when the certificate is of no use."""
    config = uvicorn.Config(
        straight(create_site(server.services, pages_too=settings.role != "engine")),
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.tls_certificate or None,
        ssl_keyfile=settings.tls_key or None,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        proxy_headers=False,
        lifespan="off",
    )
    try:
        config.load()
    except OSError as wrong:  # a missing file, and also what TLS finds wrong inside one
        raise CannotStart(
            f"tls_certificate {settings.tls_certificate} with tls_key {settings.tls_key} cannot be used:"
            f" {wrong.strerror or wrong}."
        ) from wrong
    return config


async def _run(settings: Settings, store: Store, server: Server, started: Started) -> None:
    node = server.services.context.node
    await store.write(partial(_take_back, node=node))
    context = server.services.context
    http = HttpServer(
        _http_config(settings, server),
        on_started=partial(started, server),
        on_stopping=server.services.changes.close,
        on_ended=lambda why: context.meters.ended.labels(why).inc(),
    )
    note_address(settings)
    log.info("Node %s starts on %s.", node, settings.public_url)
    _collect_seldom()
    async with background(server, store, engine=settings.role != "web"):
        await http.serve()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            await server.engine.sent()
    log.info("Node %s has stopped.", node)


def _collect_seldom() -> None:
    """What is here by now stays, so the garbage collector need not look at it again; and it looks less often.

    Requests leave hardly any cycles behind, and looking for some after every 700 objects costs 8 %.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _take_back(tx: Transaction, *, node: str) -> None:
    """What a process of this node's name was sending when it died."""
    taken = sending.begin(tx, clock(), node)
    if taken:
        log.warning("%d messages were being sent when the server stopped; they go again.", taken)
