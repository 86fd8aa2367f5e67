"""The door for events when the database does not answer."""

from __future__ import annotations

from sqlalchemy import text

from tests.web.support.site import Site
from tocsin.web.intake import BROKEN, Door


def test_keys_that_cannot_be_looked_up_are_no_reason_to_drop_an_event(site: Site) -> None:
    """503 brings the sender back; 400 or 500 would lose its page with some of them."""
    site.store.write_now(lambda tx: tx.execute(text("ALTER TABLE integrations RENAME TO away")))
    door = Door(site.services)
    assert site.run(door.accept("some key", (), key_in_body=True)) == (503, BROKEN)
