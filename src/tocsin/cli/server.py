"""Commands that run and keep the server."""

from __future__ import annotations

from argparse import Namespace

from tocsin.app.clock import clock
from tocsin.app.serve import serve as run_server
from tocsin.app.start import CannotStart
from tocsin.app.wiring import Server
from tocsin.cli.opening import settings_of
from tocsin.cli.result import Failure
from tocsin.settings import DEMO_KEYS, Settings
from tocsin.store import directory
from tocsin.store.errors import AlreadyRunning, StoreError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(parsed: Namespace) -> None:
    """Run until stopped."""
    settings = settings_of(parsed)
    if settings.demo and settings.host not in LOOPBACK:
        raise Failure("The demo has well-known keys, so it serves this machine only: leave --host out.", 2)
    try:
        run_server(settings, lambda server: _welcome(settings, server))
    except (CannotStart, AlreadyRunning, StoreError) as wrong:
        raise Failure(str(wrong)) from wrong
    return None


def _welcome(settings: Settings, server: Server) -> None:
    if not settings.demo:
        return
    store = server.services.store
    first = next(iter(store.read_now(directory.contacts).values()))
    sign_in = server.services.context.sign_in_link
    link = store.write_now(lambda tx: sign_in(tx, first.id, clock()))
    print(
        f"""
Tocsin is ready, with an example plan and invented people.

  Sign in as {first.name}:   {link}
  Local mailbox:         {settings.public_url}/mailbox   (what would have been sent)

Send the first alert from another terminal: make alert, or

  curl -X POST {settings.public_url}/v2/enqueue -H 'Content-Type: application/json' -d '{{
    "routing_key": "{DEMO_KEYS["prometheus"]}", "event_action": "trigger", "dedup_key": "first",
    "payload": {{"summary": "Checkout is down", "source": "shop", "severity": "critical"}}}}'

Stop with Ctrl-C. Data is kept in {settings.data}.
""",
        flush=True,
    )
