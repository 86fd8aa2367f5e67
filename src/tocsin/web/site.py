"""The web application: every route, the gate in front of them, and what an error looks like."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from litestar import Litestar, MediaType, Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, InternalServerException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import ASGIRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from tocsin import __version__, limits
from tocsin.store.errors import Conflict, StoreError
from tocsin.web import api, health, intake, oncall
from tocsin.web.auth import Gate
from tocsin.web.bodies import misfits
from tocsin.web.head import answering_head
from tocsin.web.pages import router as pages
from tocsin.web.plan import PlanProblems
from tocsin.web.services import Services

log = logging.getLogger("tocsin.web")

NOT_STORED = "The database did not answer or did not take this just now, so nothing has changed."
OVERTAKEN = "Others changed this at the same moment, so nothing was done. Look again, then ask once more."
BROKEN = "Something broke on the server. It is written in the server's log; paging goes on without this page."

CLIENT_LEFT = "client disconnected prematurely"
"""Litestar's words where a client is gone before the end of its body. Nobody hears the answer to that."""

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}


def create_site(services: Services, *, pages_too: bool = True) -> Litestar:
    """The ASGI application over the given services; without pages it answers only how the node is."""
    handlers: list[Any] = [health.router(services)]
    if pages_too:
        handlers += [*intake.routes(services), api.router(services), oncall.public_feed(services)]
        handlers.append(pages.router(services))
    return Litestar(
        route_handlers=handlers,
        middleware=[DefineMiddleware(Gate, services=services)],
        exception_handlers={
            HTTPException: partial(_refused, services),
            StoreError: partial(_not_stored, services),
            Conflict: partial(_overtaken, services),
            500: partial(_broken, services),
        },
        response_headers=SECURITY_HEADERS,
        request_max_body_size=limits.BODY_BYTES,
        openapi_config=OpenAPIConfig(
            title="Tocsin", version=__version__, path="/api/v1/schema", render_plugins=[JsonRenderPlugin()]
        ),
        logging_config=None,
        debug=False,
    )


def straight(site: Litestar) -> ASGIApp:
    """The site, with the plain ASGI addresses reached past its router and middleware.

    They are open to anybody and answer for themselves, and some thousand events a second pass here.
    Everything else that answers GET answers HEAD.
    """
    rest = answering_head(site)
    plain = {route.path: route.route_handler.fn for route in site.routes if isinstance(route, ASGIRoute)}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        handle = plain.get(scope["path"]) if scope["type"] == ScopeType.HTTP else None
        await (handle or rest)(scope, receive, send)

    return application


def _refused(services: Services, request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """A page for people, problem details (RFC 9457) for programs."""
    detail = misfits(request, error) if isinstance(error, ValidationException) else error.detail
    if isinstance(error, RequestEntityTooLarge):
        most = request.route_handler.resolve_request_max_body_size()
        detail = f"The body is larger than {most} bytes. Send less at a time."
    if _wants_page(request):
        answer: Response[Any] = pages.error_page(services, request, error.status_code, detail)
    else:
        answer = Response(
            {
                "type": "about:blank",
                "title": detail,
                "status": error.status_code,
                "detail": detail,
            }
            | (error.more if isinstance(error, PlanProblems) else {}),
            status_code=error.status_code,
            media_type="application/problem+json",
            headers=error.headers,
        )
    # Litestar sets its response headers on what handlers return, not on what exception handlers do.
    answer.headers.update(SECURITY_HEADERS)
    return answer


def _not_stored(services: Services, request: Request[Any, Any, Any], error: StoreError) -> Response[Any]:
    """The database's own words are for the log: they may tell a stranger where it stands."""
    log.error("%s %s failed: %s", request.method, request.url.path, error)
    return _refused(services, request, HTTPException(NOT_STORED, status_code=503))


def _overtaken(services: Services, request: Request[Any, Any, Any], _: Conflict) -> Response[Any]:
    """Everybody who was faster has done something: this is no fault, and no reason to wait."""
    return _refused(services, request, HTTPException(OVERTAKEN, status_code=409))


def _broken(services: Services, request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A bug of ours: the log has it all, the reader a sentence without our insides."""
    if not (isinstance(error, InternalServerException) and error.detail == CLIENT_LEFT):
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _refused(services, request, HTTPException(BROKEN, status_code=500))


def _wants_page(request: Request[Any, Any, Any]) -> bool:
    return not request.url.path.startswith("/api/") and MediaType.HTML in request.headers.get("accept", "")
