"""All pages, as one router."""

from __future__ import annotations

from litestar import Router
from litestar.config.compression import CompressionConfig
from litestar.middleware import DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware

from tocsin.web.pages import (
    acknowledge,
    assets,
    declare,
    incident,
    incidents,
    live,
    mailbox,
    on_call,
    sign_in,
    sign_in_message,
)
from tocsin.web.pages.assets import AS_IT_IS
from tocsin.web.pages.errors import error_page
from tocsin.web.services import Services

__all__ = ["error_page", "router"]

COMPRESSION = CompressionConfig("gzip", minimum_size=1_000, gzip_compress_level=4, exclude_opt_key=AS_IT_IS)
"""A list of a hundred incidents is 120 kB, and 4 zipped. No page holds a secret for its length to tell."""


def router(services: Services) -> Router:
    """The pages over the given services."""
    return Router(
        "/",
        middleware=[DefineMiddleware(CompressionMiddleware, config=COMPRESSION)],
        route_handlers=[
            *incidents.routes(services),
            *incident.routes(services),
            *declare.routes(services),
            *on_call.routes(services),
            *sign_in.routes(services),
            *sign_in_message.routes(services),
            *acknowledge.routes(services),
            *mailbox.routes(services),
            *live.routes(services),
            *assets.routes(assets.assets()),
        ],
    )
