"""All pages, as one router."""

from __future__ import annotations

from litestar import Router

from tocsin.web.pages import acknowledge, assets, incident, incidents, live, mailbox, sign_in, sign_in_message
from tocsin.web.pages.errors import error_page
from tocsin.web.services import Services

__all__ = ["error_page", "router"]


def router(services: Services) -> Router:
    """The pages over the given services."""
    return Router(
        "/",
        route_handlers=[
            *incidents.routes(services),
            *incident.routes(services),
            *sign_in.routes(services),
            *sign_in_message.routes(services),
            *acknowledge.routes(services),
            *mailbox.routes(services),
            *live.routes(services),
            *assets.routes(assets.assets()),
        ],
    )
