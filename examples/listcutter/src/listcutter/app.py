"""The ASGI app: routes, errors, headers, and the gate against forms from other sites."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from litestar import Litestar, Request, Response, asgi
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.types import Receive, Scope, Send

from listcutter import limits
from listcutter.api import router
from listcutter.errors import BadRequest, ListCutterError
from listcutter.pages import Trouble, handlers, trouble_page
from listcutter.service import Service
from tocsin_guard import DiskFull, GuardError, users_stream
from tocsin_guard.app import Asgi

log = logging.getLogger("listcutter")

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}


def make_app(service: Service) -> Asgi:
    """List Cutter with guard's operations API around it. Serve it with one process."""

    @asgi("/notices", copy_scope=True)
    async def notices(scope: Scope, receive: Receive, send: Send) -> None:
        await users_stream(service.guard)(scope, receive, send)  # type: ignore[arg-type]  # ASGI, typed more closely

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with service.running():
            yield

    static = create_static_files_router("/static", [Path(__file__).parent / "static"])
    site = Litestar(
        [*handlers, router, notices, static],
        dependencies={"service": Provide(lambda: service, sync_to_thread=False, use_cache=True)},
        signature_namespace={"Service": Service},
        exception_handlers={Exception: partial(_answer_trouble, service)},
        before_request=_at_the_door,
        response_headers=HEADERS,
        request_max_body_size=limits.BODY_BYTES_MAX,
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(
            title="List Cutter", version="1", path="/api/schema", render_plugins=[JsonRenderPlugin()]
        ),
        logging_config=None,
    )
    return service.guard.around(site)


def _at_the_door(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """What is refused before anything is looked at."""
    _read_strictly(request)
    return _from_here(request)


def _read_strictly(request: Request[Any, Any, Any]) -> None:
    """A name that the address does not know is a slip of the pen, and what comes twice says two things."""
    takes = request.route_handler.parsed_fn_signature.parameters
    known = sorted(name for name in takes if name not in {"request", "service", *request.path_params})
    given = [name for name, _ in parse_qsl(request.url.query, keep_blank_values=True)]
    for name in given:
        if name not in known:
            raise BadRequest(f"The query has no {name[:40]!r} here; known: {', '.join(known) or 'none'}.")
        if given.count(name) > 1:
            raise BadRequest(f"The query has {name!r} twice.")


def _from_here(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """Refuse what another site's page sends: there is no login, so the browser's word for where it stands
    decides."""
    if request.method in ("GET", "HEAD"):
        return None
    site, origin = request.headers.get("sec-fetch-site", "none"), request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if site in ("none", "same-origin") and not foreign:
        return None
    return Response("Send this from a page of List Cutter itself.", status_code=403, media_type="text/plain")


def _answer_trouble(service: Service, request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    trouble = _trouble(error)
    if trouble.status == 500:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    if not request.url.path.startswith("/api/"):
        return trouble_page(service, trouble)
    body = {"type": "about:blank", "title": trouble.title, "status": trouble.status, "detail": trouble.detail}
    headers = {"Retry-After": "10"} if trouble.status == 503 else {}
    return Response(
        json.dumps(body).encode(),
        status_code=trouble.status,
        media_type="application/problem+json",
        headers=headers,
    )


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, ListCutterError):
        return Trouble(error.status, error.title, str(error))
    if isinstance(error, DiskFull):
        text = (
            "Storage is away and the local disk is full: nothing new can be kept now. What is here is safe."
        )
        return Trouble(503, "Not available", text)
    if isinstance(error, GuardError):
        return Trouble(503, "Not available", "The storage did not do it. Nothing is lost; try again later.")
    if isinstance(error, ValidationException):
        names = ", ".join(str(part["key"]) for part in error.extra or () if isinstance(part, dict))
        return Trouble(400, "Malformed request", f"The query's {names} is a whole number, such as 1.")
    if isinstance(error, HTTPException):
        detail = "There is nothing at this address." if error.status_code == 404 else str(error.detail)
        return Trouble(error.status_code, "Unknown" if error.status_code == 404 else "Not possible", detail)
    return Trouble(500, "Error in the service", "Something went wrong here; the service's log says what.")
