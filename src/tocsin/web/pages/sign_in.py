"""Signing in with a one-time link, and out again. In the demo, on this machine, one click is enough."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from tocsin.core.directory import Contact
from tocsin.core.model import PersonId
from tocsin.store import access, directory
from tocsin.store.access import TokenKind
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Lane
from tocsin.web.auth import (
    PUBLIC,
    SIGN_IN_LASTS,
    is_local,
    refuse_foreign,
    session_cookie,
    start_session,
    viewer_of,
)
from tocsin.web.pages.frame import Asking, Frame, frame, render, times_for
from tocsin.web.services import Services

NOT_HERE = "Signing in without a link works in the demo alone, and only from the machine that it runs on."
MINUTES = int(SIGN_IN_LASTS.total_seconds()) // 60


@dataclass(frozen=True)
class Somebody:
    """A person who can be signed in as."""

    id: str
    name: str


@dataclass(frozen=True)
class SignInPage:
    """How to sign in. `people` is filled where one click is enough."""

    frame: Frame
    people: tuple[Somebody, ...]
    next: str
    minutes: int


@dataclass(frozen=True)
class LinkPage:
    """What a one-time link opens: one button, or, with no `name`, why there is none."""

    frame: Frame
    name: str
    minutes: int


def routes(services: Services) -> list[HTTPRouteHandler]:
    """Everything about sessions."""
    public = {PUBLIC: True}

    @get("/sign-in", opt=public, include_in_schema=False)
    async def explain(request: Asking) -> Response[str]:
        contacts = await services.store.read(directory.contacts) if _open_to(services, request) else {}
        page = SignInPage(
            await _frame(services, request),
            tuple(Somebody(one.id, one.name) for one in contacts.values()),
            safe_next(request.query_params.get("next", "")),
            MINUTES,
        )
        return render("sign_in.html", page)

    @post("/sign-in", opt=public, status_code=303, include_in_schema=False)
    async def sign_in_directly(request: Asking) -> Response[str]:
        refuse_foreign(request, services.public_url)
        form = await request.form()
        contacts = await services.store.read(directory.contacts)
        contact = contacts.get(PersonId(str(form.get("person", ""))))
        if contact is None or not _open_to(services, request):
            raise PermissionDeniedException(NOT_HERE)
        return await _signed_in(services, request, contact, safe_next(str(form.get("next", ""))))

    @get("/sign-in/{secret:str}", opt=public, include_in_schema=False)
    async def offer(secret: FromPath[str], request: Asking) -> Response[str]:
        look = partial(_holder, secret=secret, services=services)
        return await _link(services, request, await services.store.read(look))

    @post("/sign-in/{secret:str}", opt=public, status_code=303, include_in_schema=False)
    async def use(secret: FromPath[str], request: Asking) -> Response[str]:
        refuse_foreign(request, services.public_url)
        contact = await services.store.write(partial(_spend, secret=secret, services=services), Lane.ACT)
        if contact is None:
            return await _link(services, request, None)
        return await _signed_in(services, request, contact, "/")

    @post("/sign-out", status_code=303, include_in_schema=False)
    async def sign_out(request: Asking) -> Response[str]:
        end = partial(access.revoke, token_hash=request.user.token_hash)
        await services.store.write(end, Lane.ACT)
        return Redirect("/sign-in", status_code=303, cookies=[session_cookie(services.public_url, "")])

    return [explain, sign_in_directly, offer, use, sign_out]


def safe_next(text: str) -> str:
    """A path of ours to go on to, or the front page for anything that might lead elsewhere."""
    # Browsers read a backslash as a slash, and drop tabs and line breaks, before they look where a link goes.
    plain = text.isascii() and text.isprintable() and "\\" not in text
    if not plain or not text.startswith("/") or text.startswith("//"):
        return "/"
    parts = urlsplit(text)
    return text if not parts.scheme and not parts.netloc else "/"


def _open_to(services: Services, connection: ASGIConnection) -> bool:  # type: ignore[type-arg]  # any connection
    return services.demo and is_local(connection)


def _holder(tx: Transaction, *, secret: str, services: Services) -> Contact | None:
    token = access.find(tx, secret, services.clock(), TokenKind.SIGN_IN)
    return directory.contacts(tx).get(token.person) if token else None


def _spend(tx: Transaction, *, secret: str, services: Services) -> Contact | None:
    token = access.use_once(tx, secret, TokenKind.SIGN_IN, services.clock())
    return directory.contacts(tx).get(token.person) if token else None


async def _link(services: Services, request: Asking, contact: Contact | None) -> Response[str]:
    page = LinkPage(await _frame(services, request), contact.name if contact else "", MINUTES)
    return render("sign_in_link.html", page, 200 if contact else 410)


async def _signed_in(services: Services, request: Asking, contact: Contact, then: str) -> Response[str]:
    before = await viewer_of(services, request)
    if before is not None and before.kind is TokenKind.SESSION:
        # One browser, one session: the one that is being replaced must not live on unseen.
        await services.store.write(partial(access.revoke, token_hash=before.token_hash), Lane.ACT)
    cookie = await start_session(services, contact)
    return Redirect(then, status_code=303, cookies=[cookie])


async def _frame(services: Services, request: Asking) -> Frame:
    viewer = await viewer_of(services, request)
    return frame(services, viewer, times_for(services, viewer.contact if viewer else None), "sign-in")
