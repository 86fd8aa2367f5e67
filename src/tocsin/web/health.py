"""How the server is: alive, ready, and in figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import Request, Response, Router, get
from litestar.exceptions import NotAuthorizedException

from tocsin.store import alerts, outbox, subjects
from tocsin.store.transaction import Transaction
from tocsin.web.auth import PUBLIC, is_local, viewer_of
from tocsin.web.services import Services

UNABLE = frozenset({"store", "clock"})
"""Troubles with which a node must get no requests. With any other it takes alerts and answers."""

FIGURES_CLOSED = (
    "Figures name integrations, so they are for this machine and for tokens."
    " Send an API token as `Authorization: Bearer TOKEN`."
)


def router(services: Services) -> Router:
    """/healthz says that the process runs, /readyz that it can do its work, /metrics how much of it.

    Anybody may ask the first two. Figures name integrations and channels: they are for this machine, and for
    whoever has a token.
    """
    meters = services.context.meters

    @get("/healthz", opt={PUBLIC: True}, sync_to_thread=False, include_in_schema=False)
    def healthz() -> dict[str, str]:
        return {"status": "pass"}

    @get("/readyz", opt={PUBLIC: True}, include_in_schema=False)
    async def readyz() -> Response[dict[str, object]]:
        troubles = await services.ready()
        unable = not UNABLE.isdisjoint(troubles)
        status = "fail" if unable else "warn" if troubles else "pass"
        return Response({"status": status, "troubles": troubles}, status_code=503 if unable else 200)

    @get("/metrics", opt={PUBLIC: True}, include_in_schema=False)
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        if not is_local(request) and await viewer_of(services, request) is None:
            raise NotAuthorizedException(FIGURES_CLOSED)
        await services.store.read(_count)
        return Response(meters.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def _count(tx: Transaction) -> None:
        meters.overdue.set(subjects.overdue(tx, services.clock(), timedelta(seconds=5)))
        meters.waiting.set(outbox.waiting(tx))
        meters.untriaged.set(alerts.waiting(tx))

    return Router("/", route_handlers=[healthz, readyz, metrics])
