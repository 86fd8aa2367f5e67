"""The one gate. Whatever is not marked PUBLIC needs a session cookie or an API token.

Sessions live in the store: 12 hours without use end one, 14 days end it in any case. A cookie counts for a
change only when the browser says that the request comes from our own pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from tocsin.core.directory import Contact
from tocsin.store import access, directory
from tocsin.store.access import Token, TokenKind
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Lane
from tocsin.web.services import Services

PUBLIC = "public"
"""Marks a handler that anybody may call: `opt={PUBLIC: True}`."""

SESSION_IDLE = timedelta(hours=12)
SESSION_MOST = timedelta(days=14)
SIGN_IN_LASTS = timedelta(minutes=15)
TOUCH_EVERY = timedelta(minutes=5)

FOREIGN = "This request did not come from Tocsin's own pages. Open the page again and press the button there."
CLOSED = "Sign in first, or send an API token as `Authorization: Bearer TOKEN`."


@dataclass(frozen=True, slots=True)
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
        token, kind = _presented(connection, self._services.public_url)
        viewer = await self._viewer(token, kind) if token else None
        if viewer is None:
            raise NotAuthorizedException(CLOSED)
        if kind is TokenKind.SESSION:
            refuse_foreign(connection, self._services.public_url)
        return AuthenticationResult(user=viewer, auth=viewer.kind)

    async def _viewer(self, secret: str, kind: TokenKind) -> Viewer | None:
        now = self._services.clock()

        def find(tx: Transaction) -> tuple[Token, Contact] | None:
            token = access.find(tx, secret, kind, now)
            contact = directory.contacts(tx).get(token.person) if token else None
            return (token, contact) if token and contact else None

        found = await self._services.store.read(find)
        if found is None:
            return None
        token, contact = found
        if kind is TokenKind.SESSION and token.expires_at < now + SESSION_IDLE - TOUCH_EVERY:
            until = min(now + SESSION_IDLE, token.created_at + SESSION_MOST)
            touch = partial(access.touch, token=token, now=now, until=until)
            await self._services.store.write(touch, Lane.HOUSEKEEPING)
        return Viewer(contact, kind, token.hash)


def _presented(connection: ASGIConnection, public_url: str) -> tuple[str, TokenKind]:  # type: ignore[type-arg]  # any connection
    header = connection.headers.get("authorization", "")
    if header[:7].lower() == "bearer ":
        return header[7:].strip(), TokenKind.API
    return connection.cookies.get(cookie_name(public_url), ""), TokenKind.SESSION


def refuse_foreign(connection: ASGIConnection, public_url: str) -> None:  # type: ignore[type-arg]  # any connection
    """Raise 403 for a change that another site's page asks a signed-in browser to make."""
    if connection.scope.get("method") in ("GET", "HEAD"):
        return
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    if site not in (None, "same-origin", "none") or (site is None and origin not in (None, public_url)):
        raise PermissionDeniedException(FOREIGN)


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


def new_sign_in(tx: Transaction, services: Services, contact: Contact) -> str:
    """A one-time address that signs this person in within fifteen minutes."""
    now, secret = services.clock(), services.new_secret()
    until = now + SIGN_IN_LASTS
    access.add(tx, secret, TokenKind.SIGN_IN, contact.id, "sign-in link", now, until)
    return f"{services.public_url}/sign-in/{secret}"
