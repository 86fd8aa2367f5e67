"""The one gate. Whatever is not marked PUBLIC needs a session cookie or an API token.

Sessions live in the store: 12 hours without use end one, 14 days end it in any case. A cookie counts for a
change only when the browser says that the request comes from our own pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from tocsin.core.directory import Contact
from tocsin.core.model import PersonId
from tocsin.store import access, directory
from tocsin.store.access import Token, TokenKind
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Lane
from tocsin.web.services import Services

PUBLIC = "public"
"""Marks a handler that anybody may call: `opt={PUBLIC: True}`."""

PLAN = "plan"
"""Marks a handler that a token for the plan may call: `opt={PLAN: True}`, or `ONLY` when nobody else may."""

ONLY = "only"

SESSION_IDLE = timedelta(hours=12)
SESSION_MOST = timedelta(days=14)
SIGN_IN_LASTS = timedelta(minutes=15)
TOUCH_EVERY = timedelta(minutes=5)

LOOPBACK = ("127.0.0.1", "::1", "localhost")

FOREIGN = "This request did not come from Tocsin's own pages. Open the page again and press the button there."
FOR_THE_PLAN = "This token is good for the plan alone. Make another with `tocsin token add PERSON`."
NOT_FOR_THE_PLAN = (
    "Only a token made for it may put a plan in force. Make one with `tocsin token add PERSON --for plan`."
)
CLOSED = "Sign in first, or send an API token as `Authorization: Bearer TOKEN`."


@dataclass(frozen=True)
class Viewer:
    """Who is looking. `token_hash` names the session or API token."""

    contact: Contact
    kind: TokenKind
    token_hash: str


class Gate(AbstractAuthenticationMiddleware):
    """Sets `request.user` to a Viewer, or refuses."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        super().__init__(app, exclude_from_auth_key=PUBLIC)
        self._services = services

    async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:  # type: ignore[type-arg]  # as the base class has it
        """The viewer of a request; raises 401 or 403."""
        viewer = await viewer_of(self._services, connection, TokenKind.PLAN)
        if viewer is None:
            raise NotAuthorizedException(CLOSED)
        if viewer.kind is TokenKind.SESSION:
            refuse_foreign(connection, self._services.public_url)
        of_the_plan = connection.route_handler.opt.get(PLAN)
        if viewer.kind is TokenKind.PLAN and not of_the_plan:
            raise PermissionDeniedException(FOR_THE_PLAN)
        if viewer.kind is not TokenKind.PLAN and of_the_plan == ONLY:
            raise PermissionDeniedException(NOT_FOR_THE_PLAN)
        return AuthenticationResult(user=viewer, auth=viewer.kind)


async def viewer_of(services: Services, connection: ASGIConnection, *more: TokenKind) -> Viewer | None:  # type: ignore[type-arg]  # any connection
    """Who is looking, by session or API token (`more`: or by these); None for nobody known.

    Public pages ask too, to show whose session this is.
    """
    secret, kind = _presented(connection, services.public_url)
    if not secret:
        return None
    now = services.clock()

    def find(tx: Transaction) -> tuple[Token, Contact] | None:
        token = access.find(tx, secret, now, kind, *more)
        contact = directory.contact(tx, token.person) if token else None
        return (token, contact) if token and contact else None

    found = await services.store.read(find)
    if found is None:
        return None
    token, contact = found
    if token.kind is TokenKind.SESSION and token.expires_at < now + SESSION_IDLE - TOUCH_EVERY:
        until = min(now + SESSION_IDLE, token.created_at + SESSION_MOST)
        touch = partial(access.touch, token=token, now=now, until=until)
        await services.store.write(touch, Lane.HOUSEKEEPING)
    return Viewer(contact, token.kind, token.hash)


def _presented(connection: ASGIConnection, public_url: str) -> tuple[str, TokenKind]:  # type: ignore[type-arg]  # any connection
    header = connection.headers.get("authorization", "")
    if header[:7].lower() == "bearer ":
        return header[7:].strip(), TokenKind.API
    return connection.cookies.get(cookie_name(public_url), ""), TokenKind.SESSION


def refuse_foreign(connection: ASGIConnection, public_url: str, *, opaque: bool = False) -> None:  # type: ignore[type-arg]  # any connection
    """Raise 403 for a change that another site's page asks a signed-in browser to make.

    With `opaque`, a page that hides its origin passes: mail clients show links in such views. Only for what
    no cookie is needed for.
    """
    if connection.scope.get("method") in ("GET", "HEAD"):
        return
    site = connection.headers.get("sec-fetch-site")
    if site is None:
        # Old browsers, and all of them on plain http to anything but this machine: Origin is all there is.
        # No page can choose the Host that a browser names, so an Origin of that host is ours.
        here = urlsplit(f"//{connection.headers.get('host', '')}").netloc
        origin = connection.headers.get("origin")
        ours = (None, public_url, "null") if opaque else (None, public_url)
        foreign = origin not in ours and urlsplit(origin or "").netloc != here
    else:
        foreign = site not in ("same-origin", "none")
    if foreign:
        raise PermissionDeniedException(FOREIGN)


def is_local(connection: ASGIConnection) -> bool:  # type: ignore[type-arg]  # any connection
    """Whether a browser on this very machine asks, at this machine's own name.

    A proxy connects from here too, so whatever was passed on does not count; nor does a foreign name that
    a hostile name server points at 127.0.0.1.
    """
    if any(name in connection.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via")):
        return False
    name = urlsplit(f"//{connection.headers.get('host', '')}").hostname
    return connection.client is not None and connection.client.host in LOOPBACK and name in LOOPBACK


def cookie_name(public_url: str) -> str:
    """`__Host-` binds a cookie to this host alone, but browsers keep it only over https."""
    return "__Host-tocsin" if public_url.startswith("https://") else "tocsin"


def session_cookie(public_url: str, secret: str) -> Cookie:
    """The cookie that carries a session; an empty secret takes it away."""
    return Cookie(
        key=cookie_name(public_url),
        value=secret,
        path="/",
        httponly=True,
        secure=public_url.startswith("https://"),
        samesite="lax",
        max_age=int(SESSION_MOST.total_seconds()) if secret else 0,
    )


async def start_session(services: Services, contact: Contact) -> Cookie:
    """Sign a person in: a new session, and the cookie for it."""
    now, secret = services.clock(), services.new_secret()
    add = partial(
        access.add,
        secret=secret,
        kind=TokenKind.SESSION,
        person=contact.id,
        name="browser",
        now=now,
        until=now + SESSION_IDLE,
    )
    await services.store.write(add, Lane.ACT)
    return session_cookie(services.public_url, secret)


def sign_in_link(tx: Transaction, person: PersonId, now: datetime, *, secret: str, public_url: str) -> str:
    """A one-time address that signs this person in within fifteen minutes."""
    until = now + SIGN_IN_LASTS
    access.add(tx, secret, TokenKind.SIGN_IN, person, "sign-in link", now, until)
    return f"{public_url}/sign-in/{secret}"
