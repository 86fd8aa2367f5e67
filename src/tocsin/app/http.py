"""The HTTP server: uvicorn, with connections of our own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import signal
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from tocsin import limits
from tocsin.app.connections import Connection, Door, Ended
from tocsin.app.start import CannotStart

log = logging.getLogger("tocsin")

FILES = limits.CONNECTIONS + 500
"""What a node may have open at once: its connections, the database, and what goes out."""


def allow_files() -> None:
    """Let this process open enough files; many systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != soft < FILES:
        most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < FILES:
            log.warning(
                "This process may open %d files, and %d connections alone may come."
                " Allow it %d, with `ulimit -n` or LimitNOFILE.",
                most,
                limits.CONNECTIONS,
                FILES,
            )


class HttpServer(uvicorn.Server):
    """uvicorn, with a word when it answers, when it stops and when it ends a connection."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_started: Callable[[], None],
        on_stopping: Callable[[], None],
        on_ended: Ended,
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._on_stopping = on_stopping
        self._door = Door(self.server_state.connections, on_ended)
        self._looking: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Listen, then say so; raises CannotStart when the address cannot be had."""
        config = self.config
        try:
            listening = await asyncio.get_running_loop().create_server(
                lambda: Connection(config, self.server_state, self._door),
                host=config.host,
                port=config.port,
                ssl=config.ssl,
                backlog=config.backlog,
                # uvicorn leaves this at a minute.
                ssl_handshake_timeout=limits.CLIENT_SECONDS if config.ssl else None,
            )
        except OSError as wrong:
            why = str(wrong.strerror or wrong).rpartition(": ")[2]
            raise CannotStart(
                f"{config.host} port {config.port} cannot be listened on: {why}."
                " Name another with --host and --port."
            ) from wrong
        self.servers = [listening]
        self._looking = asyncio.create_task(self._door.end_the_slow())
        self.started = True
        self._on_started()

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """End the streams of live pages first: they would keep the server waiting."""
        self._on_stopping()
        await super().shutdown(sockets)
        if self._looking is not None:
            self._looking.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the signal again at its end, which would kill us before the outbox is drained."""
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, self.handle_exit)
        yield
