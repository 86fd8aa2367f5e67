"""What commands on the server's machine share: settings and the store."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from tocsin.app.address import database_url
from tocsin.cli.result import Failure
from tocsin.settings import SETTINGS, BadSetting, Settings, read_settings
from tocsin.store.database import is_sqlite
from tocsin.store.errors import StoreError, StrangeSchema
from tocsin.store.revision import is_newest
from tocsin.store.store import Store


def settings_of(parsed: Namespace) -> Settings:
    """The settings that the command was given."""
    flags = {one.name: getattr(parsed, one.name, None) for one in SETTINGS}
    try:
        return read_settings(flags, os.environ, demo=getattr(parsed, "demo", False))
    except BadSetting as wrong:
        raise Failure(str(wrong), code=2) from wrong


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """The store of an existing server, which may be running."""
    url = database_url(settings)
    if is_sqlite(url) and not (settings.data / "tocsin.db").exists() and not settings.database:
        raise Failure(f"There is no database in {settings.data}. Name the server's directory with --data.")
    store = Store(url)
    try:
        try:
            if not store.read_now(is_newest):
                import_module("tocsin.store.migrate").migrate(store.writing)
        except StrangeSchema as strange:
            raise Failure(str(strange)) from strange
        except StoreError as trouble:
            raise Failure(
                f"The database cannot be opened: {trouble}. `tocsin doctor` looks what is wrong with it."
            ) from trouble
        yield store
    finally:
        store.close()
