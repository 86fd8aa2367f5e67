"""`tocsin sign-in`: by itself, since the web room that knows the link's shape takes long to load."""

from __future__ import annotations

from argparse import Namespace
from functools import partial

from tocsin.app.address import server_address
from tocsin.app.clock import clock, new_secret
from tocsin.cli.admin import person_called
from tocsin.cli.opening import open_store, settings_of
from tocsin.cli.result import Result
from tocsin.web.auth import SIGN_IN_LASTS, sign_in_link


def sign_in(parsed: Namespace) -> Result:
    """A link that works once."""
    settings = settings_of(parsed)
    with open_store(settings) as store:
        make = partial(sign_in_link, secret=new_secret(), public_url=server_address(settings))
        person = person_called(store, parsed.person).id
        link = store.write_now(partial(make, person=person, now=clock()))
    return Result([link], {"link": link, "lasts_minutes": int(SIGN_IN_LASTS.total_seconds() // 60)})
