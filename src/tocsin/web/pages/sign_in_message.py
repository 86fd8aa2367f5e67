"""Asking for a one-time link: it comes as a message, to whoever the directory knows by that address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from tocsin.core.directory import Contact
from tocsin.store import directory, outbox
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Lane
from tocsin.web.auth import PUBLIC, refuse_foreign
from tocsin.web.pages.frame import Asking, Frame, frame, render, times_for
from tocsin.web.services import Services

PREFERRED = ("email", "mailbox")


@dataclass(frozen=True)
class AskedPage:
    """The same for everybody, so that it tells no stranger who is in the directory."""

    frame: Frame


def routes(services: Services) -> list[HTTPRouteHandler]:
    """The one form."""

    @post("/sign-in-message", opt={PUBLIC: True}, status_code=200, include_in_schema=False)
    async def ask(request: Asking) -> Response[str]:
        refuse_foreign(request, services.public_url)
        form = await request.form()
        email, now = str(form.get("email", "")).strip().lower(), services.clock()

        def queue(tx: Transaction) -> None:
            contact = _known(tx, email)
            channel = _channel(contact, services.context.channels) if contact else None
            if contact and channel:
                outbox.put_sign_in(tx, _key(contact, now), contact.id, channel, now)

        await services.store.write(queue, Lane.HOUSEKEEPING)
        page = AskedPage(frame(services, None, times_for(services, None), "sign-in"))
        return render("sign_in_asked.html", page)

    return [ask]


def _known(tx: Transaction, email: str) -> Contact | None:
    found = directory.contacts(tx).values()
    return next((one for one in found if email and one.email.lower() == email), None)


def _channel(contact: Contact, available: frozenset[str]) -> str | None:
    usable = available.intersection(contact.channels)
    return next((one for one in (*PREFERRED, *sorted(usable)) if one in usable), None)


def _key(contact: Contact, now: datetime) -> str:
    # One link a minute for one person, however often a stranger asks.
    return f"sign-in/{contact.id}/{now:%Y%m%d%H%M}"
